import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { type OpDefinition, stringAttribute } from './definition.js'
import { freshShape, required } from './infer.js'

/** Image files. */
export const images = {
  /** The bytes of a PNG, BMP or PNM file -> its pixels, uint8 [height, width, 3 or 1]. */
  ImageDecoder: {
    since: 20,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { pixel_format: { type: 'string', default: 'RGB' } },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      if (dtype !== 'uint8' || shape.length !== 1)
        throw new LanewiseError('TYPE_MISMATCH', `takes the bytes of a file, got ${dtype} ${formatShape(shape)}`)
      const format = stringAttribute(context.attributes, 'pixel_format')
      if (!['RGB', 'BGR', 'Grayscale'].includes(format))
        throw new LanewiseError('INVALID_MODEL', `pixel_format '${format}' is none of RGB, BGR, Grayscale`)
      const [height, width] = freshShape(context, 3)
      return [{ dtype, shape: [height, width, format === 'Grayscale' ? 1 : 3] }]
    },
  },
} as const satisfies Record<string, OpDefinition>
