import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { writeFileAtomic } from '../core/files.js'

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
export async function saveModel(path: string, model: Uint8Array): Promise<void> {
  try {
    await writeFileAtomic(path, model)
  } catch (error) {
    const rescue = join(tmpdir(), `${process.pid}-${basename(path)}`)
    await writeFileAtomic(rescue, model)
    throw new LanewiseError(
      'IO_ERROR',
      `${(error as Error).message}. The trained model was saved as ${rescue} instead`,
      { cause: error },
    )
  }
}
