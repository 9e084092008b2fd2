/** Numbers under Keras's names: `loss`, `accuracy`, `val_loss`, `<output>_loss`. */
export type Logs = Record<string, number>

/** One term of a batch: an element of the step's output vector or a number, times the batch size where `scaled`. */
export interface Term {
  readonly index: number
  readonly value: number
  readonly scaled: boolean
}

/** One reported number: its terms, and the number from their sums over batches; several get `_0`, `_1`, … behind the name. */
export interface LogEntry {
  readonly name: string
  readonly terms: readonly Term[]
  readonly result: (sums: ArrayLike<number>) => number | readonly number[]
}

/** Adds up the terms of batches in float64. Steps of several batch sizes may share it. */
export class LogSums {
  readonly #names: readonly string[]
  readonly #results: readonly LogEntry['result'][]
  readonly #starts: readonly number[]
  readonly #sums: Float64Array

  constructor(entries: readonly LogEntry[]) {
    this.#names = entries.map((entry) => entry.name)
    this.#results = entries.map((entry) => entry.result)
    const starts = [0]
    for (const entry of entries) starts.push(starts[starts.length - 1] + entry.terms.length)
    this.#starts = starts
    this.#sums = new Float64Array(starts[entries.length])
  }

  /** `terms` are those of the step that gave `vector`, entry by entry. */
  add(terms: readonly Term[], vector: ArrayLike<number>, batch: number): void {
    const sums = this.#sums
    for (let i = 0; i < sums.length; i++) {
      const { index, value, scaled } = terms[i]
      const term = index >= 0 ? vector[index] : value
      sums[i] += scaled ? term * batch : term
    }
  }

  /** Whether the first number is, whose first term counts. */
  get isFinite(): boolean {
    return Number.isFinite(this.#sums[0])
  }

  /** The sums so far, for `restore`. */
  snapshot(): Float64Array {
    return this.#sums.slice()
  }

  restore(snapshot: Float64Array): void {
    this.#sums.set(snapshot)
  }

  logs(): Logs {
    const logs: Logs = {}
    this.#names.forEach((name, i) => {
      const result = this.#results[i](this.#sums.subarray(this.#starts[i], this.#starts[i + 1]))
      if (typeof result === 'number') logs[name] = result
      else
        result.forEach((value, k) => {
          logs[`${name}_${k}`] = value
        })
    })
    return logs
  }
}

/** `logs` with `prefix` before each name. */
export const prefixed = (logs: Logs, prefix: string): Logs =>
  Object.fromEntries(Object.entries(logs).map(([name, value]) => [prefix + name, value]))
