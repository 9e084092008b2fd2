import { LanewiseError } from '../../core/errors.js'
import { mismatch } from '../../core/file-kinds.js'
import type { ReadOptions } from '../../core/source.js'
import { type Hdf5Dataset, type Hdf5Group, isHdf5, readHdf5 } from '../../data/hdf5/reader.js'
import { isZip, ZipArchive } from '../../data/zip.js'
import { isKerasObject, type KerasObject } from '../config.js'
import type { Model } from '../model.js'
import { members, parseJson } from './archive.js'
import { withVocabularies } from './assets.js'
import { compileFrom } from './compile-config.js'
import { applyContents } from './contents.js'
import { modernLayer, modernTraining } from './keras2.js'
import { restoreOptimizer } from './optimizer-state.js'
import { type KerasSource, type OpenedFile, openSource } from './source.js'
import { isTfjs, readTfjsModel } from './tfjs.js'
import { optimizerDatasets, readLegacyWeights, readWeights } from './weights-h5.js'

/** What `loadKeras` takes. */
export interface LoadKerasOptions extends ReadOptions {
  /** Compile the model as the file says, and take over its optimizer's state; true unless given. */
  readonly compile?: boolean
}

/** `modelFromJSON`: given, not imported, so that a page's bundler does not take layers for a part of this chunk. */
export type ReadModel = (json: object) => Promise<Model>

/** A model from its object; errors name `place`. */
async function buildModel(readModel: ReadModel, object: () => unknown, place: string): Promise<Model> {
  try {
    return await readModel(modernLayer(object()))
  } catch (cause) {
    if (cause instanceof LanewiseError) throw new LanewiseError(cause.code, `${place}: ${cause.message}`, { cause })
    throw new LanewiseError('INVALID_MODEL', `${place}: not a model's config (${(cause as Error).message})`, { cause })
  }
}

/** See `loadKeras` of src/keras/index.ts. */
export async function loadKeras(
  readModel: ReadModel,
  source: KerasSource,
  { compile = true, ...reading }: LoadKerasOptions = {},
): Promise<Model> {
  const file = await openSource(source, reading)
  const { bytes, name } = file
  const archive = isZip(bytes) ? new ZipArchive(bytes, name) : undefined
  if (archive?.names.includes(members.config)) return fromArchive(readModel, archive, compile)
  if (isHdf5(bytes)) return fromHdf5(readModel, readHdf5(bytes, name), name, compile)
  if (isTfjs(bytes)) return fromTfjs(readModel, file, compile)
  throw new LanewiseError(
    'INVALID_DATA',
    `${name}: ${mismatch('a Keras file', bytes) ?? 'neither a .keras file, nor a whole model in .h5, nor the model.json of a TensorFlow.js layers model'}`,
  )
}

async function fromArchive(readModel: ReadModel, archive: ZipArchive, compile: boolean): Promise<Model> {
  const { name } = archive
  const config = parseJson(archive.need(members.config), `${name}: ${members.config}`)
  const root = readHdf5(archive.need(members.weights), `${name}: ${members.weights}`)
  const model = await buildModel(readModel, () => withVocabularies(config, archive), `${name}: ${members.config}`)
  applyContents(readWeights(root, model, `${name}: ${members.weights}`))
  const compiled = config.compile_config as KerasObject['config'] | null | undefined
  if (!compile || !compiled || Object.keys(compiled).length === 0) return model
  compileFrom(model, () => compiled, `${name}: compile_config`)
  // What scales losses for float16 has the optimizer within it.
  const state = root.group('optimizer/inner_optimizer/vars') ?? root.group('optimizer/vars')
  const variables = (state?.names ?? []).map((_, i) => state!.dataset(String(i)))
  await restore(model, variables, `${name}: ${members.weights}: optimizer/vars`)
  return model
}

async function fromHdf5(readModel: ReadModel, root: Hdf5Group, name: string, compile: boolean): Promise<Model> {
  const text = root.textAttribute('model_config')
  if (text === undefined)
    throw new LanewiseError(
      'INVALID_DATA',
      `${name}: it holds weights, but no model; build the model and call its loadWeights('${name}')`,
    )
  const model = await buildModel(readModel, () => parseJson(text, `${name}: model_config`), `${name}: model_config`)
  const group = root.group('model_weights')
  if (!group) throw new LanewiseError('INVALID_DATA', `${name}: it has no group model_weights`)
  applyContents(readLegacyWeights(group, model, name))
  const training = root.textAttribute('training_config')
  if (!compile || training === undefined) return model
  const config = parseJson(training, `${name}: training_config`)
  compileFrom(model, () => modernTraining(config), `${name}: training_config`)
  const state = root.group('optimizer_weights')
  const { optimizer_config: optimizer } = config
  const isScaled = isKerasObject(optimizer) && optimizer.class_name === 'LossScaleOptimizer'
  if (state && root.textAttribute('keras_version')?.startsWith('3.'))
    await restore(model, optimizerDatasets(state, isScaled), `${name}: optimizer_weights`)
  return model
}

async function fromTfjs(readModel: ReadModel, file: OpenedFile, compile: boolean): Promise<Model> {
  const { topology, training, read } = await readTfjsModel(file)
  const model = await buildModel(readModel, () => topology, `${file.name}: modelTopology`)
  applyContents(read(model))
  if (compile && training) compileFrom(model, () => modernTraining(training), `${file.name}: training_config`)
  return model
}

async function restore(model: Model, variables: readonly (Hdf5Dataset | undefined)[], place: string): Promise<void> {
  if (variables.length === 0) return
  if (variables.includes(undefined))
    throw new LanewiseError('INVALID_DATA', `${place}: one of its variables is missing`)
  await restoreOptimizer(
    model,
    variables.map((variable) => variable!.read()),
    place,
  )
}
