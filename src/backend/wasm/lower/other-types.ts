import { type DType, isHalf } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { later } from '../../../core/later.js'

/** The lowerings of other types than float32; they come with the first plan that holds some. */
export const otherTypes = /* @__PURE__ */ later(
  'kernels of integers and float64 have not come yet: they do with the first session or step that holds some',
  async () => (await import('./wide-table.js')).wideLowerings,
)

/** The ops that they are for. */
export const otherOps = [
  'Abs',
  'Add',
  'ArgMax',
  'ArgMin',
  'BitShift',
  'BitwiseAnd',
  'BitwiseNot',
  'BitwiseOr',
  'BitwiseXor',
  'Cast',
  'CastLike',
  'Clip',
  'Div',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Max',
  'Min',
  'Mod',
  'Mul',
  'Neg',
  'Pow',
  'ReduceL1',
  'ReduceL2',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
  'Relu',
  'Sign',
  'Sqrt',
  'Sub',
] as const

const names: readonly string[] = otherOps

const isOther = (dtype: DType): boolean => dtype !== 'float32' && dtype !== 'string' && !isHalf(dtype)

/** Whether a lowering of other types may take `node`. */
export const isOfOtherTypes = ({ op, inputs, outputs }: Node): boolean =>
  names.includes(op) && [...inputs, ...outputs].some((value) => value && isOther(value.dtype))
