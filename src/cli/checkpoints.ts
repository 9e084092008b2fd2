import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { removeFile } from '../core/write-files.js'
import { type Checkpoint, readCheckpoint } from '../keras/training/checkpoint.js'
import type { Position } from '../keras/training/state.js'
import { lockFolder } from '../search/lock.js'
import { printNotes } from './terminal.js'

/** The options of `train` about checkpoints. */
interface CheckpointOptions {
  readonly checkpoint?: string
  readonly checkpointEvery?: number
  readonly resume?: boolean
}

/** The checkpoint to go on from. Throws INVALID_ARGUMENT rather than lose one that is there, DATA_NOT_FOUND if there is none. */
export async function openCheckpoint({
  checkpoint: folder,
  checkpointEvery,
  resume,
}: CheckpointOptions): Promise<Checkpoint | undefined> {
  if (folder === undefined) {
    const needy = resume ? '--resume' : checkpointEvery && '--checkpoint-every'
    if (needy) throw new LanewiseError('INVALID_ARGUMENT', `${needy} needs --checkpoint <folder>`)
    return undefined
  }
  const found = await readCheckpoint(folder)
  if (found?.note) printNotes([found.note])
  if (resume && !found) throw new LanewiseError('DATA_NOT_FOUND', `--resume: there is no checkpoint in ${folder}`)
  if (!resume && found)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `${folder} holds a checkpoint after ${standOf(found.checkpoint.state.position)}: add --resume to go on, or name another folder`,
    )
  return found?.checkpoint
}

export const standOf = ({ epoch, batch }: Position): string =>
  `${epoch} epoch${epoch === 1 ? '' : 's'}${batch > 0 ? ` and ${batch} batch${batch === 1 ? '' : 'es'}` : ''}`

/** Holds a folder of checkpoints for this process, without what killed processes left half written; gives what lets it go. */
export async function holdCheckpoints(folder: string): Promise<() => Promise<void>> {
  const unlock = await lockFolder(folder, 'training')
  for (const name of await readdir(folder))
    if (/^checkpoint\.safetensors\.\d+\.tmp$/.test(name)) await removeFile(join(folder, name))
  return unlock
}
