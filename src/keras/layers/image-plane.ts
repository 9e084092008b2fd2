import type { Layer } from './layer.js'
import { type KerasShape, knownDim, requireRank } from './shapes.js'

/** The axes of height and width of images with a batch axis. */
export const planeAxes = (channelsLast: boolean): readonly [height: number, width: number] =>
  channelsLast ? [1, 2] : [2, 3]

/** Throws SHAPE_MISMATCH unless `shape` is that of images of known height and width. */
export function requirePlane(layer: Layer, shape: KerasShape, channelsLast: boolean): void {
  requireRank(layer, shape, 4)
  for (const axis of planeAxes(channelsLast)) knownDim(layer, shape, axis)
}
