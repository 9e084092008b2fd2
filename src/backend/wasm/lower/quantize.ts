import type { DType } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { granularityOf, limits } from '../../../ops/granularity.js'
import { dequantize_f32, quantize_f32, quantize_range_f32 } from '../gen/rare-quantize.js'
import { shapeOf } from './frame.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { CHUNK, cut } from './tiles.js'

/** The integer types of `assembly/quantize.ts`; narrower ones lie one a byte. */
export const integerTypes: Partial<Record<DType, number>> = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint4: 0,
  int4: 1,
  uint2: 0,
  int2: 1,
}

const dequantizedTypes: typeof integerTypes = { ...integerTypes, int32: 4 }

/** Rows of `inner` elements that share one of `scales` scales, in turn; undefined where scales lie in blocks of an inner axis. */
function rowsOf({ inputs: [x, scale], attributes }: Node): { inner: number; scales: number } | undefined {
  const shape = shapeOf(x!)
  const granularity = granularityOf(shape, shapeOf(scale!), attributes)
  if (granularity.kind === 'tensor') return { inner: Math.max(1, sizeOf(shape)), scales: 1 }
  const inner = sizeOf(shape.slice(granularity.axis + 1))
  if (granularity.kind === 'axis') return { inner: Math.max(1, inner), scales: Math.max(1, shape[granularity.axis]) }
  const even = inner === 1 && shape[granularity.axis] % granularity.block === 0
  return even ? { inner: granularity.block, scales: Math.max(1, sizeOf(shapeOf(scale!))) } : undefined
}

type Kernel = typeof quantize_f32 | typeof dequantize_f32

const call = (kernel: Kernel, node: Node, { address }: LoweringContext, dtype: DType) => {
  const [x, scale, zero] = node.inputs
  const size = sizeOf(shapeOf(x!))
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const [low, high] = limits[dtype] ?? [0, 0]
  const places = { x: address(x!), scale: address(scale!), zero: zero ? address(zero) : 0, y: address(node.outputs[0]) }
  return [kernel({ ...places, size, chunk, ...rowsOf(node)!, type: dequantizedTypes[dtype]!, low, high }, tiles)]
}

const quantize: Lowering = {
  accelerates: (node) => {
    const [x, scale] = node.inputs
    const precision = node.attributes['precision']
    return (
      x!.dtype === 'float32' &&
      scale!.dtype === 'float32' &&
      (precision === undefined || precision === 0 || precision === 1) &&
      integerTypes[node.outputs[0].dtype] !== undefined &&
      rowsOf(node) !== undefined
    )
  },
  lower: (node, context) => call(quantize_f32, node, context, node.outputs[0].dtype),
}

const dequantize: Lowering = {
  accelerates: (node) =>
    node.inputs[1]!.dtype === 'float32' &&
    node.outputs[0].dtype === 'float32' &&
    dequantizedTypes[node.inputs[0]!.dtype] !== undefined &&
    rowsOf(node) !== undefined,
  lower: (node, context) => call(dequantize_f32, node, context, node.inputs[0]!.dtype),
}

const dynamicQuantize: Lowering = {
  lower: ({ inputs: [x], outputs }, { address }) => {
    const size = sizeOf(shapeOf(x!))
    const [y, scale, zero] = outputs.map(address)
    const { chunk, tiles } = cut(size, CHUNK)
    const range = quantize_range_f32({ x: address(x!), scale, zero, size }, 1)
    if (size === 0) return [range]
    const places = { x: address(x!), scale, zero, y }
    const rows = { size, chunk, inner: size, scales: 1, type: integerTypes.uint8!, low: 0, high: 255 }
    return [range, quantize_f32({ ...places, ...rows }, tiles)]
  },
}

/** Real numbers to integers and back. */
export const quantizeLowerings = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
} as const satisfies Record<string, Lowering>
