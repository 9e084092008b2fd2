import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { readHdf5 } from '../data/hdf5/reader.js'
import { parseSafetensors } from '../data/safetensors.js'
import { ZipArchive } from '../data/zip.js'
import { members, parseJson } from '../keras/files/archive.js'
import { type Model, modelFromJSON } from '../keras/index.js'
import { type Kind, lossName, openModel } from './models.js'
import { bytesOf } from './stdin.js'

/** What a file holds: in lines of text, and as what --json prints. */
export interface Description {
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Describes a file of Keras, TensorFlow.js or safetensors. */
export async function describeFile(path: string, kind: Kind): Promise<Description> {
  if (kind === 'weights' || kind === 'safetensors' || (kind === 'h5' && !(await holdsModel(path))))
    return describeWeights(path, kind)
  if (kind === 'config') {
    const model = modelFromJSON(new TextDecoder().decode(await bytesOf(path)))
    return describeModel(kind, model, ["a model's config, without weights"])
  }
  const model = await openModel(path)
  const description = describeModel(kind, model, await headLines(path, kind))
  model.dispose()
  return description
}

function describeModel(kind: Kind, model: Model, head: readonly string[]): Description {
  const layers = model.layers.map((layer) => ({
    name: layer.name,
    className: layer.className,
    outputShape: layer.inboundNodes[0]?.outputs[0].shape,
    parameters: layer.countParams(),
  }))
  return {
    text: [...head, model.summary(null)].join('\n'),
    json: { format: kind, about: head, name: model.name, parameters: model.countParams(), layers },
  }
}

const holdsModel = async (path: string): Promise<boolean> =>
  readHdf5(await bytesOf(path), path).attributes.has('model_config')

async function headLines(path: string, kind: Kind): Promise<string[]> {
  if (kind === 'tfjs') return ['a TensorFlow.js layers model']
  if (kind === 'h5') {
    const root = readHdf5(await bytesOf(path), path)
    return [`a whole model in HDF5, by Keras ${root.textAttribute('keras_version') ?? '1'}`]
  }
  const archive = new ZipArchive(await bytesOf(path), path)
  const { keras_version: version, date_saved: date } = parseJson(archive.need(members.metadata), members.metadata)
  return [`a .keras file, by Keras ${version}, ${date}`, ...(await trainingLines(path))]
}

/** How a .keras file was compiled, as far as it is known here. */
async function trainingLines(path: string): Promise<string[]> {
  try {
    const model = await openModel(path, undefined, true)
    const { compileOptions } = model
    const lines = compileOptions
      ? [
          `compiled with ${model.optimizer.className}, ${model.optimizer.iterations.toLocaleString('en-US')} steps; loss ${lossName(model) ?? 'none'}`,
        ]
      : ['not compiled']
    model.dispose()
    return lines
  } catch (error) {
    if (error instanceof LanewiseError) return [`compiled in a way that is not known here: ${error.message}`]
    throw error
  }
}

async function describeWeights(path: string, kind: Kind): Promise<Description> {
  const bytes = await bytesOf(path)
  const weights =
    kind === 'safetensors'
      ? [...parseSafetensors(bytes, path).tensors].map(([name, { type, dims }]) => ({ name, type, dims }))
      : [...readHdf5(bytes, path).datasets()].map(([name, set]) => ({
          name,
          type: set.dtype ?? 'text',
          dims: set.shape,
        }))
  const total = weights.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
  const lines = [
    `weights without a model: ${weights.length} tensors, ${total.toLocaleString('en-US')} numbers`,
    ...weights.map(({ name, type, dims }) => `  ${name}: ${type} ${formatShape(dims)}`),
  ]
  const listed = weights.map(({ name, type, dims }) => ({ name, type, shape: dims }))
  return { text: lines.join('\n'), json: { format: kind, parameters: total, weights: listed } }
}
