import type { Attributes, TensorType } from '../../core/ir.js'
import type { Tensor } from '../../core/tensor.js'

/** What a reference kernel works from. `outputs` are the inferred types. Attributes have their defaults filled in. */
export interface ReferenceContext {
  readonly inputs: readonly (Tensor | undefined)[]
  readonly outputs: readonly TensorType[]
  readonly attributes: Attributes
}

/** Plain loops, float64 accumulation: the definition of an op in code. Returns fresh tensors, one an output. */
export type ReferenceKernel = (context: ReferenceContext) => readonly Tensor[]
