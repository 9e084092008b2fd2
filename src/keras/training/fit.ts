import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import { Tensor } from '../../core/tensor.js'
import { TurnClock } from '../../core/turns.js'
import { type Callback, History, type TrainedModel } from '../callbacks.js'
import { invalid } from '../config.js'
import { type DataLike, rowsOf } from './data.js'
import { type Samples, sliceSamples } from './feed.js'
import { LogSums, type Logs, prefixed } from './logs.js'
import {
  ascending,
  type Batch,
  type Dataset,
  isDataset,
  type PassHooks,
  type PassStart,
  pass,
  passDataset,
  runBatch,
  Session,
  samplesOf,
  unwatched,
} from './loop.js'
import { Progress, resolveVerbosity, type Verbosity } from './progress.js'
import type { SampleWeightOptions, Trainer } from './trainer.js'

export interface BatchOptions {
  /** 32 unless given. */
  readonly batchSize?: number | null
  readonly verbose?: Verbosity
  /** Data of at most so many bytes is kept in the backend's memory; 1 GiB unless given. */
  readonly residentBytes?: number
}

/** Held-out data: [x, y], [x, y, sampleWeight], an object, or a dataset. */
export type ValidationData = Batch | Dataset

export interface FitOptions extends BatchOptions, SampleWeightOptions {
  readonly epochs?: number
  /** Epochs that are done already. */
  readonly initialEpoch?: number
  /** Batches of that epoch that are done already, as after `setTrainingState` with a state from the midst of an epoch. */
  readonly initialBatch?: number
  /** The last share of the samples is held out, before shuffling. */
  readonly validationSplit?: number
  readonly validationData?: ValidationData | null
  readonly validationBatchSize?: number
  /** Every so many epochs; 1 unless given. */
  readonly validationFreq?: number
  /** A new order of the samples each epoch; true unless given. */
  readonly shuffle?: boolean
  readonly callbacks?: readonly Callback[]
}

export interface EvaluateOptions extends BatchOptions {
  readonly sampleWeight?: DataLike | null
}

const fitOptions: Readonly<Record<keyof FitOptions, true>> = {
  batchSize: true,
  verbose: true,
  residentBytes: true,
  epochs: true,
  initialEpoch: true,
  initialBatch: true,
  validationSplit: true,
  validationData: true,
  validationBatchSize: true,
  validationFreq: true,
  shuffle: true,
  callbacks: true,
  sampleWeight: true,
  classWeight: true,
}

function checkOptions(options: FitOptions): void {
  for (const [name, low] of [
    ['epochs', 0],
    ['initialEpoch', 0],
    ['initialBatch', 0],
    ['validationFreq', 1],
  ] as const) {
    const value = options[name] ?? low
    if (!Number.isInteger(value) || value < low)
      throw invalid(`${name} must be an integer of ${low} or more, got ${value}`)
  }
  const unknown = Object.keys(options).find((name) => !(name in fitOptions))
  if (unknown !== undefined)
    throw invalid(`fit has no option '${unknown}'; its options are ${Object.keys(fitOptions).join(', ')}`)
}

const checkBatchSize = (batchSize: number | null | undefined): number => {
  const size = batchSize ?? 32
  if (!Number.isInteger(size) || size < 1) throw invalid(`batchSize must be an integer of 1 or more, got ${batchSize}`)
  return size
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

/** Runs a pass over data of either form, again and again. */
interface Source {
  /** Number of batches, if known. */
  readonly batches: number | undefined
  run(training: boolean, hooks: PassHooks, start?: PassStart): Promise<{ logs: Logs; batches: number }>
  dispose(): void
}

/** The order of the samples in an epoch of which so many batches are done. */
type Orders = (batchesDone: number) => Int32Array

function arraySource(session: Session, orders: Orders): Source {
  return {
    batches: session.batches,
    run: (training, hooks, start) => pass(session, orders(start?.batch ?? 0), training, hooks, start),
    dispose: () => session.dispose(),
  }
}

function datasetSource(
  trainer: Trainer,
  store: VariableStore,
  dataset: Dataset,
  options: SampleWeightOptions = {},
): Source {
  return {
    batches: undefined,
    run: (training, hooks, start) => passDataset(trainer, store, dataset, training, hooks, options, start),
    dispose: () => {},
  }
}

const inOrder = (count: number): Orders => {
  const order = ascending(count)
  return () => order
}

/** What `fit` trains on and what it holds out. */
function openSources(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | Dataset,
  y: DataLike | null | undefined,
  options: FitOptions,
): { training: Source; validation: Source | undefined } {
  const batchSize = checkBatchSize(options.batchSize)
  const opened: Source[] = []
  const open = (samples: Samples, size: number, orders: Orders) => {
    const source = arraySource(new Session(trainer, store, samples, size, options.residentBytes), orders)
    opened.push(source)
    return source
  }
  try {
    let heldOut: Samples | undefined
    let training: Source
    if (isDataset(x)) {
      if (options.validationSplit || options.sampleWeight)
        throw invalid('validationSplit and sampleWeight need arrays; a dataset gives weights with its batches')
      training = datasetSource(trainer, store, x, options)
    } else {
      let samples = trainer.samples(x, targetsOf(y), options)
      if (options.validationSplit && !options.validationData)
        [samples, heldOut] = splitSamples(samples, options.validationSplit)
      const { count } = samples
      training = open(
        samples,
        batchSize,
        options.shuffle === false ? inOrder(count) : (batchesDone) => trainer.shuffledOrder(count, batchesDone),
      )
    }
    const { validationData } = options
    if (isDataset(validationData)) return { training, validation: datasetSource(trainer, store, validationData) }
    if (validationData) heldOut = samplesOf(trainer, validationData)
    const size = checkBatchSize(options.validationBatchSize ?? batchSize)
    return { training, validation: heldOut && open(heldOut, size, inOrder(heldOut.count)) }
  } catch (error) {
    for (const source of opened) source.dispose()
    throw error
  }
}

function targetsOf(y: DataLike | null | undefined): DataLike {
  if (y === null || y === undefined) throw invalid('targets are missing: give y, or a dataset that gives both')
  return y
}

/** Trains; see Model.fit. */
export function fit(
  trainer: Trainer,
  model: TrainedModel,
  x: DataLike | Dataset,
  y: DataLike | null | undefined,
  options: FitOptions = {},
): Promise<History> {
  return trainer.exclusively(async (store) => {
    checkOptions(options)
    const { epochs = 1, initialEpoch = 0, initialBatch = 0, validationFreq = 1 } = options
    const { sums } = trainer.position()
    const history = new History()
    const all: readonly Callback[] = [...(options.callbacks ?? []), history]
    const progress = new Progress(resolveVerbosity(options.verbose))
    const hooks: PassHooks = {
      begin: all.filter((callback) => callback.onBatchBegin),
      end: all.filter((callback) => callback.onBatchEnd),
      progress,
      clock: new TurnClock(),
      stopped: () => model.stopTraining,
    }
    const { training, validation } = await trainer.surely(store, () => openSources(trainer, store, x, y, options))
    try {
      model.stopTraining = false
      trainer.explains = true
      let logs: Logs = {}
      for (const callback of all) {
        callback.setModel?.(model)
        await callback.onTrainBegin?.()
      }
      for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
        for (const callback of all) await callback.onEpochBegin?.(epoch)
        progress.begin(training.batches, `Epoch ${epoch + 1}/${epochs}`)
        const locate = (stand: () => PassStart) => {
          trainer.position = () => ({ epoch, ...stand() })
        }
        const start = epoch === initialEpoch && initialBatch > 0 ? { batch: initialBatch, sums } : undefined
        const result = await training.run(true, { ...hooks, locate }, start)
        logs = result.logs
        if (validation && (epoch + 1) % validationFreq === 0) {
          for (const callback of all) await callback.onTestBegin?.()
          const measured = (await validation.run(false, unwatched(hooks.clock))).logs
          for (const callback of all) await callback.onTestEnd?.(measured)
          Object.assign(logs, prefixed(measured, 'val_'))
        }
        trainer.position = () => ({ epoch: epoch + 1, batch: 0, sums: [] })
        for (const callback of all) await callback.onEpochEnd?.(epoch, logs)
        progress.end(result.batches, logs)
      }
      if (epochs > 0) await trainer.surely(store, () => trainer.useAverages(store))
      for (const callback of all) await callback.onTrainEnd?.(logs)
      await trainer.copyWeights(store)
      return history
    } finally {
      training.dispose()
      validation?.dispose()
    }
  })
}

/** Measures; see Model.evaluate. */
export function evaluate(
  trainer: Trainer,
  x: DataLike | Dataset,
  y: DataLike | null | undefined,
  options: EvaluateOptions = {},
): Promise<Logs> {
  return trainer.exclusively(async (store) => {
    const source = openEvaluation(trainer, store, x, y, options)
    const progress = new Progress(resolveVerbosity(options.verbose))
    try {
      progress.begin(source.batches)
      const { logs, batches } = await source.run(false, unwatched(new TurnClock(), progress))
      progress.end(batches, logs)
      return logs
    } finally {
      source.dispose()
    }
  })
}

function openEvaluation(
  trainer: Trainer,
  store: VariableStore,
  x: DataLike | Dataset,
  y: DataLike | null | undefined,
  options: EvaluateOptions,
): Source {
  if (isDataset(x)) return datasetSource(trainer, store, x)
  const samples = trainer.samples(x, targetsOf(y), options)
  const session = new Session(trainer, store, samples, checkBatchSize(options.batchSize), options.residentBytes)
  return arraySource(session, inOrder(samples.count))
}

/** Outputs for all samples; see Model.predict. */
export function predict(trainer: Trainer, x: DataLike, options: BatchOptions = {}): Promise<Tensor[]> {
  return trainer.exclusively(async (store) => {
    const inputs = trainer.inputs(x)
    const count = inputs[0].dims[0]
    const batchSize = checkBatchSize(options.batchSize)
    const parts: Tensor[][] = []
    const clock = new TurnClock()
    for (let from = 0; from < count; from += batchSize) {
      const to = Math.min(from + batchSize, count)
      parts.push(
        await trainer.predictBatch(
          store,
          inputs.map((tensor) => rowsOf(tensor, from, to)),
        ),
      )
      if (clock.isDue) await clock.yield()
    }
    return joinRows(parts)
  })
}

/** The parts' rows one after the other, for each output. Throws INVALID_DATA without any. */
function joinRows(parts: readonly (readonly Tensor[])[]): Tensor[] {
  if (parts.length === 0) throw new LanewiseError('INVALID_DATA', 'there are no samples')
  return parts[0].map((first, output) => {
    if (parts.length === 1) return first
    const tensors = parts.map((part) => part[output])
    const size = tensors.reduce((sum, tensor) => sum + tensor.size, 0)
    const data = new (first.data.constructor as Float32ArrayConstructor)(size)
    let offset = 0
    for (const tensor of tensors) {
      data.set(tensor.data as Float32Array, offset)
      offset += tensor.size
    }
    const rows = tensors.reduce((sum, tensor) => sum + tensor.dims[0], 0)
    return new Tensor(first.type, data, [rows, ...first.dims.slice(1)])
  })
}

/** One batch; see Model.trainOnBatch and Model.testOnBatch. */
export function onBatch(
  trainer: Trainer,
  training: boolean,
  x: DataLike,
  y: DataLike,
  options: SampleWeightOptions = {},
): Promise<Logs> {
  return trainer.exclusively(async (store) => {
    const samples = trainer.samples(x, y, options)
    const { step, vector } = await runBatch(trainer, store, samples, training)
    const sums = new LogSums(step.entries)
    sums.add(step.terms, vector, samples.count)
    return sums.logs()
  })
}
