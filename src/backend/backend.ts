import type { DType, TypedArray } from '../core/dtype.js'
import type { ConstantOf, Node, Variable } from '../core/ir.js'
import type { MemoryLayout } from '../plan/arena.js'
import type { Plan } from '../plan/plan.js'

export type MaybePromise<T> = T | Promise<T>

/** Memory of a backend that holds one variable's content. Once disposed of, it throws DISPOSED. */
export interface Storage {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Copies `data` in: as many elements as the shape holds. Throws SHAPE_MISMATCH, TYPE_MISMATCH. */
  write(data: TypedArray): void
  /** A copy of the content. */
  read(): MaybePromise<TypedArray>
  dispose(): void
}

/** The time of one step of an executable. */
export interface StepTime {
  /** The node that the step belongs to; undefined for copies between places. */
  readonly node: Node | undefined
  /** The kernel, or `reference` for a node that has none. */
  readonly kernel: string
  /** The pieces that the step's work is cut into. */
  readonly tiles: number
  /** The median over the runs, in milliseconds. */
  readonly ms: number
}

/** A compiled graph, loaded into a backend. Once disposed of, it throws DISPOSED. */
export interface Executable {
  /** Resolves once it can run at once, where that takes time; runs wait for it. Rejects with BACKEND_UNAVAILABLE. */
  readonly ready?: Promise<void> | undefined
  /** Copies `data` into the graph input called `input`. Throws INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. */
  write(input: string, data: TypedArray): void
  /**
   * The whole graph, once. A backend that is done when this returns, returns nothing. Rejects with WORKER_LOST when a thread
   * stopped answering in a run that updates variables: their content is undefined then, and the next run may be started.
   */
  run(): MaybePromise<void>
  /** A copy of the elements of the graph output called `output`, as the last run left them. Throws INVALID_ARGUMENT before the first. */
  read(output: string): MaybePromise<TypedArray>
  /** Whether a read need not wait for the run before it to end: it gives what that run leaves. False if absent. */
  readonly readsInOrder?: boolean
  /** What runs slower than it could, e.g. each node that has no kernel here and runs in the reference backend. */
  readonly notes: readonly string[]
  /** The loaded form as text, one line a step. */
  describe(): string
  /** Runs the whole graph `runs` times, step by step; absent where a backend cannot time its steps. */
  profile?(runs: number): MaybePromise<readonly StepTime[]>
  /** Frees the memory that only this executable uses; variables stay. */
  dispose(): void
}

/** What a user can learn of a backend: the numbers behind `environment()` and `lanewise doctor`. */
export interface BackendReport {
  readonly name: string
  readonly threads: number
  /** Which build or adapter runs, e.g. `shared, relaxed SIMD`. */
  readonly variant: string
  /** Everything that runs slower than it could, and why. */
  readonly notes: readonly string[]
}

/** A place where plans run. Its size does not grow with the number of ops. */
export interface Backend {
  /** What runs at this moment: threads that start in the background are counted once they are up. */
  readonly report: BackendReport
  /** Whether a device holds the memory, so that runs and reads may throw DEVICE_LOST; false if absent. */
  readonly mayBeLost?: boolean
  /** Resolves once everything that starts in the background is up or was given up; runs need not wait for it. */
  ready(): Promise<void>
  /** How the planner cuts this backend's memory; the host's layout if absent. */
  readonly layout?: MemoryLayout
  /** Bytes of scratch memory that `node` needs while it runs. `constant` looks up the graph's constants. */
  workspace(node: Node, constant: ConstantOf): number
  /** Whether a kernel of this backend runs `node`; otherwise the reference backend does. */
  accelerates(node: Node, constant: ConstantOf): boolean
  /** Memory of zeros; of anything at all where it need not be `cleared`, as it is written before it is read. */
  allocate(dtype: DType, shape: readonly number[], cleared?: boolean): Storage
  /** Opens the backend that takes graphs which this one refuses with UNSUPPORTED_OP, where the user allows one. */
  substitute?(): Promise<Backend>
  /** `storageOf` gives the memory behind each variable of the plan's graph. */
  load(plan: Plan, storageOf: (variable: Variable) => Storage): Executable
  dispose(): void
}
