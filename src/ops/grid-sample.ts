import { isFloat, type NumericDType } from '../core/dtype.js'
import type { Node, Value } from '../core/ir.js'
import { sizeOf, stridesOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { inputShape, pick } from './compose.js'
import { intAttribute, stringAttribute } from './definition.js'
import type { Emitter } from './emitter.js'

interface Axis {
  readonly size: number
  readonly mode: string
  readonly padding: string
  readonly alignCorners: boolean
}

/** What a point is made of along some axes: places in the image (int32) and their weights, both [N, taps, points]. */
interface Taps {
  readonly places: Value
  readonly weights: Value
}

/** `x` mirrored at `low` and `high` until it lies between them. */
function reflected(emit: Emitter, x: Value, low: number, high: number): Value {
  const range = high - low
  if (range <= 0) return emit.clip(x, low, low)
  const offset = emit.sub(x, low)
  const turns = emit.op('Floor', [emit.div(offset, 2 * range)])
  const rest = emit.sub(offset, emit.mul(turns, 2 * range))
  return emit.add(emit.sub(range, emit.abs(emit.sub(rest, range))), low)
}

/** The weights of the elements around a point that lies `t` beyond the one before it, [N, taps, points]. */
function weightsOf(emit: Emitter, mode: string, t: Value): Value {
  if (mode === 'nearest') return emit.add(emit.mul(t, 0), 1)
  if (mode === 'linear') return emit.concat([emit.sub(1, t), t], 1)
  const a = -0.75
  const polynomial = (d: Value, [c3, c2, c1, c0]: readonly number[]) =>
    emit.add(emit.mul(emit.add(emit.mul(emit.add(emit.mul(d, c3), c2), d), c1), d), c0)
  const near = [a + 2, -(a + 3), 0, 1]
  const far = [a, -5 * a, 8 * a, -4 * a]
  const distances = [emit.add(t, 1), t, emit.sub(1, t), emit.sub(2, t)]
  return emit.concat(
    distances.map((distance, tap) => polynomial(distance, tap === 0 || tap === 3 ? far : near)),
    1,
  )
}

/** The taps along one axis of points at `coordinates` [N, 1, points] in [-1, 1]. */
function tapsOf(emit: Emitter, coordinates: Value, { size, mode, padding, alignCorners }: Axis): Taps {
  const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5]
  const into = (x: Value): Value =>
    padding === 'border' ? emit.clip(x, 0, size - 1) : padding === 'reflection' ? reflected(emit, x, low, high) : x
  const scale = alignCorners ? (size - 1) / 2 : size / 2
  const exact = emit.add(emit.mul(coordinates, scale), (size - 1) / 2)
  const rounded = mode === 'nearest' ? emit.op('Round', [exact]) : exact
  const outside = emit.or(emit.less(rounded, low), emit.greater(rounded, high))
  const x = padding === 'zeros' ? rounded : emit.where(outside, into(rounded), rounded)
  const base = emit.op('Floor', [x])
  const weights = weightsOf(emit, mode, emit.sub(x, base))
  const steps = { nearest: [0], linear: [0, 1] }[mode] ?? [-1, 0, 1, 2]
  const tap = emit.constant(new Tensor('float64', steps, [1, steps.length, 1]))
  const at = into(emit.add(base, emit.cast(tap, x.dtype as NumericDType)))
  const places = emit.cast(emit.clip(at, 0, size - 1), 'int32')
  if (padding !== 'zeros') return { places, weights }
  const inside = emit.and(emit.greaterOrEqual(at, 0), emit.less(at, size))
  return { places, weights: emit.where(inside, weights, 0) }
}

/** GridSample as gathered pixels times weights, which is differentiable by the image and by the grid. */
export function decomposeGridSample(emit: Emitter, node: Node): readonly Value[] {
  const [x, grid] = node.inputs as [Value, Value]
  const [batch, channels, ...spatial] = inputShape(node)
  const outDims = inputShape(node, 1).slice(1, -1)
  const [points, plane, rank] = [sizeOf(outDims), sizeOf(spatial), spatial.length]
  const dtype = (isFloat(x.dtype) ? x.dtype : grid.dtype) as NumericDType
  const common = {
    mode: stringAttribute(node.attributes, 'mode'),
    padding: stringAttribute(node.attributes, 'padding_mode'),
    alignCorners: intAttribute(node.attributes, 'align_corners') === 1,
  }
  const inType = (value: Value) => (value.dtype === dtype ? value : emit.cast(value, dtype))
  const coordinates = emit.reshape(inType(grid), [batch, 1, points, rank])
  const strides = stridesOf(spatial)
  const along = spatial.map((size, axis): Taps => {
    const { places, weights } = tapsOf(emit, pick(emit, coordinates, 3, rank - 1 - axis), { ...common, size })
    return { places: emit.mul(places, strides[axis]), weights }
  })
  const { places, weights } = along.reduce((all, next): Taps => {
    const pairs = (write: (a: Value, b: Value) => Value, a: Value, b: Value) =>
      emit.reshape(write(emit.op('Unsqueeze', [a, emit.ints([2])]), emit.op('Unsqueeze', [b, emit.ints([1])])), [
        batch,
        -1,
        points,
      ])
    return {
      places: pairs((a, b) => emit.add(a, b), all.places, next.places),
      weights: pairs((a, b) => emit.mul(a, b), all.weights, next.weights),
    }
  })
  const starts = Array.from({ length: batch }, (_, image) => image * plane)
  const rows = emit.add(places, emit.constant(new Tensor('int32', starts, [batch, 1, 1])))
  const channelsLast = [0, ...spatial.map((_, axis) => axis + 2), 1]
  const pixels = emit.gather(emit.reshape(emit.transpose(inType(x), channelsLast), [batch * plane, channels]), rows)
  const sums = emit.sum(emit.mul(pixels, emit.op('Unsqueeze', [weights, emit.ints([3])])), [1])
  const y = emit.reshape(emit.transpose(sums, [0, 2, 1]), [batch, channels, ...outDims])
  return [x.dtype === dtype ? y : emit.cast(y, x.dtype as NumericDType)]
}
