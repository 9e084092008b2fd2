import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import type { Tensor } from '../../../core/tensor.js'
import type { KernelCall } from '../gen/kernels.js'

/** The calls that make another form, at `target`, of what lies at `source`. The same at whatever addresses. */
export type Preparation = (source: number, target: number) => readonly KernelCall[]

/** What a lowering may know: where operands lie, as byte addresses in wasm memory. */
export interface LoweringContext {
  address(value: Value): number
  /** Address of the node's workspace, `workspace(node)` bytes, 64-byte aligned; 0 if it asked for none. */
  readonly workspace: number
  /** The content of a value that is constant in the plan's graph. */
  readonly constant: ConstantOf
  /**
   * The address of `bytes` bytes that `prepare` makes of a constant, once for all executables of the backend. A constant that
   * is only read in prepared forms takes no memory itself.
   */
  prepared(constant: Tensor, bytes: number, prepare: Preparation): number
  /** Address of memory that a thread has to itself while it runs a tile: thread t's lies t times SCRATCH_BYTES further. */
  scratch(): number
}

/** Bytes of scratch memory of a thread: half a second-level cache at most. */
export const SCRATCH_BYTES = 512 * 1024

/** How one op becomes kernel calls. Shapes are concrete; `node.attributes` have their defaults filled in. */
export interface Lowering {
  /** Whether the kernels take this node (dtype, rank, attributes, constant inputs); true if absent. */
  accelerates?(node: Node, constant: ConstantOf): boolean
  /** Bytes of scratch memory while the node runs; 0 if absent. */
  workspace?(node: Node, constant: ConstantOf): number
  lower(node: Node, context: LoweringContext): readonly KernelCall[]
}

/** The first of `lowerings` that takes a node lowers it. */
export const firstOf = (...lowerings: readonly Lowering[]): Lowering => {
  const choose = (node: Node, constant: ConstantOf) =>
    lowerings.find((lowering) => lowering.accelerates?.(node, constant) ?? true)
  return {
    accelerates: (node, constant) => choose(node, constant) !== undefined,
    workspace: (node, constant) => choose(node, constant)?.workspace?.(node, constant) ?? 0,
    lower: (node, context) => choose(node, context.constant)!.lower(node, context),
  }
}
