/** Gives the event loop a turn about every `interval` milliseconds. */
export class TurnClock {
  readonly #interval: number
  #last = performance.now()

  constructor(interval = 50) {
    this.#interval = interval
  }

  get isDue(): boolean {
    return performance.now() - this.#last > this.#interval
  }

  async yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve)
      else setTimeout(resolve, 0)
    })
    this.#last = performance.now()
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
