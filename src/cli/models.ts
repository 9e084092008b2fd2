import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { folderError, mismatch } from '../core/file-kinds.js'
import type { Graph } from '../core/ir.js'
import { readSource } from '../core/source.js'
import { isHdf5 } from '../data/hdf5/reader.js'
import { isZip } from '../data/zip.js'
import { snakeCase } from '../keras/config.js'
import { loadKeras, loadOnnx, type Model, modelFromJSON } from '../keras/index.js'
import { loadGraph } from '../onnx/source.js'
import { InferenceSession, type SessionOptions } from '../session.js'
import { lossKey } from './evaluation.js'
import { bytesOf, sourceOf, standard } from './stdin.js'

/** What a file holds, by its name; a folder is a TensorFlow.js model. */
export type Kind = 'onnx' | 'keras' | 'h5' | 'weights' | 'safetensors' | 'tfjs' | 'config'

const endings: readonly (readonly [ending: string, kind: Kind])[] = [
  ['.keras', 'keras'],
  ['.weights.h5', 'weights'],
  ['.h5', 'h5'],
  ['.hdf5', 'h5'],
  ['.safetensors', 'safetensors'],
]

/** The kind of the file at `path`, `-` being standard input. Throws INVALID_ARGUMENT for a folder without model.json. */
export async function kindOf(path: string): Promise<Kind> {
  if (existsSync(path) && statSync(path).isDirectory()) {
    if (existsSync(join(path, 'model.json'))) return 'tfjs'
    throw folderError(path, readdirSync(path))
  }
  if (path === standard) return kindByContent(await bytesOf(path))
  if (path.endsWith('.json')) return (await isTopology(path)) ? 'tfjs' : 'config'
  return endings.find(([ending]) => path.endsWith(ending))?.[1] ?? 'onnx'
}

/** Of standard input, which has no name: by the marks that its kinds begin with. */
function kindByContent(bytes: Uint8Array): Kind {
  if (isZip(bytes)) return 'keras'
  return isHdf5(bytes) ? 'h5' : 'onnx'
}

async function isTopology(path: string): Promise<boolean> {
  const bytes = await readSource(path)
  try {
    return 'modelTopology' in JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    const reason = mismatch('JSON', bytes) ?? `not JSON: ${(cause as Error).message}`
    throw new LanewiseError('INVALID_DATA', `${path}: ${reason}`, { cause })
  }
}

/** Whether a model of this kind is read as layers, with its weights. */
export const isKeras = (kind: Kind): boolean => kind === 'keras' || kind === 'h5' || kind === 'tfjs'

const withoutWeights = (path: string): LanewiseError =>
  new LanewiseError(
    'INVALID_MODEL',
    `${path} holds the config of a model without weights; train it, or convert weights with --model ${path}`,
  )

const withoutModel = (path: string): LanewiseError =>
  new LanewiseError(
    'INVALID_MODEL',
    `${path} holds weights without a model; join them: lanewise convert ${path} out.keras --model model.json`,
  )

/**
 * The model at `path` with its weights, not compiled unless `compile`; the weights of a file without a model go into the one
 * at `modelPath`. Throws what loadKeras and loadOnnx throw, and INVALID_MODEL where weights or a model are missing.
 */
export async function openModel(path: string, modelPath?: string, compile = false): Promise<Model> {
  const kind = await kindOf(path)
  if (isKeras(kind) && modelPath === undefined) return loadKeras(await sourceOf(path), { compile })
  if (kind === 'config') throw withoutWeights(path)
  if (kind === 'onnx') return loadOnnx(await sourceOf(path))
  if (modelPath === undefined) throw withoutModel(path)
  const model =
    (await kindOf(modelPath)) === 'config'
      ? modelFromJSON(new TextDecoder().decode(await readSource(modelPath)))
      : await openModel(modelPath)
  await model.loadWeights(await sourceOf(path))
  return model
}

/** The name of the loss that a model was compiled with, in Keras's form. */
export function lossName({ compileOptions }: Model): string | undefined {
  const loss = compileOptions?.loss as string | { name?: string; class_name?: string } | null | undefined
  if (typeof loss === 'string') return snakeCase(loss)
  return loss ? snakeCase(String(loss.class_name ?? loss.name)) : undefined
}

/** A path as ONNX: itself, or, for Keras files, the bytes of the model. */
async function onnxOf(path: string, compile = false): Promise<string | Uint8Array> {
  const kind = await kindOf(path)
  if (kind === 'onnx') return sourceOf(path)
  if (kind === 'weights' || kind === 'safetensors') throw withoutModel(path)
  const model = await openModel(path, undefined, compile)
  const loss = lossName(model)
  const bytes = await model.exportOnnx({ metadata: loss === undefined ? {} : { [lossKey]: loss } })
  model.dispose()
  return bytes
}

/** The graph of an ONNX model or a Keras file. */
export const openGraph = async (path: string): Promise<Graph> => loadGraph(await onnxOf(path))

/** A session for an ONNX model or a Keras file; where `compile`, its metadata says the loss that a Keras file was compiled with. */
export const openSession = async (
  path: string,
  options?: SessionOptions,
  compile?: boolean,
): Promise<InferenceSession> => InferenceSession.create(await onnxOf(path, compile), options)
