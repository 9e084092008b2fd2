import type { VariableStore } from '../../backend/store.js'
import { invalid } from '../config.js'
import type { Batch, BatchSource } from './batch.js'
import { placeOf } from './pass.js'
import type { SampleWeightOptions } from './samples.js'
import type { Source } from './sources.js'
import { passStream, resultAt } from './stream-pass.js'
import type { Trainer } from './trainer.js'

/** A dataset, and how a model goes through it. */
interface Stream {
  readonly trainer: Trainer
  readonly store: VariableStore
  readonly dataset: BatchSource
  readonly options: SampleWeightOptions
  readonly steps?: number | null
}

type BatchStream = AsyncIterator<Batch> | Iterator<Batch>

function open(dataset: BatchSource, round: number): BatchStream {
  if (!(Symbol.asyncIterator in dataset)) return dataset[Symbol.iterator]()
  return (dataset.epoch?.(round) ?? dataset)[Symbol.asyncIterator]()
}

/** Batches in `dataset`, if that is known. */
const sizeIn = (dataset: BatchSource): number | undefined => ('size' in dataset ? dataset.size : undefined)

/** Passes over so many batches; gives the last one. */
async function drop(stream: BatchStream, batches: number): Promise<Batch | undefined> {
  let last: Batch | undefined
  for (let i = 0; i < batches; i++) {
    const next = await stream.next()
    if (next.done) break
    last = next.value
  }
  return last
}

const noBatches = () =>
  invalid(
    'the dataset gave no batches (or no more); for several epochs, give datasets.fromGenerator of a function that yields them anew',
  )

/** Passes that begin with a dataset's first batch; `anew`: with the same ones each time. */
export function wholePasses({ trainer, store, dataset, options, steps }: Stream, anew: boolean): Source {
  const size = sizeIn(dataset)
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
export function runningPasses({
  trainer,
  store,
  dataset,
  options,
  steps,
}: Stream & { readonly steps: number }): Source {
  const size = sizeIn(dataset)
  let stream: BatchStream | undefined
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
      const go = (from: BatchStream) => passStream(trainer, store, from, training, hooks, options, start, steps)
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
