import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import { formatShape } from '../core/shape.js'
import { readHdf5 } from '../data/hdf5/reader.js'
import { parseSafetensors } from '../data/safetensors.js'
import { ZipArchive } from '../data/zip.js'
import { members, parseJson } from '../keras/files/archive.js'
import { modelFromJSON } from '../keras/index.js'
import { type Kind, lossName, openModel } from './models.js'

/** What a file of Keras, TensorFlow.js or safetensors holds, in lines of text. */
export async function describeFile(path: string, kind: Kind): Promise<string> {
  if (kind === 'weights' || kind === 'safetensors' || (kind === 'h5' && !(await holdsModel(path))))
    return weightLines(path, kind)
  if (kind === 'config') {
    const text = new TextDecoder().decode(await readFile(path))
    return `a model's config, without weights\n${modelFromJSON(text).summary(null)}`
  }
  const model = await openModel(path)
  const lines = [...(await headLines(path, kind)), model.summary(null)]
  model.dispose()
  return lines.join('\n')
}

const holdsModel = async (path: string): Promise<boolean> =>
  readHdf5(await readFile(path), path).attributes.has('model_config')

async function headLines(path: string, kind: Kind): Promise<string[]> {
  if (kind === 'tfjs') return ['a TensorFlow.js layers model']
  if (kind === 'h5') {
    const root = readHdf5(await readFile(path), path)
    return [`a whole model in HDF5, by Keras ${root.textAttribute('keras_version') ?? '1'}`]
  }
  const archive = new ZipArchive(await readFile(path), path)
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

async function weightLines(path: string, kind: Kind): Promise<string> {
  const bytes = await readFile(path)
  const weights =
    kind === 'safetensors'
      ? [...parseSafetensors(bytes, path).tensors].map(([name, { type, dims }]) => ({ name, type, dims }))
      : [...readHdf5(bytes, path).datasets()].map(([name, set]) => ({
          name,
          type: set.dtype ?? 'text',
          dims: set.shape,
        }))
  const total = weights.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
  return [
    `weights without a model: ${weights.length} tensors, ${total.toLocaleString('en-US')} numbers`,
    ...weights.map(({ name, type, dims }) => `  ${name}: ${type} ${formatShape(dims)}`),
  ].join('\n')
}
