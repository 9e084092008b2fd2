import { encode } from 'fast-png'
import { sizeOf } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'

/** Grey values, dark to light, as a PNG in a data URL. Values outside [low, high] are cut. */
export function pictureOf(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
  [low, high]: readonly [number, number] = [0, 1],
): string {
  const scale = high > low ? 255 / (high - low) : 0
  const data = Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round((value - low) * scale))))
  const bytes = encode({ width, height, data, channels: 1, depth: 8 })
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

/** A picture of sample `row` of images [n, height, width, 1] or [n, height * width] of square ones; else undefined. */
export function samplePicture({ dims, data }: Tensor, row: number): string | undefined {
  const pixels = sizeOf(dims.slice(1))
  const edge = Math.sqrt(pixels)
  const [height, width] = dims.length >= 3 ? [dims[1], dims[2]] : [edge, edge]
  if (!Number.isInteger(height) || height * width !== pixels) return undefined
  return pictureOf((data as Float32Array).subarray(row * pixels, (row + 1) * pixels), [height, width])
}
