import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import { RandomGenerator } from '../../core/random.js'
import { Tensor } from '../../core/tensor.js'
import { type Callback, History, type TrainedModel } from '../callbacks.js'
import { invalid } from '../config.js'
import { nextSeed } from '../seed.js'
import { type DataLike, rowsOf } from './data.js'
import { createFeed, type Feed, fedSources, type Samples, sliceSamples } from './feed.js'
import { LogSums, type Logs, prefixed } from './logs.js'
import { Progress, resolveVerbosity, type Verbosity } from './progress.js'
import type { LoadedStep, SampleWeightOptions, Trainer } from './trainer.js'

export interface BatchOptions {
  /** 32 unless given. */
  readonly batchSize?: number | null
  readonly verbose?: Verbosity
  /** Data of at most so many bytes is kept in the backend's memory; 1 GiB unless given. */
  readonly residentBytes?: number
}

/** Held-out data: [x, y], [x, y, sampleWeight], or an object. */
export type ValidationData =
  | readonly [x: DataLike, y: DataLike, sampleWeight?: DataLike]
  | { readonly x: DataLike; readonly y: DataLike; readonly sampleWeight?: DataLike }

export interface FitOptions extends BatchOptions, SampleWeightOptions {
  readonly epochs?: number
  readonly initialEpoch?: number
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

/** How long the loop may run, in ms, before others get a turn. */
const turn = 50

const yieldTurn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })

const checkBatchSize = (batchSize: number | null | undefined): number => {
  const size = batchSize ?? 32
  if (!Number.isInteger(size) || size < 1) throw invalid(`batchSize must be an integer of 1 or more, got ${batchSize}`)
  return size
}

const ascending = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

/** Samples in the backend's reach, with the steps that were loaded for them. */
class Session {
  readonly #steps = new Map<string, LoadedStep>()
  readonly #feed: Feed

  constructor(
    readonly trainer: Trainer,
    readonly store: VariableStore,
    readonly samples: Samples,
    readonly batchSize: number,
    residentBytes = 2 ** 30,
  ) {
    this.#feed = createFeed(samples, batchSize, store, residentBytes)
  }

  get batches(): number {
    return Math.ceil(this.samples.count / this.batchSize)
  }

  step(batch: number, mode: 'update' | 'accumulate' | 'test'): LoadedStep {
    const key = `${mode} ${batch}`
    let step = this.#steps.get(key)
    if (!step) {
      step = this.trainer.load(this.store, this.#feed.sources, batch, mode)
      this.#steps.set(key, step)
    }
    return step
  }

  load(step: LoadedStep, order: Int32Array, from: number): void {
    this.#feed.load(step.executable, order, from, from + step.batch)
  }

  dispose(): void {
    for (const step of this.#steps.values()) step.executable.dispose()
    this.#feed.dispose()
  }
}

interface PassHooks {
  readonly begin: readonly Callback[]
  readonly end: readonly Callback[]
  readonly progress: Progress
  readonly stopped: () => boolean
}

/** One pass over the samples of `session` in `order`. Gives the logs and the number of batches that ran. */
async function pass(
  session: Session,
  order: Int32Array,
  training: boolean,
  { begin, end, progress, stopped }: PassHooks,
): Promise<{ logs: Logs; batches: number }> {
  const { trainer, batchSize } = session
  const { count } = session.samples
  const accumulating = training && trainer.compiled.optimizer.accumulationSteps > 1
  const optimizer = trainer.compiled.optimizer
  const size = Math.min(batchSize, count)
  const main = session.step(size, training ? 'update' : 'test')
  const sums = new LogSums(main.entries)
  let batches = 0
  let last = performance.now()
  for (let from = 0; from < count; from += batchSize) {
    const rows = Math.min(batchSize, count - from)
    const step = rows === size && !accumulating ? main : session.step(rows, training ? trainer.nextMode : 'test')
    for (const callback of begin) await callback.onBatchBegin!(batches)
    session.load(step, order, from)
    if (training) trainer.feedScalars(step)
    const running = step.executable.run()
    if (running) await running
    const read = trainer.readLogs(step)
    sums.add(step.terms, read instanceof Promise ? await read : read, rows)
    if (training) optimizer.iterations++
    batches++
    if (end.length > 0) {
      const logs = sums.logs()
      for (const callback of end) await callback.onBatchEnd!(batches - 1, logs)
      if (stopped()) break
    }
    const now = performance.now()
    if (now - last > turn) {
      if (progress.animated) progress.update(batches, sums.logs())
      await yieldTurn()
      last = performance.now()
      if (stopped()) break
    }
  }
  return { logs: sums.logs(), batches }
}

const quiet = new Progress(0)
const noHooks: PassHooks = { begin: [], end: [], progress: quiet, stopped: () => false }

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

function validationSamples(trainer: Trainer, data: ValidationData): Samples {
  const [x, y, sampleWeight] = Array.isArray(data)
    ? (data as readonly [DataLike, DataLike, DataLike?])
    : [(data as { x: DataLike }).x, (data as { y: DataLike }).y, (data as { sampleWeight?: DataLike }).sampleWeight]
  return trainer.samples(x, y, { sampleWeight })
}

/** Trains; see Model.fit. */
export function fit(
  trainer: Trainer,
  model: TrainedModel,
  x: DataLike,
  y: DataLike,
  options: FitOptions = {},
): Promise<History> {
  return trainer.exclusively(async (store) => {
    const { epochs = 1, initialEpoch = 0, shuffle = true, validationFreq = 1 } = options
    const batchSize = checkBatchSize(options.batchSize)
    let samples = trainer.samples(x, y, options)
    let heldOut: Samples | undefined
    if (options.validationData) heldOut = validationSamples(trainer, options.validationData)
    else if (options.validationSplit) [samples, heldOut] = splitSamples(samples, options.validationSplit)

    const history = new History()
    const all: readonly Callback[] = [...(options.callbacks ?? []), history]
    const progress = new Progress(resolveVerbosity(options.verbose))
    const hooks: PassHooks = {
      begin: all.filter((callback) => callback.onBatchBegin),
      end: all.filter((callback) => callback.onBatchEnd),
      progress,
      stopped: () => model.stopTraining,
    }
    const random = new RandomGenerator(nextSeed())
    const session = new Session(trainer, store, samples, batchSize, options.residentBytes)
    let validation: Session | undefined
    try {
      if (heldOut)
        validation = new Session(
          trainer,
          store,
          heldOut,
          checkBatchSize(options.validationBatchSize ?? batchSize),
          options.residentBytes,
        )
      const order = ascending(samples.count)
      const validationOrder = ascending(heldOut?.count ?? 0)
      model.stopTraining = false
      let logs: Logs = {}
      for (const callback of all) {
        callback.setModel?.(model)
        await callback.onTrainBegin?.()
      }
      for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
        for (const callback of all) await callback.onEpochBegin?.(epoch)
        progress.begin(session.batches, `Epoch ${epoch + 1}/${epochs}`)
        const result = await pass(session, shuffle ? random.permutation(samples.count) : order, true, hooks)
        logs = result.logs
        if (validation && (epoch + 1) % validationFreq === 0)
          Object.assign(logs, prefixed((await pass(validation, validationOrder, false, noHooks)).logs, 'val_'))
        for (const callback of all) await callback.onEpochEnd?.(epoch, logs)
        progress.end(result.batches, logs)
      }
      for (const callback of all) await callback.onTrainEnd?.(logs)
      return history
    } finally {
      session.dispose()
      validation?.dispose()
    }
  })
}

/** Measures; see Model.evaluate. */
export function evaluate(trainer: Trainer, x: DataLike, y: DataLike, options: EvaluateOptions = {}): Promise<Logs> {
  return trainer.exclusively(async (store) => {
    const samples = trainer.samples(x, y, options)
    const session = new Session(trainer, store, samples, checkBatchSize(options.batchSize), options.residentBytes)
    const progress = new Progress(resolveVerbosity(options.verbose))
    try {
      progress.begin(session.batches)
      const { logs, batches } = await pass(session, ascending(samples.count), false, { ...noHooks, progress })
      progress.end(batches, logs)
      return logs
    } finally {
      session.dispose()
    }
  })
}

/** Outputs for all samples; see Model.predict. */
export function predict(trainer: Trainer, x: DataLike, options: BatchOptions = {}): Promise<Tensor[]> {
  return trainer.exclusively(async (store) => {
    const inputs = trainer.inputs(x)
    const count = inputs[0].dims[0]
    const batchSize = checkBatchSize(options.batchSize)
    const parts: Tensor[][] = []
    let last = performance.now()
    for (let from = 0; from < count; from += batchSize) {
      const to = Math.min(from + batchSize, count)
      parts.push(
        await trainer.predictBatch(
          store,
          inputs.map((tensor) => rowsOf(tensor, from, to)),
        ),
      )
      if (performance.now() - last > turn) {
        await yieldTurn()
        last = performance.now()
      }
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
    const sources = fedSources(samples)
    const step = trainer.cached(store, sources, samples.count, training ? trainer.nextMode : 'test')
    samples.x.forEach((tensor, i) => {
      step.executable.write(sources.x[i].name, tensor.data as Float32Array)
    })
    samples.y.forEach((tensor, i) => {
      step.executable.write(sources.y[i].name, tensor.data as Float32Array)
    })
    samples.weights.forEach((tensor, i) => {
      if (tensor) step.executable.write(sources.weights[i]!.name, tensor.data as Float32Array)
    })
    if (training) trainer.feedScalars(step)
    await step.executable.run()
    const sums = new LogSums(step.entries)
    sums.add(step.terms, await trainer.readLogs(step), samples.count)
    if (training) trainer.compiled.optimizer.iterations++
    return sums.logs()
  })
}
