import type { Value } from '../../../core/ir.js'
import type { Tensor } from '../../../core/tensor.js'
import type { KernelCall } from '../gen/kernels.js'
import type { Workspace } from './gemm.js'
import type { LoweringContext, Preparation } from './lowering.js'

/** Where the other form of an operand lies, and the calls that make it in every run. */
export interface PreparedOperand {
  readonly address: number
  readonly calls: readonly KernelCall[]
}

/**
 * Another form of an operand, `bytes` long: that of a constant is made of `tensor` when the plan is loaded, that of any other
 * operand in every run, in `space`.
 */
export function prepareOperand(
  value: Value,
  bytes: number,
  prepare: Preparation,
  space: Workspace,
  tensor: Tensor | undefined,
): (context: LoweringContext) => PreparedOperand {
  if (tensor) return (context) => ({ address: context.prepared(tensor, bytes, prepare), calls: [] })
  const offset = space.take(bytes)
  return ({ address, workspace }) => ({
    address: workspace + offset,
    calls: prepare(address(value), workspace + offset),
  })
}
