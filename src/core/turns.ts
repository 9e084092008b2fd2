/** Resolves in the next turn of the event loop. Browsers let a chain of timers wait for 4 ms each, so there it is a message. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve()
      }
      port2.postMessage(0)
    }
  })

/**
 * Gives the event loop a turn about every `interval` milliseconds. By `Date`: to ask for `performance` the first time takes Node more
 * than a millisecond.
 */
export class TurnClock {
  readonly #interval: number
  #last = Date.now()

  constructor(interval = 50) {
    this.#interval = interval
  }

  get isDue(): boolean {
    return Math.abs(Date.now() - this.#last) > this.#interval
  }

  async yield(): Promise<void> {
    await turn()
    this.#last = Date.now()
  }
}

/** Milliseconds of work that a page does not feel. */
const slice = 8

/** The result of work that stops between its parts: done at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** The same, with turns for the event loop between the parts. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  const clock = new TurnClock(slice)
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (clock.isDue) await clock.yield()
  }
}
