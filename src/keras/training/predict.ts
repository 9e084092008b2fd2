import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import { checkOptions } from '../../core/options.js'
import { Tensor } from '../../core/tensor.js'
import { TurnClock } from '../../core/turns.js'
import { CallbackList, callbacksOf } from '../callbacks/list.js'
import type { Model } from '../model.js'
import { type InputSource, inputsOf, isDataset } from './batch.js'
import { type DataLike, rowsOf } from './data.js'
import { type BatchOptions, checkCounts, predictOptions } from './fit.js'
import { Progress, resolveVerbosity } from './progress.js'
import type { Trainer } from './trainer.js'

/** What `predict` takes. */
export interface PredictOptions extends BatchOptions {
  /** Batches to predict; all unless given. */
  readonly steps?: number | null
}

/** The inputs of one batch after the other, and how many batches there are, if known. */
function batchesOf(
  trainer: Trainer,
  x: DataLike | InputSource,
  batchSize: number,
): { readonly count: number | undefined; readonly batches: Iterable<Tensor[]> | AsyncIterable<Tensor[]> } {
  if (isDataset(x)) {
    const each = async function* () {
      for await (const batch of x) yield trainer.inputs(inputsOf(batch))
    }
    return { count: 'size' in x ? x.size : undefined, batches: each() }
  }
  const inputs = trainer.inputs(x)
  const samples = inputs[0].dims[0]
  trainer.checkBatches(samples, batchSize)
  const each = function* () {
    for (let from = 0; from < samples; from += batchSize)
      yield inputs.map((tensor) => rowsOf(tensor, from, Math.min(from + batchSize, samples)))
  }
  return { count: Math.ceil(samples / batchSize), batches: each() }
}

/** Outputs for all samples; see Model.predict. Calls on arrays wait for each other. */
export function predict(
  trainer: Trainer,
  model: Model,
  x: DataLike | InputSource,
  options: PredictOptions = {},
): Promise<Tensor[]> {
  const work = async (store: VariableStore) => {
    checkOptions('predict', options, predictOptions)
    checkCounts({ steps: options.steps })
    await trainer.ready()
    const { count, batches } = batchesOf(trainer, x, trainer.batchSize(options.batchSize))
    const most = options.steps ?? Number.POSITIVE_INFINITY
    const total = Math.min(most, count ?? most)
    const steps = total === Number.POSITIVE_INFINITY ? undefined : total
    const verbose = resolveVerbosity(options.verbose ?? 0)
    const progress = new Progress(verbose)
    const callbacks = new CallbackList(
      callbacksOf(options),
      model,
      { epochs: 1, steps, verbose, validationFreq: 0 },
      (work) => trainer.callingBack(work),
    )
    const { begin, end } = callbacks.batches('predict')
    const parts: Tensor[][] = []
    const clock = new TurnClock()
    progress.begin(steps)
    await callbacks.call('onPredictBegin')
    for await (const inputs of batches) {
      await begin?.(parts.length)
      parts.push(await trainer.predictBatch(store, inputs))
      await end?.(parts.length - 1, {})
      if (parts.length >= most) break
      if (clock.isDue) {
        progress.update(parts.length, {})
        await clock.yield()
      }
    }
    await callbacks.call('onPredictEnd')
    progress.end(parts.length, {})
    return joinRows(parts)
  }
  // What makes the batches of a dataset may predict, too: it must not wait for itself.
  return isDataset(x) ? trainer.exclusively(work, true) : trainer.inTurn(work)
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
