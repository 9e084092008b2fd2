import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { writeFileAtomic } from '../core/files.js'
import type { Files, Model } from '../keras/index.js'
import { lossKey } from './evaluation.js'

/** Refuses, before any work, a file that `option` names in a folder that cannot be written. Throws IO_ERROR. */
export async function checkWritable(option: string, path: string): Promise<void> {
  const folder = dirname(resolve(path))
  try {
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new LanewiseError('IO_ERROR', `${option} ${path}: the folder ${folder} is missing or not writable`, { cause })
  }
}

/** Writes the model; if the place fails now, to the temporary folder, so that no training is lost. Throws IO_ERROR all the same. */
export async function saveModel(path: string, net: Model, loss: string): Promise<void> {
  const { folder, files } = await filesFor(path, net, loss)
  const write = async (place: string, prefix = '') => {
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(place, `${prefix}${name}`), content)
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

/** The files that stand for a model at `path`: ONNX, unless its ending says otherwise. */
async function filesFor(path: string, net: Model, loss: string): Promise<{ folder: string; files: Files }> {
  const [folder, name] = /[/\\]$/.test(path) ? [path, 'model.json'] : [dirname(path), basename(path)]
  if (/\.(keras|h5|safetensors|json)$/.test(name)) return { folder, files: await net.toFiles(name) }
  return { folder, files: { [name]: await net.exportOnnx({ metadata: { [lossKey]: loss } }) } }
}
