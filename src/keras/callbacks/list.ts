import { invalid } from '../config.js'
import type { Model } from '../model.js'
import type { Logs } from '../training/logs.js'
import type { Callback, CallbackParams } from './callback.js'

type Hook = Exclude<keyof Callback, 'setModel' | 'setParams'>

/** What is called around each batch; absent where nobody wants it, so that nothing needs waiting for. */
export interface BatchHooks {
  readonly begin?: (batch: number) => Promise<void>
  readonly end?: (batch: number, logs: Logs) => Promise<void>
}

const batchHooks: Readonly<Record<'train' | 'test' | 'predict', { begin: readonly Hook[]; end: readonly Hook[] }>> = {
  train: { begin: ['onTrainBatchBegin', 'onBatchBegin'], end: ['onTrainBatchEnd', 'onBatchEnd'] },
  test: { begin: ['onTestBatchBegin'], end: ['onTestBatchEnd'] },
  predict: { begin: ['onPredictBatchBegin'], end: ['onPredictBatchEnd'] },
}

const moments = ['Epoch', 'Batch', ...['Train', 'Test', 'Predict'].flatMap((pass) => [pass, `${pass}Batch`])]
const hookNames = moments.flatMap((moment) => [`on${moment}Begin`, `on${moment}End`])

/** Throws INVALID_ARGUMENT for what is no callback, or a plain one with a hook that there is not. */
function checkCallback(callback: Callback): void {
  if (typeof callback !== 'object' || callback === null)
    throw invalid(`a callback is what callbacks.… makes, or an object with hooks, as onEpochEnd, got ${callback}`)
  if (Object.getPrototypeOf(callback) !== Object.prototype) return
  const wrong = Object.keys(callback).find((name) => name.startsWith('on') && !hookNames.includes(name))
  if (wrong !== undefined) throw invalid(`callbacks have no hook '${wrong}'; there are ${hookNames.join(', ')}`)
}

/** The callbacks that options hold. Throws INVALID_ARGUMENT for what is no list. */
export function callbacksOf({ callbacks = [] }: { readonly callbacks?: readonly Callback[] }): readonly Callback[] {
  if (Array.isArray(callbacks)) return callbacks
  throw invalid('callbacks must be a list')
}

/** Callbacks in their order. While they run, the model may be measured and used. */
export class CallbackList {
  readonly #callbacks: readonly Callback[]
  readonly #around: (work: () => Promise<void>) => Promise<void>

  constructor(
    callbacks: readonly Callback[],
    model: Model,
    params: CallbackParams,
    around: (work: () => Promise<void>) => Promise<void>,
  ) {
    this.#callbacks = callbacks
    this.#around = around
    for (const callback of callbacks) {
      checkCallback(callback)
      callback.setModel?.(model)
      callback.setParams?.(params)
    }
  }

  call<H extends Hook>(hook: H, ...args: Parameters<NonNullable<Callback[H]>>): Promise<void> {
    return this.#call([hook], args)
  }

  #call(hooks: readonly Hook[], args: readonly unknown[]): Promise<void> {
    return this.#around(async () => {
      for (const callback of this.#callbacks)
        for (const hook of hooks)
          await (callback[hook] as ((...args: unknown[]) => unknown) | undefined)?.apply(callback, args as unknown[])
    })
  }

  batches(phase: 'train' | 'test' | 'predict'): BatchHooks {
    const { begin, end } = batchHooks[phase]
    const wanted = (hooks: readonly Hook[]) =>
      this.#callbacks.some((callback) => hooks.some((hook) => callback[hook]))
        ? (...args: unknown[]) => this.#call(hooks, args)
        : undefined
    return { begin: wanted(begin), end: wanted(end) }
  }
}
