import type { Tensor } from '../../core/tensor.js'
import type { MaybePromise, Storage } from '../backend.js'
import type { Part } from './gen/kernels.js'
import type { Preparation } from './lower/lowering.js'
import type { WasmMemory } from './memory.js'

/** Another form of a constant. */
export interface Prepared {
  readonly address: number
  /** The parts of the kernels that make it. */
  readonly parts: readonly Part[]
  /** Makes it, unless that is done; its parts must be there. Throws OUT_OF_MEMORY. */
  make(): void
}

/** What an executable needs of its backend. */
export interface Machine {
  readonly memory: WasmMemory
  /** Threads that are up, the calling one among them. */
  readonly threads: number
  /** As `Engine.inOrder`. */
  readonly inOrder: boolean
  /** As `Engine.run`. */
  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): MaybePromise<void>
  /** The address of a constant's content, copied in on first use; each call is one use. */
  retainConstant(tensor: Tensor): number
  /** Ends one use of the constant at `address`. */
  releaseConstant(address: number): void
  /** As `Engine.extend`. */
  extend(parts: Iterable<Part>): MaybePromise<void>
  /** What `prepare` makes of a constant; each call is one use. */
  retainPrepared(tensor: Tensor, bytes: number, prepare: Preparation): Prepared
  releasePrepared(prepared: Prepared): void
  /** The address of the scratch memory of all threads, SCRATCH_BYTES each; each call is one use. Throws OUT_OF_MEMORY. */
  retainScratch(): number
  releaseScratch(): void
  /** The address of a variable's memory. Throws INVALID_ARGUMENT for the storage of another backend. */
  addressOf(storage: Storage): number
}
