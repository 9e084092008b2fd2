import { concrete } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { roi_align_f32 } from '../gen/rare-regions.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'
import { CHUNK, cut } from './tiles.js'

/** Bins of a region that scratch memory has counts for. */
const BINS = SCRATCH_BYTES / 8

export const regionLowerings = {
  /** A region of an image that is not there gives NaN. */
  RoiAlign: {
    accelerates: ({ inputs: [x, rois, batches], outputs: [y] }) =>
      x!.dtype === 'float32' &&
      rois!.dtype === 'float32' &&
      batches!.dtype === 'int64' &&
      concrete(x!.shape)[3] > 1 &&
      concrete(x!.shape)[2] > 0 &&
      concrete(y.shape)[2] * concrete(y.shape)[3] <= BINS,
    lower({ inputs: [x, boxes, indices], outputs: [y], attributes }, { address, scratch }) {
      const [images, , height, width] = concrete(x!.shape)
      const [rois, channels, rows, columns] = concrete(y.shape)
      const elements = channels * rows * columns
      if (rois * elements === 0) return []
      const ratio = intAttribute(attributes, 'sampling_ratio')
      const { chunk, tiles } = cut(rois, Math.max(1, Math.floor(CHUNK / (elements * Math.max(1, ratio) ** 2))))
      const places = { x: address(x!), boxes: address(boxes!), batches: address(indices!), y: address(y) }
      const sizes = { rois, chunk, images, channels, height, width, rows, columns, ratio }
      const isMax = attributes['mode'] === 'max' ? 1 : 0
      const scale = floatAttribute(attributes, 'spatial_scale')
      const shift = attributes['coordinate_transformation_mode'] === 'half_pixel' ? 0.5 : 0
      const p = { ...places, ...sizes, scratch: scratch(), scratchBytes: SCRATCH_BYTES, isMax, scale, shift }
      return [roi_align_f32(p, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
