// The entry of the worker that computes for a page.
import { LanewiseError } from '../../core/errors.js'
import { type LocalEngine, startEngine } from './engine.js'
import type { Answer, Order, Orders } from './remote.js'

let engine: LocalEngine

type Handlers = {
  [N in keyof Orders]: (...values: Parameters<Orders[N]>) => ReturnType<Orders[N]> | Promise<ReturnType<Orders[N]>>
}

const reportOf = () => ({ threads: engine.report.threads, notes: [...engine.report.notes] })

const handlers: Handlers = {
  async start(settings) {
    engine = await startEngine(settings)
    return { maxPages: engine.content.maxPages, report: reportOf() }
  },
  async ready() {
    await engine.ready()
    return reportOf()
  },
  extend: (parts) => engine.extend(parts),
  grow: (pages) => engine.content.grow(pages),
  clear: (address, bytes) => engine.content.clear(address, bytes),
  write: (address, data) => engine.content.write(address, data),
  read: (dtype, address, length) => engine.content.read(dtype, address, length),
  run: (...order) => engine.run(...order),
}

/** Of an order that is not answered: from then on nothing here can be relied upon. */
let failure: Answer['error']

const describe = (error: unknown): Answer['error'] => ({
  code:
    error instanceof LanewiseError ? error.code : error instanceof RangeError ? 'OUT_OF_MEMORY' : 'BACKEND_UNAVAILABLE',
  message: (error as Error).message,
})

function answer(number: number | undefined, result: Omit<Answer, 'number'>): void {
  if (number === undefined) failure ??= result.error
  else {
    const { value } = result
    const transfer = ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : []
    postMessage({ number, ...result } satisfies Answer, { transfer })
  }
}

function carryOut({ number, name, values }: Order): Promise<void> | undefined {
  if (failure) {
    answer(number, { error: failure })
    return
  }
  try {
    const value = (handlers[name] as (...values: readonly unknown[]) => unknown)(...values)
    if (value instanceof Promise)
      return value.then(
        (result) => answer(number, { value: result }),
        (error) => answer(number, { error: describe(error) }),
      )
    answer(number, { value })
  } catch (error) {
    answer(number, { error: describe(error) })
  }
}

/** The last order that is not done at once: those after it wait. */
let pending: Promise<void> | undefined

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  const running = pending ? pending.then(() => carryOut(data)) : carryOut(data)
  if (!running) return
  pending = running
  running.then(() => {
    if (pending === running) pending = undefined
  })
})
