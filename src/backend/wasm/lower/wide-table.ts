import { bytesPerElement } from '../../../core/dtype.js'
import type { Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { binaryCall, variadic, word } from './binary.js'
import { conversion, copy } from './elementwise.js'
import { firstOf, type Lowering } from './lowering.js'
import type { otherOps } from './other-types.js'
import { isWhole, scalarType } from './scalar-types.js'
import { convertCall, lookupCall, takes, type WideOperation, wideCall } from './wide.js'
import { wideReduceLowerings } from './wide-reduce.js'

/** An operation on two elements of one type, by what the node says. */
const binary = (choose: (node: Node) => WideOperation): Lowering => ({
  accelerates: (node) => {
    const [a, b] = node.inputs
    return a!.dtype === b!.dtype && takes(choose(node), a!.dtype)
  },
  lower(node, context) {
    const operand = (value: Value) => ({ address: context.address(value), shape: concrete(value.shape) })
    const [a, b] = node.inputs
    return wideCall(choose(node), a!.dtype, operand(a!), operand(b!), operand(node.outputs[0]), context)
  },
})

/** An operation on elements and one small whole number. */
const unary = (operation: WideOperation, constant = 0): Lowering => ({
  accelerates: ({ inputs: [x] }) => takes(operation, x!.dtype),
  lower({ inputs: [x], outputs: [y] }, context) {
    const shape = concrete(y.shape)
    const [from, to] = [x!, y].map((value) => ({ address: context.address(value), shape }))
    return wideCall(operation, x!.dtype, from, constant, to, context)
  },
})

const same = (operation: WideOperation) => binary(() => operation)

const extremum = (op: 'Max' | 'Min'): Lowering =>
  variadic(op, (dtype) => (takes(op, dtype) ? (a, b, y, context) => wideCall(op, dtype, a, b, y, context) : undefined))

/** float32 to the power of integers: exponents become float32 first. */
const wholePower: Lowering = {
  accelerates: ({ inputs: [x, exponent] }) => x!.dtype === 'float32' && isWhole(exponent!.dtype),
  workspace: ({ inputs }) => sizeOf(concrete(inputs[1]!.shape)) * 4,
  lower({ inputs: [x, exponent], outputs: [y] }, context) {
    const { address, workspace } = context
    const shape = concrete(exponent!.shape)
    const operand = (value: Value) => ({ address: address(value), shape: concrete(value.shape) })
    return [
      ...convertCall(exponent!, { ...exponent!, dtype: 'float32' }, address(exponent!), workspace, context),
      ...binaryCall(word(0), operand(x!), { address: workspace, shape }, operand(y)),
    ]
  },
}

/** Clip of integers and float64: at most two calls. */
const clip: Lowering = {
  accelerates: ({ inputs: [x] }) => takes('Max', x!.dtype),
  lower(node, context) {
    const [x, low, high] = node.inputs
    const shape = concrete(node.outputs[0].shape)
    const y = { address: context.address(node.outputs[0]), shape }
    const bound = (value: Value) => ({ address: context.address(value), shape: concrete(value.shape) })
    const source = { address: context.address(x!), shape }
    if (!low && !high) return copy.lower(node, context)
    return [
      ...(low ? wideCall('Max', x!.dtype, source, bound(low), y, context) : []),
      ...(high ? wideCall('Min', x!.dtype, low ? y : source, bound(high), y, context) : []),
    ]
  },
}

const cast = firstOf(
  conversion((from, to) => scalarType(from) !== undefined && scalarType(to) !== undefined, convertCall),
  conversion((from, to) => bytesPerElement(from) === 1 && to !== 'string', lookupCall),
)

/** Ops on integers and float64, by name, that the lowerings of float32 leave alone. */
export const wideLowerings: Readonly<Record<(typeof otherOps)[number], Lowering>> = {
  ...wideReduceLowerings,
  Add: same('Add'),
  Sub: same('Sub'),
  Mul: same('Mul'),
  Div: same('Div'),
  Mod: binary(({ attributes }) => (attributes['fmod'] === 1 ? 'TruncatedMod' : 'FloorMod')),
  Pow: firstOf(wholePower, same('Pow')),
  Max: extremum('Max'),
  Min: extremum('Min'),
  Equal: same('Equal'),
  Greater: same('Greater'),
  GreaterOrEqual: same('GreaterOrEqual'),
  Less: same('Less'),
  LessOrEqual: same('LessOrEqual'),
  BitwiseAnd: same('BitwiseAnd'),
  BitwiseOr: same('BitwiseOr'),
  BitwiseXor: same('BitwiseXor'),
  BitwiseNot: unary('BitwiseXor', -1),
  BitShift: binary(({ attributes }) => (attributes['direction'] === 'LEFT' ? 'ShiftLeft' : 'ShiftRight')),
  Neg: unary('Mul', -1),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Sqrt: unary('Sqrt'),
  Relu: unary('Max'),
  Clip: clip,
  Cast: cast,
  CastLike: cast,
}
