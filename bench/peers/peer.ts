import type { Tensor } from '../../src/core/tensor.js'
import type { Inference, Training } from '../workloads.js'

/** Numbers by name, as a check compares them. */
export type Results = Readonly<Record<string, ArrayLike<number | bigint | string>>>

/** A workload, loaded and ready to be timed. */
export interface Runner {
  /** Does the work `units` times, its results read each time. */
  run(): unknown
  /** Inferences or training steps in one `run`; 1 unless said. */
  readonly units?: number
  /** What the work gives, to be compared before anything is timed. */
  results(): Promise<Results>
  dispose(): unknown
}

/** A library that takes part. A method throws, with the reason, for what the library cannot do. */
export interface Peer {
  readonly name: string
  readonly version: string
  inference?(workload: Inference): Promise<Runner>
  training?(workload: Training): Promise<Runner>
}

/** Where things are, and how many threads a peer may use. */
export interface Place {
  /** The folder bench/, whose node_modules holds the peers. */
  readonly bench: string
  readonly threads: number
}

export const numbersOf = (tensors: Readonly<Record<string, Pick<Tensor, 'data'>>>): Results =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data as ArrayLike<number>]))
