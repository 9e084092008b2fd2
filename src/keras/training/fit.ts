import type { VariableStore } from '../../backend/store.js'
import { checkOptions as checkNames } from '../../core/options.js'
import { TurnClock, turn } from '../../core/turns.js'
import type { Callback } from '../callbacks/callback.js'
import { History } from '../callbacks/history.js'
import { CallbackList, callbacksOf } from '../callbacks/list.js'
import { ProgbarLogger } from '../callbacks/loggers.js'
import { invalid } from '../config.js'
import type { Model } from '../model.js'
import type { BatchSource } from './batch.js'
import type { DataLike } from './data.js'
import { LogSums, type Logs, prefixed } from './logs.js'
import type { PassHooks, PassStart } from './pass.js'
import { Progress, resolveVerbosity, type Verbosity } from './progress.js'
import { runBatch } from './run-batch.js'
import type { SampleWeightOptions } from './samples.js'
import { openEvaluation, openTraining, type Source, type ValidationData } from './sources.js'
import type { Trainer } from './trainer.js'

/** How `fit` and `evaluate` go through data. */
export interface BatchOptions {
  /** 32 unless given. */
  readonly batchSize?: number | null
  readonly verbose?: Verbosity
  /** Data of at most so many bytes is kept in the backend's memory; 1 GiB unless given. */
  readonly residentBytes?: number
  readonly callbacks?: readonly Callback[]
}

/** What `fit` takes. */
export interface FitOptions extends BatchOptions, SampleWeightOptions {
  readonly epochs?: number
  /** Epochs that are done already. */
  readonly initialEpoch?: number
  /** Batches of that epoch that are done already, as after `setTrainingState` with a state from the midst of an epoch. */
  readonly initialBatch?: number
  /** Batches an epoch; the next one goes on where it stopped. All batches of the data unless given. */
  readonly stepsPerEpoch?: number | null
  /** The last share of the samples is held out, before shuffling. */
  readonly validationSplit?: number
  readonly validationData?: ValidationData | null
  readonly validationBatchSize?: number
  /** Batches of a validation, which begins with the first one each time. All unless given. */
  readonly validationSteps?: number | null
  /** Every so many epochs; 1 unless given. */
  readonly validationFreq?: number
  /** A new order of the samples each epoch; true unless given. */
  readonly shuffle?: boolean
}

/** What `evaluate` takes. */
export interface EvaluateOptions extends BatchOptions {
  readonly sampleWeight?: DataLike | null
  /** Batches to measure on; all unless given. */
  readonly steps?: number | null
}

const batchOptions: Readonly<Record<keyof BatchOptions, true>> = {
  batchSize: true,
  verbose: true,
  residentBytes: true,
  callbacks: true,
}

/** The options of `predict`, which are of `evaluate`, too. */
export const predictOptions: Readonly<Record<keyof BatchOptions | 'steps', true>> = { ...batchOptions, steps: true }

const fitOptions: Readonly<Record<keyof FitOptions, true>> = {
  ...batchOptions,
  epochs: true,
  initialEpoch: true,
  initialBatch: true,
  stepsPerEpoch: true,
  validationSplit: true,
  validationData: true,
  validationBatchSize: true,
  validationSteps: true,
  validationFreq: true,
  shuffle: true,
  sampleWeight: true,
  classWeight: true,
}

const lowest = {
  epochs: 0,
  initialEpoch: 0,
  initialBatch: 0,
  validationFreq: 1,
  stepsPerEpoch: 1,
  validationSteps: 1,
  steps: 1,
} as const

/** Throws INVALID_ARGUMENT for a number that cannot be. */
export function checkCounts(options: Partial<Record<keyof typeof lowest, number | null>>): void {
  for (const [name, low] of Object.entries(lowest)) {
    const value = options[name as keyof typeof lowest] ?? low
    if (!Number.isInteger(value) || value < low)
      throw invalid(`${name} must be an integer of ${low} or more, got ${value}`)
  }
}

function checkOptions(options: FitOptions): void {
  checkCounts(options)
  checkNames('fit', options, fitOptions)
}

/** Trains; see Model.fit. */
export function fit(
  trainer: Trainer,
  model: Model,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: FitOptions = {},
): Promise<History> {
  return trainer.exclusively(async (store) => {
    checkOptions(options)
    await trainer.ready()
    const { training, validation } = await trainer.surely(store, () => openTraining(trainer, store, x, y, options))
    trainer.compiled.outputs.forEach(({ loss, name }, i) => {
      if (loss?.className === 'CategoricalCrossentropy' && model.outputs[i].shape.at(-1) === 1)
        trainer.say(`'${name}' has one value: categoricalCrossentropy needs one a class, binaryCrossentropy takes one`)
    })
    try {
      await turn()
      return await run(trainer, store, model, training, validation, options)
    } finally {
      training.dispose()
      validation?.dispose()
    }
  })
}

const find = <T extends Callback>(callbacks: readonly Callback[], type: new () => T): T | undefined =>
  callbacks.find((callback): callback is T => callback instanceof type)

async function run(
  trainer: Trainer,
  store: VariableStore,
  model: Model,
  training: Source,
  validation: Source | undefined,
  options: FitOptions,
): Promise<History> {
  const { epochs = 1, initialEpoch = 0, initialBatch = 0, validationFreq = 1 } = options
  const given = callbacksOf(options)
  const history = find(given, History) ?? new History()
  const verbose = resolveVerbosity(options.verbose)
  const progress = new Progress(find(given, ProgbarLogger) ? 0 : verbose)
  const callbacks = new CallbackList(
    given.includes(history) ? given : [...given, history],
    model,
    { epochs, steps: training.batches, verbose, validationFreq: validation ? validationFreq : 0 },
    (work) => trainer.callingBack(work),
  )
  let brokenOff = false
  const stopped = () => {
    brokenOff ||= model.stopTraining
    return model.stopTraining
  }
  const watched = { progress, clock: new TurnClock(), stopped }
  const [hooks, testHooks]: PassHooks[] = [
    { ...watched, batch: callbacks.batches('train') },
    { ...watched, progress: new Progress(0), batch: callbacks.batches('test'), stopped: () => false },
  ]
  model.stopTraining = false
  trainer.explains = true
  trainer.takeResumed()
  let logs: Logs = {}
  await callbacks.call('onTrainBegin')
  const first = trainer.takeResumed() ?? { epoch: initialEpoch, batch: initialBatch, sums: trainer.position().sums }
  for (let epoch = first.epoch; epoch < epochs && !model.stopTraining; epoch++) {
    await callbacks.call('onEpochBegin', epoch)
    progress.begin(training.batches, `Epoch ${epoch + 1}/${epochs}`)
    const locate = (stand: () => PassStart) => {
      trainer.position = () => ({ epoch, ...stand() })
    }
    const start = epoch === first.epoch && first.batch > 0 ? first : undefined
    const result = await training.run(epoch, true, { ...hooks, locate }, start)
    logs = result.logs
    if (validation && (epoch + 1) % validationFreq === 0) {
      await callbacks.call('onTestBegin')
      const { logs: measured } = await validation.run(epoch, false, testHooks)
      await callbacks.call('onTestEnd', measured)
      Object.assign(logs, prefixed(measured, 'val_'))
    }
    if (!brokenOff) trainer.position = () => ({ epoch: epoch + 1, batch: 0, sums: [] })
    await callbacks.call('onEpochEnd', epoch, logs)
    progress.end(result.batches, logs)
  }
  if (epochs > 0) await trainer.surely(store, () => trainer.settleAverages(store))
  trainer.isResumed = false
  await callbacks.call('onTrainEnd', logs)
  await trainer.copyWeights(store)
  return history
}

/** Measures; see Model.evaluate. */
export function evaluate(
  trainer: Trainer,
  model: Model,
  x: DataLike | BatchSource,
  y: DataLike | null | undefined,
  options: EvaluateOptions = {},
): Promise<Logs> {
  return trainer.exclusively(async (store) => {
    checkNames('evaluate', options, { ...predictOptions, sampleWeight: true })
    checkCounts({ steps: options.steps })
    await trainer.ready()
    const source = await openEvaluation(trainer, store, x, y, options)
    const verbose = resolveVerbosity(options.verbose)
    const progress = new Progress(verbose)
    const callbacks = new CallbackList(
      callbacksOf(options),
      model,
      { epochs: 1, steps: source.batches, verbose, validationFreq: 0 },
      (work) => trainer.callingBack(work),
    )
    try {
      progress.begin(source.batches)
      await callbacks.call('onTestBegin')
      const { logs, batches } = await source.run(0, false, {
        progress,
        clock: new TurnClock(),
        stopped: () => false,
        batch: callbacks.batches('test'),
      })
      await callbacks.call('onTestEnd', logs)
      progress.end(batches, logs)
      return logs
    } finally {
      source.dispose()
    }
  }, true)
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
    await trainer.ready()
    const samples = trainer.samples(x, y, options)
    const { step, vector } = await runBatch(trainer, store, samples, training)
    const sums = new LogSums(step.entries)
    sums.add(step.terms, vector, samples.count)
    return sums.logs()
  })
}
