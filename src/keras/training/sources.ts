import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import { invalid } from '../config.js'
import { ascending, pass, Session } from './array-pass.js'
import { type Batch, type BatchSource, isDataset, samplesOf } from './batch.js'
import type { DataLike } from './data.js'
import { type Samples, sliceSamples } from './feed.js'
import type { PassHooks, PassResult, PassStart } from './pass.js'
import type { SampleWeightOptions } from './samples.js'
import { passStream, resultAt } from './stream-pass.js'
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

export const checkBatchSize = (batchSize: number | null | undefined): number => {
  const size = batchSize ?? 32
  if (!Number.isInteger(size) || size < 1) throw invalid(`batchSize must be an integer of 1 or more, got ${batchSize}`)
  return size
}

export function targetsOf(y: DataLike | null | undefined): DataLike {
  if (y === null || y === undefined) throw invalid('targets are missing: give y, or a dataset that gives both')
  return y
}

function splitSamples(samples: Samples, share: number): [training: Samples, validation: Samples] {
  if (!(share > 0 && share < 1)) throw invalid(`validationSplit must be between 0 and 1, got ${share}`)
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

/**
 * Where epoch `epoch` begins in data of `batches` batches, of which each epoch takes `steps`: which pass through the data
 * it is, and after how many batches. As in Keras an epoch ends, short, where the data do.
 */
function placeOf(epoch: number, batches: number, steps: number): { readonly round: number; readonly skip: number } {
  const perRound = Math.ceil(batches / steps)
  return { round: Math.floor(epoch / perRound), skip: (epoch % perRound) * steps }
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

const open = (dataset: BatchSource, round: number): AsyncIterator<Batch> =>
  (dataset.epoch?.(round) ?? dataset)[Symbol.asyncIterator]()

/** Passes over so many batches; gives the last one. */
async function drop(stream: AsyncIterator<Batch>, batches: number): Promise<Batch | undefined> {
  let last: Batch | undefined
  for (let i = 0; i < batches; i++) {
    const next = await stream.next()
    if (next.done) break
    last = next.value
  }
  return last
}

const noBatches = () => invalid('the dataset gave no batches; it must be iterable anew for each epoch')

/** Passes that begin with a dataset's first batch; `anew`: with the same ones each time. */
function wholePasses({ trainer, store, dataset, options, steps }: Stream, anew: boolean): Source {
  const { size } = dataset
  if (size === Number.POSITIVE_INFINITY && !steps)
    throw invalid('the dataset has no end: say how many batches to take, as with stepsPerEpoch')
  return {
    batches: steps ? Math.min(steps, size ?? steps) : size,
    async run(epoch, training, hooks, start) {
      const stream = open(dataset, anew ? 0 : epoch)
      try {
        const last = await drop(stream, start?.batch ?? 0)
        const result = await passStream(trainer, store, stream, training, hooks, options, start, steps ?? undefined)
        if (result) return result
        if (!last) throw noBatches()
        return resultAt(trainer, store, last, start!)
      } finally {
        await stream.return?.()
      }
    },
    dispose: () => {},
  }
}

/** Epochs of `steps` batches, each of which goes on where the last one stopped. */
function runningPasses({ trainer, store, dataset, options, steps }: Stream & { readonly steps: number }): Source {
  const { size } = dataset
  let stream: AsyncIterator<Batch> | undefined
  let round = -1
  const openNext = () => {
    stream = open(dataset, ++round)
    return stream
  }
  const begin = async (epoch: number, batchesDone: number) => {
    const unknown = { round: 0, skip: trainer.isResumed ? epoch * steps : 0 }
    const place = size ? placeOf(epoch, size, steps) : unknown
    round = place.round - 1
    return drop(openNext(), place.skip + batchesDone)
  }
  return {
    batches: Math.min(steps, size ?? steps),
    async run(epoch, training, hooks, start) {
      const last = round < 0 ? await begin(epoch, start?.batch ?? 0) : undefined
      const go = (from: AsyncIterator<Batch>) =>
        passStream(trainer, store, from, training, hooks, options, start, steps)
      let result = await go(stream ?? openNext())
      if (!result && start && last) result = await resultAt(trainer, store, last, start)
      result ??= await go(openNext())
      if (!result) throw noBatches()
      if (result.batches < steps && !hooks.stopped()) {
        if (size === undefined)
          trainer.say(`the dataset ended after ${result.batches} of the ${steps} batches of epoch ${epoch + 1}`)
        stream = undefined
      }
      return result
    },
    dispose: () => void stream?.return?.(),
  }
}

interface Stream {
  readonly trainer: Trainer
  readonly store: VariableStore
  readonly dataset: BatchSource
  readonly options: SampleWeightOptions
  readonly steps?: number | null
}

/** What `evaluate` measures on: arrays, or a dataset. */
export function openEvaluation(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: SourceOptions & { readonly steps?: number | null },
): Source {
  if (isDataset(x)) return wholePasses({ trainer, store, dataset: x, options: {}, steps: options.steps }, true)
  const samples = trainer.samples(x, targetsOf(y), options)
  const session = new Session(trainer, store, samples, checkBatchSize(options.batchSize), options.residentBytes)
  return evaluated(session, options.steps)
}

const evaluated = (session: Session, steps: number | null | undefined): Source => {
  const source = arraySource(session, inOrder(session.samples.count), steps)
  return { ...source, run: (_epoch, training, hooks, start) => source.run(0, training, hooks, start) }
}

/** What `fit` trains on and what it holds out. */
export function openTraining(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: TrainingSourceOptions,
): { training: Source; validation: Source | undefined } {
  const batchSize = checkBatchSize(options.batchSize)
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
      if (options.validationSplit || options.sampleWeight)
        throw invalid('validationSplit and sampleWeight need arrays; a dataset gives weights with its batches')
      const stream = { trainer, store, dataset: x, options }
      training = stepsPerEpoch ? runningPasses({ ...stream, steps: stepsPerEpoch }) : wholePasses(stream, false)
    } else {
      let samples = trainer.samples(x, targetsOf(y), options)
      if (options.validationSplit && !validationData) {
        ;[samples, heldOut] = splitSamples(samples, options.validationSplit)
        if (options.classWeight) heldOut = { ...heldOut, weights: heldOut.weights.map(() => undefined) }
      }
      const { count } = samples
      const orders: Orders =
        options.shuffle === false ? inOrder(count) : (batchesDone) => trainer.shuffledOrder(count, batchesDone)
      training = arraySource(hold(samples, batchSize), orders, stepsPerEpoch)
    }
    if (isDataset(validationData)) {
      const stream = { trainer, store, dataset: validationData, options: {}, steps: validationSteps }
      return { training, validation: wholePasses(stream, true) }
    }
    if (validationData) heldOut = samplesOf(trainer, validationData)
    const size = checkBatchSize(options.validationBatchSize ?? batchSize)
    return { training, validation: heldOut && evaluated(hold(heldOut, size), validationSteps) }
  } catch (error) {
    for (const session of opened) session.dispose()
    throw error
  }
}
