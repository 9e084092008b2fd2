import { encode } from 'fast-png'
import { sizeOf } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

/** Grey values, dark to light, or red, green and blue of each pixel, as a PNG in a data URL. Values outside [low, high] are cut. */
export function pictureOf(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  [low, high]: readonly [number, number] = [0, 1],
): string {
  const scale = high > low ? 255 / (high - low) : 0
  const data = Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round((value - low) * scale))))
  const channels = data.length === 3 * height * width ? 3 : 1
  const bytes = encode({ width, height, data, channels, depth: 8 })
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`
}

/** A picture of each filter's weights, the mean over channels; all on one scale, 0 being grey. */
export function filterPictures({ dims, data }: Tensor): string[] {
  const [filters, channels, height, width] = dims
  const weights = data as Float32Array
  const plane = height * width
  const means = Array.from({ length: filters }, (_, filter) =>
    Float32Array.from({ length: plane }, (__, pixel) => {
      let sum = 0
      for (let channel = 0; channel < channels; channel++) sum += weights[(filter * channels + channel) * plane + pixel]
      return sum / channels
    }),
  )
  const reach = means.flatMap((mean) => [...mean]).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return means.map((mean) => pictureOf(mean, [height, width], [-reach, reach]))
}

/** The least edge of a row of numbers that is shown as a square picture: shorter rows are rather columns of a table. */
const LEAST_EDGE = 8

/** A picture of sample `row` of images [n, height, width], with 1 or 3 channels last, or [n, height * width] of square ones; else undefined. */
export function samplePicture({ dims, data }: Tensor, row: number): string | undefined {
  const size = sizeOf(dims.slice(1))
  const edge = Math.sqrt(size)
  const isRow = dims.length === 2
  if (dims.length < 2 || (isRow && !(Number.isInteger(edge) && edge >= LEAST_EDGE))) return undefined
  const [height, width, channels = 1] = isRow ? [edge, edge] : dims.slice(1)
  if (dims.length > 4 || (channels !== 1 && channels !== 3)) return undefined
  return pictureOf((data as Float32Array).subarray(row * size, (row + 1) * size), [height, width])
}
