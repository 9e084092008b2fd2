import { LanewiseError } from '../../core/errors.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { regions } from '../../ops/regions.js'
import { windowOf } from '../../ops/window.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** A place in a plane as its four neighbours and their weights. */
interface Corners {
  readonly at: readonly number[]
  readonly weights: readonly number[]
}

const cornersOf = (
  y: number,
  x: number,
  yLow: number,
  xLow: number,
  yHigh: number,
  xHigh: number,
  width: number,
): Corners => {
  const [fy, fx] = [y - yLow, x - xLow]
  return {
    at: [yLow * width + xLow, yLow * width + xHigh, yHigh * width + xLow, yHigh * width + xHigh],
    weights: [(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx],
  }
}

/** Neighbours clamped to the plane, as RoiAlign takes them; undefined more than a pixel outside. */
function clamped(y: number, x: number, height: number, width: number): Corners | undefined {
  if (!(y >= -1 && y <= height && x >= -1 && x <= width)) return undefined
  const limit = (at: number, size: number) => Math.min(Math.max(at, 0), size - 1)
  const [cy, cx] = [limit(y, height), limit(x, width)]
  const [yLow, xLow] = [Math.floor(cy), Math.floor(cx)]
  return cornersOf(cy, cx, yLow, xLow, Math.min(yLow + 1, height - 1), Math.min(xLow + 1, width - 1), width)
}

function imageIndex(value: number, images: number): number {
  if (!(value >= 0 && value < images))
    throw new LanewiseError('INVALID_ARGUMENT', `a region lies in image ${value} of ${images}`)
  return value
}

const roiAlign: ReferenceKernel = ({ inputs: [x, rois, batches], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const [count, channels, rows, columns] = dims
  const [images, , height, width] = x!.dims
  const [xs, boxes, indices] = [x!, rois!, batches!].map(numbersOf)
  const shift = attributes['coordinate_transformation_mode'] === 'half_pixel' ? 0.5 : 0
  const scale = floatAttribute(attributes, 'spatial_scale')
  const ratio = intAttribute(attributes, 'sampling_ratio')
  const maximum = attributes['mode'] === 'max'
  const ys = new Float64Array(sizeOf(dims))
  for (let roi = 0; roi < count; roi++) {
    const [left, top, right, bottom] = Array.from(boxes.subarray(4 * roi, 4 * roi + 4), (edge) => edge * scale - shift)
    // Without the shift, regions are at least a pixel large.
    const least = shift === 0 ? 1 : Number.NEGATIVE_INFINITY
    const binHeight = Math.max(bottom - top, least) / rows
    const binWidth = Math.max(right - left, least) / columns
    const gridRows = ratio > 0 ? ratio : Math.ceil(binHeight)
    const gridColumns = ratio > 0 ? ratio : Math.ceil(binWidth)
    const image = imageIndex(indices[roi], images) * channels * height * width
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const samples: (Corners | undefined)[] = []
        for (let i = 0; i < gridRows; i++)
          for (let j = 0; j < gridColumns; j++) {
            const y = top + (row + (i + 0.5) / gridRows) * binHeight
            const at = left + (column + (j + 0.5) / gridColumns) * binWidth
            samples.push(clamped(y, at, height, width))
          }
        // The four neighbours of each sample in the plane; samples outside are 0.
        const inside = samples.filter((sample) => sample !== undefined)
        const places = Int32Array.from(inside.flatMap(({ at }) => at))
        const weights = Float64Array.from(inside.flatMap((sample) => sample.weights))
        for (let c = 0; c < channels; c++) {
          const plane = image + c * height * width
          const into = ((roi * channels + c) * rows + row) * columns + column
          if (maximum) {
            // The largest weighted neighbour stands for a sample, not its interpolated value.
            let best = inside.length < samples.length || samples.length === 0 ? 0 : Number.NEGATIVE_INFINITY
            for (let k = 0; k < places.length; k++) best = Math.max(best, weights[k] * xs[plane + places[k]])
            ys[into] = best
          } else {
            let sum = 0
            for (let k = 0; k < places.length; k++) sum += weights[k] * xs[plane + places[k]]
            ys[into] = sum / Math.max(1, samples.length)
          }
        }
      }
  }
  return [tensorOf(dtype, ys, dims)]
}

/** The bounds of bin `index` of `bins` over `length` elements from `start`, cut to [0, size). */
function binOf(index: number, bins: number, start: number, length: number, size: number): readonly [number, number] {
  const limit = (at: number) => Math.min(Math.max(at + start, 0), size)
  return [limit(Math.floor((index * length) / bins)), limit(Math.ceil(((index + 1) * length) / bins))]
}

const maxRoiPool: ReferenceKernel = ({ inputs: [x, rois], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const [count, channels, rows, columns] = dims
  const [images, , height, width] = x!.dims
  const [xs, boxes] = [numbersOf(x!), numbersOf(rois!)]
  const scale = floatAttribute(attributes, 'spatial_scale')
  const ys = new Float64Array(sizeOf(dims))
  for (let roi = 0; roi < count; roi++) {
    const image = imageIndex(boxes[5 * roi], images)
    const [left, top, right, bottom] = Array.from(boxes.subarray(5 * roi + 1, 5 * roi + 5), (edge) =>
      Math.round(edge * scale),
    )
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [fromY, toY] = binOf(row, rows, top, Math.max(bottom - top + 1, 1), height)
        const [fromX, toX] = binOf(column, columns, left, Math.max(right - left + 1, 1), width)
        for (let c = 0; c < channels; c++) {
          const plane = (image * channels + c) * height * width
          let best = toY > fromY && toX > fromX ? Number.NEGATIVE_INFINITY : 0
          for (let y = fromY; y < toY; y++)
            for (let at = fromX; at < toX; at++) best = Math.max(best, xs[plane + y * width + at])
          ys[((roi * channels + c) * rows + row) * columns + column] = best
        }
      }
  }
  return [tensorOf(dtype, ys, dims)]
}

const deformConv: ReferenceKernel = ({ inputs, outputs: [{ dtype, shape }], attributes }) => {
  const [x, weight, offset] = inputs.slice(0, 3).map((input) => input!)
  const dims = concrete(shape)
  const [images, outputs, rows, columns] = dims
  const [, channels, height, width] = x.dims
  const [, groupChannels, kernelY, kernelX] = weight.dims
  const [xs, ws, shifts] = [x, weight, offset].map(numbersOf)
  const biases = inputs[3] && numbersOf(inputs[3])
  const masks = inputs[4] && numbersOf(inputs[4])
  const group = intAttribute(attributes, 'group')
  const offsetGroups = intAttribute(attributes, 'offset_group')
  const { strides, dilations, padBegin } = windowOf(attributes, [kernelY, kernelX], [height, width])
  const taps = kernelY * kernelX
  const places = rows * columns
  const ys = new Float64Array(sizeOf(dims))
  const columnOf = new Float64Array(channels * taps)
  for (let n = 0; n < images; n++)
    for (let place = 0; place < places; place++) {
      const [row, column] = [Math.floor(place / columns), place % columns]
      for (let c = 0; c < channels; c++)
        for (let tap = 0; tap < taps; tap++) {
          const shared = n * offsetGroups * taps + Math.floor((c * offsetGroups) / channels) * taps + tap
          const y =
            row * strides[0] -
            padBegin[0] +
            Math.floor(tap / kernelX) * dilations[0] +
            shifts[2 * shared * places + place]
          const at =
            column * strides[1] -
            padBegin[1] +
            (tap % kernelX) * dilations[1] +
            shifts[(2 * shared + 1) * places + place]
          const [yLow, xLow] = [Math.floor(y), Math.floor(at)]
          const { weights } = cornersOf(y, at, yLow, xLow, yLow + 1, xLow + 1, width)
          const value = weights.reduce((sum, part, corner) => {
            const [cy, cx] = [yLow + (corner >> 1), xLow + (corner & 1)]
            const inside = cy >= 0 && cy < height && cx >= 0 && cx < width
            return inside ? sum + part * xs[((n * channels + c) * height + cy) * width + cx] : sum
          }, 0)
          columnOf[c * taps + tap] = value * (masks ? masks[shared * places + place] : 1)
        }
      for (let o = 0; o < outputs; o++) {
        const first = Math.floor((o * group) / outputs) * groupChannels * taps
        let sum = biases ? biases[o] : 0
        for (let k = 0; k < groupChannels * taps; k++) sum += ws[o * groupChannels * taps + k] * columnOf[first + k]
        ys[(n * outputs + o) * places + place] = sum
      }
    }
  return [tensorOf(dtype, ys, dims)]
}

export const regionKernels = {
  RoiAlign: roiAlign,
  MaxRoiPool: maxRoiPool,
  DeformConv: deformConv,
} as const satisfies Record<keyof typeof regions, ReferenceKernel>
