import { type DType, isHalf } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { later } from '../../../core/later.js'
import { firstOf, type Lowering } from './lowering.js'

/** The lowerings of other types than float32; they come with the first plan that holds some. */
export const otherTypes = /* @__PURE__ */ later(
  'kernels of integers and float64 have not come yet: they do with the first session or step that holds some',
  async () => (await import('./wide-table.js')).wideLowerings,
)

const isOther = (dtype: DType): boolean => dtype !== 'float32' && dtype !== 'string' && !isHalf(dtype)

const isOtherNode = ({ inputs, outputs }: Node): boolean =>
  [...inputs, ...outputs].some((value) => value && isOther(value.dtype))

/** The lowering of `op` on other types. */
const other = (op: string): Lowering => ({
  accelerates: (node, constant) => isOtherNode(node) && (otherTypes()[op]?.accelerates?.(node, constant) ?? false),
  workspace: (node, constant) => otherTypes()[op].workspace?.(node, constant) ?? 0,
  lower: (node, context) => otherTypes()[op].lower(node, context),
})

/** Ops that have kernels of other types than float32 only. */
const onlyOther = ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'BitwiseNot', 'BitShift', 'Mod']

/** `lowerings` by op and, for nodes that they leave alone, those of other types. */
export const withOtherTypes = (lowerings: Readonly<Record<string, Lowering>>): Record<string, Lowering> => ({
  ...Object.fromEntries(onlyOther.map((op) => [op, other(op)])),
  ...Object.fromEntries(Object.entries(lowerings).map(([op, lowering]) => [op, firstOf(lowering, other(op))])),
})
