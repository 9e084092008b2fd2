import { isFloat, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import { inputShape } from './compose.js'
import { stringAttribute } from './definition.js'
import type { Emitter } from './emitter.js'
import { liesOutside, nearestIndices, type ResampleTable, resampleTable } from './resample.js'
import { type AxisResize, contentOf, resizesOf } from './resize.js'

/** Indices and weights of `table` as constants [size, taps]. */
export const tableConstants = (
  emit: Emitter,
  { taps, indices, weights }: ResampleTable,
  dtype: NumericDType,
): Value[] => {
  const shape = [indices.length / taps, taps]
  return [
    emit.constant(new Tensor('int32', indices, shape)),
    emit.constant(new Tensor(dtype, Array.from(weights), shape)),
  ]
}

/** `y` along `axis`, or `value` where an element lies outside. */
function extrapolated(emit: Emitter, y: Value, axis: number, outside: readonly boolean[], value: number): Value {
  if (!outside.includes(true)) return y
  const shape = y.shape.map((_, at) => (at === axis ? outside.length : 1))
  return emit.where(emit.constant(new Tensor('bool', outside.map(Number), shape)), value, y)
}

const ratio = ({ from, to }: AxisResize): number => to / from

/** A Resize as one node an axis. */
export function decomposeResize(emit: Emitter, node: Node): Value[] {
  const x = node.inputs[0]!
  const shape = inputShape(node)
  const [roi, scales, sizes] = [1, 2, 3].map((index) => {
    const value = node.inputs[index]
    const content = value && emit.constantOf(value)
    if (value && !content)
      throw new LanewiseError('SHAPE_MISMATCH', `input ${index} of '${node.name}' must be known while compiling`)
    return contentOf(content)
  })
  const resizes = resizesOf(node.attributes, shape, { roi, scales, sizes })
  const isNearest = stringAttribute(node.attributes, 'mode') === 'nearest'
  const dtype = x.dtype as NumericDType
  const working = isNearest || isFloat(dtype) ? dtype : 'float32'
  // The tensor stays small, and a last axis, which has no contiguous rows to copy, meets it at its smallest.
  const order = resizes
    .flatMap((resize, axis) => (resize ? [{ resize, axis }] : []))
    .sort((a, b) => ratio(a.resize) - ratio(b.resize) || (ratio(a.resize) > 1 ? b.axis - a.axis : a.axis - b.axis))
  let y = emit.cast(x, working)
  for (const { resize, axis } of order) {
    y = isNearest
      ? emit.gather(y, emit.ints(nearestIndices(resize)), axis)
      : emit.op('lanewise.Resample', [y, ...tableConstants(emit, resampleTable(resize), working)], { axis })
    y = extrapolated(emit, y, axis, liesOutside(resize), node.attributes['extrapolation_value'] as number)
  }
  return [order.length === 0 ? emit.op('Identity', [x]) : saturated(emit, y, dtype)]
}

/** `y` cast to `dtype`, limited to the range of an 8- or 16-bit integer type. */
function saturated(emit: Emitter, y: Value, dtype: NumericDType): Value {
  const limits: Partial<Record<NumericDType, readonly [number, number]>> = {
    int8: [-128, 127],
    uint8: [0, 255],
    int16: [-32768, 32767],
    uint16: [0, 65535],
  }
  const range = y.dtype === dtype ? undefined : limits[dtype]
  return emit.cast(range ? emit.clip(y, ...range) : y, dtype)
}
