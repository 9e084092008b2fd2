import { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'
import type { ArrayLikeData, DataLike } from './data.js'
import type { Samples } from './feed.js'
import type { SampleWeightOptions } from './samples.js'
import type { Trainer } from './trainer.js'

/** A batch of a dataset: [x, y], [x, y, sampleWeight], or an object. */
export type Batch =
  | readonly [x: DataLike, y: DataLike, sampleWeight?: DataLike]
  | { readonly x: DataLike; readonly y: DataLike; readonly sampleWeight?: DataLike }

/** Batches, produced anew for each epoch. */
interface Batches extends AsyncIterable<Batch> {
  /** The batches of epoch `index`, counted from 0: the same whenever it is asked for. */
  epoch?(index: number): AsyncIterable<Batch>
  /** Batches of an epoch, if that is known. */
  readonly size?: number | undefined
}

/** A dataset or another async iterable; or what a generator function gives, which is good for one pass. */
export type BatchSource = Batches | IterableIterator<Batch>

type Inputs = ArrayLikeData | readonly [ArrayLikeData] | Readonly<Record<string, ArrayLikeData>>

/** Batches to predict: of inputs alone, or with targets that are passed over. */
export type InputSource = BatchSource | AsyncIterable<Inputs> | IterableIterator<Inputs>

export const isDataset = <S extends InputSource>(value: Batch | DataLike | S | null | undefined): value is S =>
  typeof value === 'object' &&
  value !== null &&
  (Symbol.asyncIterator in value || (Symbol.iterator in value && 'next' in value))

/** The arrays of a batch, checked. */
export function samplesOf(trainer: Trainer, batch: Batch, options: SampleWeightOptions = {}): Samples {
  if (typeof batch !== 'object' || batch === null || !(Array.isArray(batch) || 'x' in batch))
    throw invalid('validation data, and batches of a dataset, are [x, y], [x, y, sampleWeight] or { x, y }')
  const isList = (value: Batch): value is Extract<Batch, readonly unknown[]> => Array.isArray(value)
  const { x, y, sampleWeight } = isList(batch) ? { x: batch[0], y: batch[1], sampleWeight: batch[2] } : batch
  return trainer.samples(x, y, { ...options, sampleWeight })
}

/** The inputs of a batch, which may be these alone. */
export function inputsOf(batch: Batch | DataLike): DataLike {
  if (Array.isArray(batch) && batch.length > 1 && typeof batch[0] === 'object') return batch[0] as DataLike
  if (Array.isArray(batch) || batch instanceof Tensor || !('x' in batch)) return batch as ArrayLikeData
  return batch.x
}
