import { writeFileAtomic } from '../../core/write-files.js'
import { formatSafetensors } from '../../data/safetensors.js'
import { writeZip } from '../../data/zip.js'
import { invalid } from '../config.js'
import type { Model } from '../model.js'
import { members } from './archive.js'
import { compileConfig } from './compile-config.js'
import { h5File } from './h5-write.js'
import { namedWeights } from './layout.js'
import type { Files } from './source.js'
import { tfjsFiles } from './tfjs-write.js'
import { weightsFile } from './write-weights.js'

/** Formats under which a model is saved; `weights` is .weights.h5, `h5` a whole model in .h5, `tfjs` a TensorFlow.js layers model. */
export type SaveFormat = 'keras' | 'weights' | 'h5' | 'safetensors' | 'onnx' | 'tfjs'

/** What `save` and `toFiles` take. */
export interface SaveOptions {
  /** By the name's ending unless given. */
  readonly format?: SaveFormat
  /** Whether files of a compiled model hold how it was compiled (.keras, .h5, .json) and its optimizer's state (.keras, .h5, .weights.h5); true unless given. */
  readonly includeOptimizer?: boolean
}

type Write = (model: Model, name: string, options: { readonly includeOptimizer: boolean }) => Promise<Files>

/** The version of Keras whose files those written here are like. */
const kerasVersion = '3.15.1'

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const formats: Readonly<Record<SaveFormat, { readonly ending: string; readonly write: Write }>> = {
  keras: {
    ending: '.keras',
    write: async (model, name, { includeOptimizer }) => ({ [name]: await kerasFile(model, includeOptimizer) }),
  },
  weights: {
    ending: '.weights.h5',
    write: async (model, name, { includeOptimizer }) => ({
      [name]: await weightsFile(model, includeOptimizer && model.compileOptions !== undefined),
    }),
  },
  h5: {
    ending: '.h5',
    write: async (model, name, { includeOptimizer }) => ({
      [name]: await h5File(model, kerasVersion, includeOptimizer),
    }),
  },
  safetensors: {
    ending: '.safetensors',
    write: async (model, name) => ({ [name]: await safetensorsFile(model) }),
  },
  onnx: { ending: '.onnx', write: async (model, name) => ({ [name]: await model.exportOnnx() }) },
  tfjs: { ending: '.json', write: tfjsFiles },
}

async function kerasFile(model: Model, includeOptimizer: boolean): Promise<Uint8Array> {
  const options = includeOptimizer ? model.compileOptions : undefined
  const saved = new Date().toISOString().slice(0, 19).replace('T', '@')
  return writeZip({
    [members.metadata]: json({ keras_version: kerasVersion, date_saved: saved }),
    [members.config]: json({ ...model.toJSON(), ...(options && { compile_config: compileConfig(model, options) }) }),
    [members.weights]: await weightsFile(model, options !== undefined),
  })
}

async function safetensorsFile(model: Model): Promise<Uint8Array> {
  const contents = await model.readVariables()
  const tensors = [...namedWeights(model)].map(([name, weight]) => [name, contents.get(weight)!] as const)
  return formatSafetensors({ tensors: new Map(tensors), metadata: { model: model.name } })
}

/** See `Model.toFiles`. */
export async function modelFiles(model: Model, name: string, options: SaveOptions = {}): Promise<Files> {
  const known = Object.values(formats)
  const found = options.format ? formats[options.format] : known.find(({ ending }) => name.endsWith(ending))
  if (!found)
    throw invalid(
      `'${options.format ?? name}' does not say what to write: the endings are ${known.map(({ ending }) => ending).join(', ')}`,
    )
  return found.write(model, name, { includeOptimizer: options.includeOptimizer ?? true })
}

/** See `Model.save`. */
export async function saveModel(model: Model, path: string, options?: SaveOptions): Promise<void> {
  if (typeof path !== 'string') throw invalid(`save takes a path, as 'net.keras', got ${path}`)
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1
  const folder = path.slice(0, slash)
  const files = await modelFiles(model, path.slice(slash) || 'model.json', options)
  for (const [name, content] of Object.entries(files)) await writeFileAtomic(`${folder}${name}`, content)
}
