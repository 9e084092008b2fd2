import { join } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { readFileIfPresent, writeFileAtomic } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import { formatSafetensors, parseSafetensors } from '../data/safetensors.js'
import type { Model, TrainingState } from '../keras/index.js'

/** What decides the course of a training; a checkpoint serves only a training with the same. */
export type TrainingSettings = Readonly<Record<string, string | number>>

export interface Checkpoint {
  /** Epochs done. */
  readonly epoch: number
  readonly settings: TrainingSettings
  readonly weights: readonly Tensor[]
  readonly state: TrainingState
}

const pathIn = (folder: string) => join(folder, 'checkpoint.safetensors')

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The model as it is now, after `epoch` epochs. */
export async function takeCheckpoint(net: Model, epoch: number, settings: TrainingSettings): Promise<Checkpoint> {
  return { epoch, settings, weights: await net.weightContents(), state: await net.trainingState() }
}

/** Replaces the checkpoint in `folder`, whole or not at all. Throws IO_ERROR. */
export async function writeCheckpoint(folder: string, { epoch, settings, weights, state }: Checkpoint): Promise<void> {
  const tensors = new Map<string, Tensor>()
  weights.forEach((content, i) => {
    tensors.set(`weight/${i}`, content)
    for (const [name, slot] of Object.entries(state.slots[i])) tensors.set(`slot/${i}/${name}`, slot)
  })
  const { iterations, learningRate, seeds } = state
  const training = JSON.stringify({ epoch, settings, iterations, learningRate, seeds })
  const checksum = await digest(formatSafetensors({ tensors, metadata: { training } }))
  await writeFileAtomic(pathIn(folder), formatSafetensors({ tensors, metadata: { training, checksum } }))
}

/** The checkpoint in `folder`; undefined if there is none. Throws INVALID_DATA if it is damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const path = pathIn(folder)
  const bytes = await readFileIfPresent(path)
  if (!bytes) return undefined
  const { tensors, metadata } = parseSafetensors(bytes, path)
  const { training, checksum } = metadata
  if (!training || checksum !== (await digest(formatSafetensors({ tensors, metadata: { training } }))))
    throw new LanewiseError('INVALID_DATA', `${path}: damaged, its checksum is wrong; delete it and start anew`)
  const { epoch, settings, ...rest } = JSON.parse(training)
  const weights: Tensor[] = []
  for (let i = 0; tensors.has(`weight/${i}`); i++) weights.push(tensors.get(`weight/${i}`)!)
  const slots = weights.map((_, i) => {
    const prefix = `slot/${i}/`
    const mine = [...tensors].filter(([name]) => name.startsWith(prefix))
    return Object.fromEntries(mine.map(([name, content]) => [name.slice(prefix.length), content]))
  })
  return { epoch, settings, weights, state: { ...rest, slots } }
}

const short = (value: string | number | undefined): boolean => String(value).length < 40

/** Puts `checkpoint` into a model that is compiled with the same settings. Throws INVALID_ARGUMENT naming what differs. */
export async function resume(
  net: Model,
  { settings: before, weights, state }: Checkpoint,
  settings: TrainingSettings,
): Promise<void> {
  const different = Object.keys({ ...before, ...settings }).filter((key) => before[key] !== settings[key])
  if (different.length > 0)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `--resume: the checkpoint is of another training: ${different
        .map((key) =>
          short(before[key]) && short(settings[key])
            ? `${key} was ${before[key]}, is ${settings[key]}`
            : `the ${key} differs`,
        )
        .join('; ')}`,
    )
  net.setWeights(weights)
  await net.setTrainingState(state)
}
