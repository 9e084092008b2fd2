import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import type { Tensor } from '../../../core/tensor.js'
import type { Dispatch, Place } from '../kernel.js'
import type { Tuning } from '../tuning.js'

/** What a lowering may know. */
export interface LoweringContext {
  /** Where a value lies, as elements of its own type. */
  place(value: Value): Place
  /** A stretch of the node's workspace; `offset` is a multiple of 256. */
  workspace(offset: number, bytes: number, type: string): Place
  /** A constant of the lowering's own: it stays on the device as long as what was lowered. */
  table(content: Tensor): Place
  /** The content of a value that is constant in the plan's graph. */
  readonly constant: ConstantOf
  readonly tuning: Tuning
}

/** How one op becomes dispatches. Shapes are concrete; `node.attributes` have their defaults filled in. */
export interface Lowering {
  /** Whether the kernels take this node (dtype, rank, attributes, constant inputs); true if absent. */
  accelerates?(node: Node, constant: ConstantOf): boolean
  /** Bytes of scratch memory while the node runs; 0 if absent. */
  workspace?(node: Node, constant: ConstantOf, tuning: Tuning): number
  lower(node: Node, context: LoweringContext): readonly Dispatch[]
}

export const shapeOf = (value: Value): readonly number[] => concrete(value.shape, value.name)
export const elementsOf = (value: Value): number => sizeOf(shapeOf(value))

/** Whether all operands are float32. */
export const isFloat32 = ({ inputs, outputs }: Node): boolean =>
  [...inputs, ...outputs].every((value) => value === undefined || value.dtype === 'float32')
