import { bytesPerElement, type DType, isHalf } from '../../../core/dtype.js'
import type { Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { unaryOperations } from '../../activations.js'
import { activationKinds, unaryOf } from '../activations.js'
import { clip_f32, unary_f32 } from '../gen/elementwise.js'
import type { KernelCall } from '../gen/kernels.js'
import { elementary_f32 } from '../gen/rare-elementary.js'
import { cast as castKernel } from '../gen/training-cast.js'
import { compare_w32, not_b8 } from '../gen/training-compare.js'
import { where_any } from '../gen/training-where.js'
import { binaryLowerings, EQUAL } from './binary.js'
import { firstOf, type Lowering, type LoweringContext } from './lowering.js'
import { copyCall } from './strided.js'
import { rowsOf } from './strides.js'
import { cut } from './tiles.js'

const isFloat32 = ({ inputs }: Node): boolean => inputs[0]!.dtype === 'float32'
const outputSize = ({ outputs }: Node): number => sizeOf(concrete(outputs[0].shape))

const unary: Lowering = {
  accelerates: isFloat32,
  lower(node, { address }) {
    const size = outputSize(node)
    if (size === 0) return []
    const { activation: kind, alpha, beta } = unaryOf(node)
    const { chunk, tiles } = cut(size)
    const x = address(node.inputs[0]!)
    const call = kind < activationKinds.sign ? unary_f32 : elementary_f32
    return [call({ x, y: address(node.outputs[0]), size, chunk, kind, alpha, beta }, tiles)]
  },
}

const unaryLowerings = Object.fromEntries(Object.keys(unaryOperations).map((op) => [op, unary])) as Record<
  keyof typeof unaryOperations,
  Lowering
>

export const copy: Lowering = {
  accelerates: ({ inputs }) => inputs[0]!.dtype !== 'string',
  lower(node, { address }) {
    const bytes = outputSize(node) * bytesPerElement(node.outputs[0].dtype)
    const x = address(node.inputs[0]!)
    const y = address(node.outputs[0])
    return bytes === 0 || x === y ? [] : [copyCall(x, y, bytes)]
  },
}

const not: Lowering = {
  lower(node, { address }) {
    const size = outputSize(node)
    if (size === 0) return []
    const { chunk, tiles } = cut(size)
    return [not_b8({ x: address(node.inputs[0]!), y: address(node.outputs[0]), size, chunk }, tiles)]
  },
}

const clip: Lowering = {
  accelerates: isFloat32,
  lower(node, { address }) {
    const size = outputSize(node)
    if (size === 0) return []
    const { chunk, tiles } = cut(size)
    const [x, low, high] = node.inputs
    const bounds = { low: low ? address(low) : 0, high: high ? address(high) : 0 }
    return [clip_f32({ x: address(x!), ...bounds, y: address(node.outputs[0]), size, chunk }, tiles)]
  },
}

const where: Lowering = {
  accelerates: ({ inputs }) => inputs[1]!.dtype !== 'string',
  lower({ inputs, outputs }, { address }) {
    const [condition, a, b] = inputs.map((value) => ({ address: address(value!), shape: concrete(value!.shape) }))
    const { size, inner, dims, steps, strides } = rowsOf(concrete(outputs[0].shape), [
      condition.shape,
      a.shape,
      b.shape,
    ])
    if (size === 0) return []
    const { chunk, tiles } = cut(size)
    const [conditionStep, aStep, bStep] = steps
    const addresses = { condition: condition.address, a: a.address, b: b.address, y: address(outputs[0]) }
    const elementBytes = bytesPerElement(outputs[0].dtype)
    const params = { ...addresses, size, chunk, inner, conditionStep, aStep, bStep, rank: dims.length, elementBytes }
    return [where_any(params, tiles, [...dims, ...strides.flat()])]
  },
}

/** Not of what equals itself. */
const notANumber: Lowering = {
  accelerates: isFloat32,
  lower({ inputs: [x], outputs: [y] }, { address }) {
    const size = sizeOf(concrete(y.shape))
    if (size === 0) return []
    const { chunk, tiles } = cut(size)
    const result = { y: address(y), size, chunk }
    const operands = { a: address(x!), b: address(x!), operation: EQUAL, inner: size, aStep: 1, bStep: 1, rank: 0 }
    return [compare_w32({ ...operands, ...result }, tiles), not_b8({ x: result.y, ...result }, tiles)]
  },
}

/** The element types of `assembly/training/cast.ts`. */
const castTypes: Partial<Record<DType, number>> = {
  float32: 0,
  int32: 1,
  int64: 2,
  uint8: 3,
  int8: 4,
  bool: 5,
  float16: 6,
  bfloat16: 7,
}

export type ConversionCalls = (from: Value, to: Value, x: number, y: number, context: LoweringContext) => KernelCall[]

/** A conversion of input 0 to the output's type, between types that `takes`. */
export const conversion = (takes: (from: DType, to: DType) => boolean, calls: ConversionCalls): Lowering => ({
  accelerates: ({ inputs: [x], outputs: [y] }) => takes(x!.dtype, y.dtype),
  lower: ({ inputs: [x], outputs: [y] }, context) => calls(x!, y, context.address(x!), context.address(y), context),
})

const cast = firstOf(
  { accelerates: ({ inputs: [x], outputs: [y] }) => x!.dtype === y.dtype && x!.dtype !== 'string', lower: copy.lower },
  conversion(
    // Floats of 16 bits go to float32 and come from it.
    (from, to) =>
      castTypes[from] !== undefined &&
      castTypes[to] !== undefined &&
      (isHalf(from) ? to === 'float32' : !isHalf(to) || from === 'float32'),
    (from, to, x, y) => {
      const size = sizeOf(concrete(to.shape))
      const { chunk, tiles } = cut(size)
      const types = { from: castTypes[from.dtype]!, to: castTypes[to.dtype]! }
      return size === 0 ? [] : [castKernel({ x, y, size, chunk, ...types }, tiles)]
    },
  ),
)

/** Elementwise ops. */
export const elementwiseLowerings = {
  ...unaryLowerings,
  ...binaryLowerings,
  Identity: copy,
  Not: not,
  IsNaN: notANumber,
  Clip: clip,
  Where: where,
  Cast: cast,
  CastLike: cast,
} as const satisfies Record<string, Lowering>
