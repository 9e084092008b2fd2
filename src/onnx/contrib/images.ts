import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { numericOf, windowOf } from './activations.js'
import { channelsFirst, number, numbers, support, text, type Writer, written } from './rule.js'

/** GroupNormalization of channels last (unless told), and Swish where `activation` is 1; scale and shift may be wider than x. */
function groupNormalized(k: GraphBuilder, draft: Draft, x: Value): Value {
  const [scale, shift] = [1, 2].map((index) => k.cast(inputOf(draft, index), numericOf(x)))
  const attributes = { num_groups: number(draft, 'groups', 0), epsilon: number(draft, 'epsilon', 1e-5) }
  const normalize = (inside: Value) => k.op('GroupNormalization', [inside, scale, shift], attributes)
  const y = number(draft, 'channels_last', 1) ? channelsFirst(k, x, normalize) : normalize(x)
  return number(draft, 'activation', 0) === 1 ? k.op('Swish', [y]) : y
}

/** GroupNorm of x + skip + bias -> y and the sum; the skip may be one row of channels for all places, [N, C]. */
const skipGroupNorm: Writer = (k, draft) => {
  const [x, skip, bias] = [inputOf(draft, 0), inputOf(draft, 3), draft.inputs[4]]
  support(number(draft, 'channels_last', 1) === 1, 'a SkipGroupNorm of channels first')
  const row = skip.shape.length === 2 ? k.op('Unsqueeze', [skip, k.ints([1, 2])]) : skip
  const sum = k.add(bias ? k.add(x, bias) : x, row)
  return [groupNormalized(k, draft, sum), sum]
}

/** x + bias, halved along the last axis: left Gelu(right). */
const splitGelu: Writer = (k, draft) => {
  const sum = k.add(inputOf(draft, 0), inputOf(draft, 1))
  const [left, right] = k.emit('Split', [sum], { axis: -1, num_outputs: 2 }, 2)
  return [k.mul(left, k.op('Gelu', [right]))]
}

/** Conv of channels last, its weights [M, kH, kW, C / group], too. */
const nhwcConv: Writer = (k, draft) => {
  const [w, bias] = [k.transpose(inputOf(draft, 1), [0, 3, 1, 2]), draft.inputs[2]]
  return [channelsFirst(k, inputOf(draft, 0), (x) => k.op('Conv', [x, w, bias], windowOf(draft)))]
}

/**
 * TensorFlow's CropAndResize: x [N, C, H, W], boxes [R, 4] of (y1, x1, y2, x2) from 0 to 1, the image of each box, and the size
 * of a crop -> [R, C, height, width]; `extrapolation_value` where a box leaves its image.
 */
const cropAndResize: Writer = (k, draft) => {
  const [x, boxes, images, size] = [0, 1, 2, 3].map((index) => inputOf(draft, index))
  const sizes = k.constantOf(size)?.toNumbers()
  support(sizes?.length === 2, 'CropAndResize with a computed size')
  const nearest = text(draft, 'mode', 'bilinear') === 'nearest'
  const corners = k.emit('Split', [boxes], { axis: 1, num_outputs: 4 }, 4)
  /** Places along an axis, 0 to 1 from the first pixel's middle to the last's: [R, size]. */
  const places = (axis: number): Value => {
    const steps = Array.from({ length: sizes[axis] }, (_, i) => (sizes[axis] > 1 ? i / (sizes[axis] - 1) : 0.5))
    const [from, to] = [corners[axis], corners[axis + 2]]
    return k.add(from, k.mul(k.constant(new Tensor('float32', steps, [steps.length])), k.sub(to, from)))
  }
  const dims = k.op('Shape', [x], { start: 2 })
  /** The places of pixels' middles that are nearest. */
  const rounded = (place: Value, axis: number): Value => {
    const last = k.sub(k.cast(k.gather(dims, k.ints([axis])), 'float32'), 1)
    return k.div(k.op('Floor', [k.add(k.mul(place, last), 0.5)]), k.maximum(last, 1))
  }
  const axes = [0, 1].map((axis) => k.op('Unsqueeze', [places(axis), k.ints([axis === 0 ? 2 : 1])]))
  const inside = axes.map((place) => k.and(k.greaterOrEqual(place, 0), k.lessOrEqual(place, 1)))
  const [ys, xs] = axes.map((place, axis) => k.sub(k.mul(nearest ? rounded(place, axis) : place, 2), 1))
  const grid = [k.add(xs, k.mul(ys, 0)), k.add(ys, k.mul(xs, 0))].map((place) =>
    k.op('Unsqueeze', [place, k.ints([3])]),
  )
  const attributes = { mode: nearest ? 'nearest' : 'linear', padding_mode: 'border', align_corners: 1 }
  const crops = k.op('GridSample', [k.gather(x, images), k.concat(grid, 3)], attributes)
  const seen = k.op('Unsqueeze', [k.and(inside[0], inside[1]), k.ints([1])])
  return [k.where(seen, crops, number(draft, 'extrapolation_value', 0))]
}

/** ConvTranspose whose pads are an operand; constant ones only. */
const dynamicPads: Writer = (k, draft) => {
  const [, , pads, bias] = draft.inputs
  const held = pads && k.constantOf(pads)?.toNumbers()
  support(!pads || held !== undefined, 'ConvTransposeWithDynamicPads with computed pads')
  const attributes = { ...windowOf(draft, 'output_padding'), ...(held ? { pads: held } : {}) }
  return [k.op('ConvTranspose', [inputOf(draft, 0), inputOf(draft, 1), bias], attributes)]
}

/** Crop of ONNX's opset 1: `border` is left, top, right, bottom; `scale` the height and width from the border's corner on. */
const crop: Writer = (k, draft) => {
  const [left, top, right, bottom] = numbers(draft, 'border') ?? [0, 0, 0, 0]
  const size = numbers(draft, 'scale')
  const ends = size ? [top + size[0], left + size[1]] : [-bottom || 2 ** 31, -right || 2 ** 31]
  return [k.op('Slice', [inputOf(draft, 0), k.ints([top, left]), k.ints(ends), k.ints([2, 3])])]
}

/** Windows of `size` elements, `step` apart, along an axis: each a row of a new last axis. */
const unfold: Writer = (k, draft) => {
  const x = inputOf(draft, 0)
  const [size, step] = [number(draft, 'size', 1), number(draft, 'step', 1)]
  const axis = (number(draft, 'dim', -1) + x.shape.length) % x.shape.length
  const length = x.shape[axis]
  support(typeof length === 'number', 'UnfoldTensor along an axis of unknown size')
  const windows = Math.floor((length - size) / step) + 1
  const places = Array.from({ length: windows * size }, (_, i) => Math.floor(i / size) * step + (i % size))
  const rank = x.shape.length
  const moved = k.reshape(k.gather(x, k.ints(places), axis), [
    ...new Array<number>(axis).fill(0),
    windows,
    size,
    ...x.shape.slice(axis + 1).map((dim) => (typeof dim === 'number' ? dim : -1)),
  ])
  const order = [...Array.from({ length: rank + 1 }, (_, i) => i).filter((i) => i !== axis + 1), axis + 1]
  return [k.transpose(moved, order)]
}

/** Ops of com.microsoft on images and features, as diffusion models hold them, and of ONNX's first opsets. */
export const imageWriters: AdapterTable = {
  'com.microsoft.GroupNorm': written((k, draft) => [groupNormalized(k, draft, inputOf(draft, 0))]),
  'com.microsoft.SkipGroupNorm': written(skipGroupNorm),
  'com.microsoft.BiasAdd': written((k, draft) => [
    k.add(k.add(inputOf(draft, 0), inputOf(draft, 1)), inputOf(draft, 2)),
  ]),
  'com.microsoft.BiasSplitGelu': written(splitGelu),
  'com.microsoft.NhwcConv': written(nhwcConv),
  'com.microsoft.CropAndResize': written(cropAndResize),
  'com.microsoft.ConvTransposeWithDynamicPads': written(dynamicPads),
  'com.microsoft.UnfoldTensor': written(unfold),
  Crop: written(crop),
}
