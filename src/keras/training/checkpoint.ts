import { LanewiseError } from '../../core/errors.js'
import { readFileIfPresent } from '../../core/files.js'
import type { Tensor } from '../../core/tensor.js'
import { removeFile, writeFileAtomic } from '../../core/write-files.js'
import { formatSafetensors, parseSafetensors } from '../../data/safetensors.js'
import type { TrainingState } from './state.js'

/** What decides the course of a training; a checkpoint serves only a training with the same. */
export type TrainingSettings = Readonly<Record<string, string | number>>

/** A training between two steps. */
export interface Checkpoint {
  readonly settings: TrainingSettings
  readonly weights: readonly Tensor[]
  readonly state: TrainingState
}

/** What checkpoints are taken of, and go back into. */
export interface Trained {
  weightContents(): Promise<readonly Tensor[]>
  trainingState(): Promise<TrainingState>
  setWeights(tensors: readonly Tensor[]): void
  setTrainingState(state: TrainingState): Promise<void>
}

const file = (folder: string) => `${folder}/checkpoint.safetensors`
const previousFile = (folder: string) => `${folder}/checkpoint.previous.safetensors`

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The training as it is now, which is at a batch's or an epoch's end when a callback asks. */
export async function takeCheckpoint(model: Trained, settings: TrainingSettings = {}): Promise<Checkpoint> {
  return { settings, weights: await model.weightContents(), state: await model.trainingState() }
}

/** A checkpoint as a .safetensors file with a checksum over all of it. */
export async function formatCheckpoint({ settings, weights, state }: Checkpoint): Promise<Uint8Array> {
  const { slots, ...rest } = state
  const tensors = new Map<string, Tensor>()
  weights.forEach((content, i) => {
    tensors.set(`weight/${i}`, content)
    for (const [name, slot] of Object.entries(slots[i])) tensors.set(`slot/${i}/${name}`, slot)
  })
  const training = JSON.stringify({ settings, ...rest })
  const checksum = await digest(formatSafetensors({ tensors, metadata: { training } }))
  return formatSafetensors({ tensors, metadata: { training, checksum } })
}

/** Reads what `formatCheckpoint` wrote. Throws INVALID_DATA, naming `name`, if it is damaged. */
export async function parseCheckpoint(bytes: Uint8Array, name: string): Promise<Checkpoint> {
  const { tensors, metadata } = parseSafetensors(bytes, name)
  const { training, checksum } = metadata
  if (!training || checksum !== (await digest(formatSafetensors({ tensors, metadata: { training } }))))
    throw new LanewiseError('INVALID_DATA', `${name}: its checksum is wrong`)
  const { settings, ...rest } = JSON.parse(training)
  const weights: Tensor[] = []
  for (let i = 0; tensors.has(`weight/${i}`); i++) weights.push(tensors.get(`weight/${i}`)!)
  const slots = weights.map((_, i) => {
    const prefix = `slot/${i}/`
    const mine = [...tensors].filter(([name]) => name.startsWith(prefix))
    return Object.fromEntries(mine.map(([name, content]) => [name.slice(prefix.length), content]))
  })
  return { settings, weights, state: { ...rest, slots } }
}

/** Replaces the checkpoint in `folder`, whole or not at all; the one before it is kept beside it. Throws IO_ERROR. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  await writeFileAtomic(file(folder), await formatCheckpoint(checkpoint), previousFile(folder))
}

/** Removes the checkpoints in `folder`, as after a training that came to its end. */
export async function removeCheckpoints(folder: string): Promise<void> {
  for (const path of [file(folder), previousFile(folder)]) await removeFile(path)
}

/**
 * The newest checkpoint in `folder` that is whole; undefined if there is none. Where it is not the last that was
 * written, `note` says so, and why. Throws INVALID_DATA if all are damaged.
 */
export async function readCheckpoint(folder: string): Promise<{ checkpoint: Checkpoint; note?: string } | undefined> {
  let damage: Error | undefined
  for (const path of [file(folder), previousFile(folder)]) {
    const bytes = await readFileIfPresent(path)
    if (!bytes) continue
    try {
      const checkpoint = await parseCheckpoint(bytes, path)
      if (!damage) return { checkpoint }
      return { checkpoint, note: `a damaged checkpoint was passed over, the one before it serves (${damage.message})` }
    } catch (error) {
      damage ??= error as Error
    }
  }
  if (damage)
    throw new LanewiseError(
      'INVALID_DATA',
      `there is no whole checkpoint in ${folder}: ${damage.message}; delete it and start anew`,
      { cause: damage },
    )
  return undefined
}

const short = (value: string | number | undefined): boolean => String(value).length < 40

/** Puts `checkpoint` into a model that is compiled with the same settings. Throws INVALID_ARGUMENT naming what differs. */
export async function restoreCheckpoint(
  model: Trained,
  { settings: before, weights, state }: Checkpoint,
  settings: TrainingSettings = {},
): Promise<void> {
  const different = Object.keys({ ...before, ...settings }).filter((key) => before[key] !== settings[key])
  if (different.length > 0)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `the checkpoint is of another training: ${different
        .map((key) =>
          short(before[key]) && short(settings[key])
            ? `${key} was ${before[key]}, is ${settings[key]}`
            : `the ${key} differs`,
        )
        .join('; ')}`,
    )
  model.setWeights(weights)
  await model.setTrainingState(state)
}
