import { LanewiseError } from '../core/errors.js'
import { nextSeed } from '../core/seed.js'
import type { MapContext } from './map-context.js'
import type { Stacked } from './stack.js'
import type { WorkerSource } from './workers.js'

type Elements<T> = Iterable<T> | AsyncIterable<T>

/** Elements of one epoch; the same for the same number, whenever it is asked for. */
export type EpochSource<T> = (epoch: number) => Elements<T> | Promise<Elements<T>>

/** What goes through the elements, which comes with the first of them. */
const streams = () => import('./streams.js')

export interface MapOptions {
  /** Seed of `random`; a number of `setRandomSeed`'s sequence unless given. */
  readonly seed?: number
  /** Calls that may run at once, for functions that wait. Elements keep their order. */
  readonly parallel?: number
}

export interface ShuffleOptions {
  /** A number of `setRandomSeed`'s sequence unless given; a training that is resumed needs the same one. */
  readonly seed?: number
  /** Another order each epoch; true unless given. */
  readonly reshuffleEachIteration?: boolean
}

function natural(value: number, what: string, low = 0): number {
  if (Number.isInteger(value) && value >= low) return value
  throw new LanewiseError('INVALID_ARGUMENT', `${what} must be a whole number of ${low} or more, got ${value}`)
}

/**
 * A sequence of elements (samples, then batches) that is made anew for each epoch, element by element, as it is read.
 * Each method gives another dataset and leaves this one as it is. `fit`, `evaluate` and `predict` take one whose elements
 * are batches: [x, y], [x, y, sampleWeight] or { x, y, sampleWeight }. With seeds given, epoch n is the same in every
 * process, so a training that is resumed sees what it would have seen.
 */
export class Dataset<T> implements AsyncIterable<T> {
  readonly #source: EpochSource<T>

  constructor(
    source: EpochSource<T>,
    /** Elements of an epoch: undefined where that is not known, Infinity where there is no end. */
    readonly size?: number,
  ) {
    this.#source = source
  }

  /** The elements of epoch `index`, counted from 0. */
  async *epoch(index: number): AsyncGenerator<T, void, undefined> {
    yield* await this.#source(index)
  }

  /** The elements of epoch 0. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.epoch(0)
  }

  /** All elements of an epoch. */
  async toArray(epoch = 0): Promise<T[]> {
    const all: T[] = []
    for await (const element of this.epoch(epoch)) all.push(element)
    return all
  }

  /** The elements that `work` makes of these. */
  map<U extends readonly [unknown, ...unknown[]]>(
    work: (element: T, context: MapContext) => U | Promise<U>,
    options?: MapOptions,
  ): Dataset<U>
  map<U>(work: (element: T, context: MapContext) => U | Promise<U>, options?: MapOptions): Dataset<U>
  map<U>(work: (element: T, context: MapContext) => U | Promise<U>, options: MapOptions = {}): Dataset<U> {
    const { parallel = 1, seed = nextSeed() } = options
    natural(parallel, 'parallel', 1)
    return new Dataset(async (epoch) => {
      const { contextOf, mapAhead } = await streams()
      return mapAhead(this.epoch(epoch), parallel, (element, index) => work(element, contextOf(seed, epoch, index)))
    }, this.size)
  }

  /**
   * As `map`, by the function that a worker's module gives to `serveMap`, ahead of what is asked for. `worker` is the
   * module's address or makes a worker (`() => new Worker(new URL('./augment.js', import.meta.url), { type: 'module' })`,
   * which bundlers understand). Elements are copied there and back.
   */
  mapInWorkers<U>(
    worker: WorkerSource,
    { workers = 1, seed = nextSeed() }: { readonly workers?: number; readonly seed?: number } = {},
  ): Dataset<U> {
    natural(workers, 'workers', 1)
    return new Dataset(async (epoch) => {
      const { mapInWorkers } = await import('./workers.js')
      return mapInWorkers<T, U>(this.epoch(epoch), worker, workers, seed, epoch)
    }, this.size)
  }

  /** The elements for which `test` holds. */
  filter(test: (element: T) => boolean | Promise<boolean>): Dataset<T> {
    return new Dataset(async (epoch) => (await streams()).filter(this.epoch(epoch), test))
  }

  /** Stacks numbers, strings, tensors and typed arrays of `size` elements along a new first axis, in lists and objects, too. */
  batch(size: number, { dropRemainder = false }: { readonly dropRemainder?: boolean } = {}): Dataset<Stacked<T>> {
    natural(size, 'a batch size', 1)
    const batches = this.size === undefined ? undefined : this.size / size
    return new Dataset(
      async (epoch) => (await streams()).batch(this.epoch(epoch), size, dropRemainder),
      batches === undefined ? undefined : dropRemainder ? Math.floor(batches) : Math.ceil(batches),
    )
  }

  /**
   * Elements in random order: each is drawn from `bufferSize` that were read. A buffer as large as the dataset gives every
   * order with the same probability.
   */
  shuffle(bufferSize: number, options: ShuffleOptions = {}): Dataset<T> {
    const { seed = nextSeed(), reshuffleEachIteration = true } = options
    natural(bufferSize, 'the size of a shuffle buffer', 1)
    return new Dataset(async (epoch) => {
      const { shuffle } = await streams()
      return shuffle(this.epoch(epoch), bufferSize, seed, reshuffleEachIteration ? epoch : 0)
    }, this.size)
  }

  /** `count` epochs as one; without end unless given, for `fit` with `stepsPerEpoch`. */
  repeat(count = Number.POSITIVE_INFINITY): Dataset<T> {
    if (count !== Number.POSITIVE_INFINITY) natural(count, 'a number of repetitions')
    const endless = count === Number.POSITIVE_INFINITY
    return new Dataset(
      async (epoch) => (await streams()).repeat((round) => this.epoch(round), endless ? epoch : epoch * count, count),
      endless ? count : this.size === undefined ? undefined : this.size * count,
    )
  }

  /** The first `count` elements of each epoch. */
  take(count: number): Dataset<T> {
    natural(count, 'a number of elements')
    return new Dataset(
      async (epoch) => (await streams()).take(this.epoch(epoch), count),
      this.size === undefined ? undefined : Math.min(this.size, count),
    )
  }

  /** All but the first `count` elements of each epoch. */
  skip(count: number): Dataset<T> {
    natural(count, 'a number of elements')
    return new Dataset(
      async (epoch) => (await streams()).skip(this.epoch(epoch), count),
      this.size === undefined ? undefined : Math.max(0, this.size - count),
    )
  }

  /** Reads up to `count` elements ahead, while what it waits for (files, workers, the network) comes in. */
  prefetch(count = 1): Dataset<T> {
    natural(count, 'a number of elements', 1)
    return new Dataset(async (epoch) => (await streams()).readAhead(this.epoch(epoch), count), this.size)
  }

  /** Keeps the elements of the first epoch that is read to its end, for all others. What differs by epoch comes after it. */
  cache(): Dataset<T> {
    const source = this.epoch.bind(this)
    let kept: readonly T[] | undefined
    return new Dataset(async function* (epoch) {
      if (kept) return yield* kept
      const all: T[] = []
      for await (const element of source(epoch)) {
        all.push(element)
        yield element
      }
      kept ??= all
    }, this.size)
  }
}
