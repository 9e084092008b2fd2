import { bytesPerElement, type DType, dtypeOfCode } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { unaryOperations } from '../activations.js'
import { kernels } from '../gen/kernels.js'
import { binaryLowerings } from './binary.js'
import type { Lowering } from './lowering.js'
import { copyCall } from './strided.js'
import { rowsOf } from './strides.js'
import { cut } from './tiles.js'

const isFloat32 = ({ inputs }: Node): boolean => inputs[0]!.dtype === 'float32'
const outputSize = ({ outputs }: Node): number => sizeOf(concrete(outputs[0].shape))

const unary = (op: keyof typeof unaryOperations): Lowering => ({
  accelerates: isFloat32,
  lower(node, { address }) {
    const size = outputSize(node)
    if (size === 0) return []
    const { activation: kind, alpha, beta } = unaryOperations[op](node.attributes)
    const { chunk, tiles } = cut(size)
    const x = address(node.inputs[0]!)
    return [kernels.unary_f32({ x, y: address(node.outputs[0]), size, chunk, kind, alpha, beta }, tiles)]
  },
})

const unaryLowerings = Object.fromEntries(
  (Object.keys(unaryOperations) as (keyof typeof unaryOperations)[]).map((op) => [op, unary(op)]),
) as Record<keyof typeof unaryOperations, Lowering>

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
    return [kernels.not_b8({ x: address(node.inputs[0]!), y: address(node.outputs[0]), size, chunk }, tiles)]
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
    return [kernels.clip_f32({ x: address(x!), ...bounds, y: address(node.outputs[0]), size, chunk }, tiles)]
  },
}

const where: Lowering = {
  accelerates: ({ inputs }) => bytesPerElement(inputs[1]!.dtype) === 4,
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
    const params = { ...addresses, size, chunk, inner, conditionStep, aStep, bStep, rank: dims.length }
    return [kernels.where_w32(params, tiles, [...dims, ...strides.flat()])]
  },
}

/** The element types of `assembly/cast.ts`. */
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

const isHalf = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** Floats of 16 bits go to float32 and come from it. */
const castable = (from: DType, to: DType): boolean =>
  castTypes[from] !== undefined &&
  castTypes[to] !== undefined &&
  (isHalf(from) ? to === 'float32' : !isHalf(to) || from === 'float32')

const cast: Lowering = {
  accelerates: ({ inputs, attributes }) => {
    const to = dtypeOfCode(attributes['to'] as number)
    return to !== undefined && castable(inputs[0]!.dtype, to)
  },
  lower(node, context) {
    const [source, target] = [node.inputs[0]!, node.outputs[0]]
    if (source.dtype === target.dtype) return copy.lower(node, context)
    const size = outputSize(node)
    if (size === 0) return []
    const { chunk, tiles } = cut(size)
    const types = { from: castTypes[source.dtype]!, to: castTypes[target.dtype]! }
    return [kernels.cast({ x: context.address(source), y: context.address(target), size, chunk, ...types }, tiles)]
  },
}

/** Elementwise ops. */
export const elementwiseLowerings = {
  ...unaryLowerings,
  ...binaryLowerings,
  Identity: copy,
  Not: not,
  Clip: clip,
  Where: where,
  Cast: cast,
} as const satisfies Record<string, Lowering>
