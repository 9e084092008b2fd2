import { constants, existsSync, statSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import type { Files, Model, SaveFormat } from '../keras/index.js'
import { writeFile } from './write.js'

const isFolderName = (path: string) => /[/\\]$/.test(path)

/** Refuses, before any work, a file (a folder: with a slash at its end) that `option` names where it can be neither written nor made. Throws IO_ERROR. */
export async function checkWritable(option: string, path: string): Promise<void> {
  const refuse = (problem: string, cause?: unknown) =>
    new LanewiseError('IO_ERROR', `${option} ${path}: ${problem}`, { cause })
  const target = resolve(path)
  if (!isFolderName(path) && existsSync(target) && statSync(target).isDirectory())
    throw refuse('this is a folder; name a file in it')
  let folder = isFolderName(path) ? target : dirname(target)
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  if (!statSync(folder).isDirectory()) throw refuse(`${folder} is a file, not a folder`)
  try {
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw refuse(`the folder ${folder} cannot be written; choose another, or change its permissions`, cause)
  }
}

/** Formats of models by the endings of the files to write. */
const endings: readonly (readonly [ending: RegExp, format: SaveFormat])[] = [
  [/\.onnx$/, 'onnx'],
  [/\.keras$/, 'keras'],
  [/\.weights\.h5$/, 'weights'],
  [/\.h5$/, 'h5'],
  [/\.safetensors$/, 'safetensors'],
  [/(\.json|[/\\])$/, 'tfjs'],
]
export const modelFormats = endings.map(([, format]) => format)

/** The format that a model's path asks for. Throws INVALID_ARGUMENT, with `cure` at its end. */
export function formatOf(path: string, cure: string): SaveFormat {
  const found = endings.find(([ending]) => ending.test(path))
  if (found) return found[1]
  throw new LanewiseError('INVALID_ARGUMENT', `${path} does not say what to write${cure}`)
}

/** Refuses, before any work, a place for a model: an ending that says no format, or what checkWritable refuses. */
export async function checkModelPath(option: string, path: string): Promise<void> {
  formatOf(
    `${option} ${path}`,
    '; end it in .onnx, .keras, .h5, .weights.h5, .safetensors, or .json or / for TensorFlow.js',
  )
  await checkWritable(option, path)
}

/** Writes the model, an ONNX file with the metadata; if the place fails now, to the temporary folder, so that no training is lost. Throws IO_ERROR all the same. */
export async function saveModel(path: string, net: Model, metadata: Record<string, string>): Promise<void> {
  const { folder, files } = await filesFor(path, net, metadata)
  const write = async (place: string, prefix = '') => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(place, `${prefix}${name}`), content)
  }
  try {
    await write(folder)
  } catch (error) {
    await write(tmpdir(), `${process.pid}-`)
    const rescued = Object.keys(files).map((name) => join(tmpdir(), `${process.pid}-${name}`))
    throw new LanewiseError(
      'IO_ERROR',
      `${(error as Error).message}. The trained model was saved as ${rescued.join(', ')} instead`,
      { cause: error },
    )
  }
}

/** The files that stand for a model at `path`, by the format that its ending names. */
async function filesFor(
  path: string,
  net: Model,
  metadata: Record<string, string>,
): Promise<{ folder: string; files: Files }> {
  const [folder, name] = isFolderName(path) ? [path, 'model.json'] : [dirname(path), basename(path)]
  if (formatOf(path, '') !== 'onnx') return { folder, files: await net.toFiles(name) }
  return { folder, files: { [name]: await net.exportOnnx({ metadata }) } }
}
