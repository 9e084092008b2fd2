import type { Results } from '../results.js'
import type { Inference, Start, Training } from '../workloads.js'

/** A workload, loaded and ready to be timed. */
export interface Runner {
  /** Does the work `units` times, its results read each time; gives the milliseconds where it measures them itself. */
  run(): unknown
  /** Inferences or training steps in one `run`; 1 unless said. */
  readonly units?: number
  /** The time of one unit, known beforehand: nothing is run. */
  readonly constantMs?: number
  /** What the work gives, to be compared before anything is timed. */
  results(): Promise<Results>
  dispose(): unknown
}

/** A library that takes part in what it has methods for. They throw, with the reason, where it cannot do the work. */
export interface Peer {
  readonly name: string
  readonly version: string
  inference?(workload: Inference): Promise<Runner>
  /** Undefined for a network that the peer has no figure of. */
  training?(workload: Training): Promise<Runner> | undefined
  start?(workload: Start): Promise<Runner>
}

/** Where things are, and how many threads a peer may use. */
export interface Place {
  /** The folder bench/, whose node_modules holds the peers. */
  readonly bench: string
  readonly threads: number
  /** Where lanewise and the peers compute. */
  readonly backend: 'wasm' | 'webgpu'
  /** The program that `startup` runs in fresh processes. */
  readonly start: string
}
