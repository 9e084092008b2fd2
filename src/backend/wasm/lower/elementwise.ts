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
import { convertCall, integerCall, integerUnary, lookupCall, scalarType } from './integer.js'
import { firstOf, type Lowering } from './lowering.js'
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

const copy: Lowering = {
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

const whole = integerUnary('Abs')

/** Clip of integers: at most two calls. */
const wholeClip: Lowering = {
  accelerates: whole.accelerates,
  lower(node, context) {
    const [x, low, high] = node.inputs
    const shape = concrete(node.outputs[0].shape)
    const y = { address: context.address(node.outputs[0]), shape }
    const bound = (value: Value) => ({ address: context.address(value), shape: concrete(value.shape) })
    const source = { address: context.address(x!), shape }
    if (!low && !high) return copy.lower(node, context)
    return [
      ...(low ? integerCall('Max', x!.dtype, source, bound(low), y) : []),
      ...(high ? integerCall('Min', x!.dtype, low ? y : source, bound(high), y) : []),
    ]
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

type ConversionCalls = (from: Value, to: Value, x: number, y: number) => KernelCall[]

/** A conversion of input 0 to the output's type, between types that `takes`. */
const conversion = (takes: (from: DType, to: DType) => boolean, calls: ConversionCalls): Lowering => ({
  accelerates: ({ inputs: [x], outputs: [y] }) => takes(x!.dtype, y.dtype),
  lower: ({ inputs: [x], outputs: [y] }, { address }) => calls(x!, y, address(x!), address(y)),
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
  conversion((from, to) => scalarType(from) !== undefined && scalarType(to) !== undefined, convertCall),
  conversion((from, to) => bytesPerElement(from) === 1 && to !== 'string', lookupCall),
)

/** Elementwise ops. */
export const elementwiseLowerings = {
  ...unaryLowerings,
  ...binaryLowerings,
  Neg: firstOf(unary, integerUnary('Mul', -1)),
  Abs: firstOf(unary, whole),
  Sign: firstOf(unary, integerUnary('Sign')),
  Identity: copy,
  Not: not,
  IsNaN: notANumber,
  Clip: firstOf(clip, wholeClip),
  Where: where,
  Cast: cast,
  CastLike: cast,
} as const satisfies Record<string, Lowering>
