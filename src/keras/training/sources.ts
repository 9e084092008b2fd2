import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import { invalid } from '../config.js'
import { ascending, pass, Session } from './array-pass.js'
import { type Batch, type BatchSource, isDataset, samplesOf } from './batch.js'
import type { DataLike } from './data.js'
import { type Samples, sliceSamples } from './feed.js'
import { type PassHooks, type PassResult, type PassStart, placeOf } from './pass.js'
import type { SampleWeightOptions } from './samples.js'
import type { Trainer } from './trainer.js'

/** Data of either form, for one pass an epoch. */
export interface Source {
  /** Batches of an epoch, if known. */
  readonly batches: number | undefined
  run(epoch: number, training: boolean, hooks: PassHooks, start?: PassStart): Promise<PassResult>
  dispose(): void
}

/** Held-out data: [x, y], [x, y, sampleWeight], an object, or a dataset. */
export type ValidationData = Batch | BatchSource

/** What of the options of `fit` and `evaluate` is about data. */
export interface SourceOptions extends SampleWeightOptions {
  readonly batchSize?: number | null
  readonly residentBytes?: number
}

export interface TrainingSourceOptions extends SourceOptions {
  readonly stepsPerEpoch?: number | null
  readonly validationSplit?: number
  readonly validationData?: ValidationData | null
  readonly validationBatchSize?: number
  readonly validationSteps?: number | null
  readonly shuffle?: boolean
}

function splitSamples(samples: Samples, share: number): [training: Samples, validation: Samples | undefined] {
  if (!(share >= 0 && share < 1)) throw invalid(`validationSplit must be between 0 and 1, got ${share}`)
  if (share === 0) return [samples, undefined]
  const boundary = Math.floor(samples.count * (1 - share))
  if (boundary === 0 || boundary === samples.count)
    throw new LanewiseError(
      'INVALID_DATA',
      `validationSplit ${share} of ${samples.count} samples leaves one part empty`,
    )
  return [sliceSamples(samples, 0, boundary), sliceSamples(samples, boundary, samples.count)]
}

/** The order of the samples, of which so many batches are done. */
type Orders = (batchesDone: number) => Int32Array

const inOrder = (count: number): Orders => {
  const order = ascending(count)
  return () => order
}

function arraySource(session: Session, orders: Orders, steps: number | null | undefined): Source {
  const most = steps ?? session.batches
  return {
    batches: Math.min(most, session.batches),
    run(epoch, training, hooks, start) {
      const { skip } = placeOf(epoch, session.batches, most)
      return pass(session, orders(skip + (start?.batch ?? 0)), training, hooks, start, { skip, most })
    },
    dispose: () => session.dispose(),
  }
}

/** What goes through datasets. */
const streams = () => import('./streams.js')

function refuseTargets(y: DataLike | null | undefined): void {
  if (y) throw invalid('a dataset gives targets with its batches: give null for y, and options after it')
}

/** What `evaluate` measures on: arrays, or a dataset. */
export async function openEvaluation(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: SourceOptions & { readonly steps?: number | null },
): Promise<Source> {
  if (isDataset(x)) {
    refuseTargets(y)
    const { wholePasses } = await streams()
    return wholePasses({ trainer, store, dataset: x, options: {}, steps: options.steps }, true)
  }
  const samples = trainer.samples(x, y, options)
  const session = new Session(trainer, store, samples, trainer.batchSize(options.batchSize), options.residentBytes)
  return evaluated(session, options.steps)
}

const evaluated = (session: Session, steps: number | null | undefined): Source => {
  const source = arraySource(session, inOrder(session.samples.count), steps)
  return { ...source, run: (_epoch, training, hooks, start) => source.run(0, training, hooks, start) }
}

/** What `fit` trains on and what it holds out. */
export async function openTraining(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: TrainingSourceOptions,
): Promise<{ training: Source; validation: Source | undefined }> {
  const batchSize = trainer.batchSize(options.batchSize)
  const { stepsPerEpoch, validationData, validationSteps, residentBytes } = options
  const opened: Session[] = []
  const hold = (samples: Samples, size: number) => {
    const session = new Session(trainer, store, samples, size, residentBytes)
    opened.push(session)
    return session
  }
  try {
    let heldOut: Samples | undefined
    let training: Source
    if (isDataset(x)) {
      refuseTargets(y)
      if (options.validationSplit || options.sampleWeight)
        throw invalid('validationSplit and sampleWeight need arrays; a dataset gives weights with its batches')
      const { runningPasses, wholePasses } = await streams()
      const stream = { trainer, store, dataset: x, options }
      training = stepsPerEpoch ? runningPasses({ ...stream, steps: stepsPerEpoch }) : wholePasses(stream, false)
    } else {
      let samples = trainer.samples(x, y, options)
      if (!validationData) {
        ;[samples, heldOut] = splitSamples(samples, options.validationSplit ?? 0)
        if (heldOut && options.classWeight) heldOut = { ...heldOut, weights: heldOut.weights.map(() => undefined) }
      }
      const { count } = samples
      const orders: Orders =
        options.shuffle === false ? inOrder(count) : (batchesDone) => trainer.shuffledOrder(count, batchesDone)
      training = arraySource(hold(samples, batchSize), orders, stepsPerEpoch)
    }
    if (isDataset(validationData)) {
      const { wholePasses } = await streams()
      const stream = { trainer, store, dataset: validationData, options: {}, steps: validationSteps }
      return { training, validation: wholePasses(stream, true) }
    }
    if (validationData) heldOut = samplesOf(trainer, validationData)
    const size = trainer.batchSize(options.validationBatchSize ?? batchSize)
    return { training, validation: heldOut && evaluated(hold(heldOut, size), validationSteps) }
  } catch (error) {
    for (const session of opened) session.dispose()
    throw error
  }
}
