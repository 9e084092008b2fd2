import { Tensor } from '../core/tensor.js'
import { decodeImage } from './images.js'

/** A PNG or JPEG file as luminance: float32 [height, width] in [0, 1], transparency over white. Throws INVALID_DATA, naming `name`. */
export async function readDrawing(bytes: Uint8Array, name = 'image'): Promise<Tensor> {
  const { data, dims } = await decodeImage(bytes, 'rgba', name)
  const rgba = data as Float32Array
  const luminance = new Float32Array(dims[0] * dims[1])
  for (let pixel = 0; pixel < luminance.length; pixel++) {
    const [red, green, blue, alpha] = rgba.subarray(pixel * 4, pixel * 4 + 4)
    const light = (0.299 * red + 0.587 * green + 0.114 * blue) / 255
    luminance[pixel] = 1 + (light - 1) * (alpha / 255)
  }
  return new Tensor('float32', luminance, [dims[0], dims[1]])
}

/**
 * A picture of one dark-on-light or light-on-dark drawing as a network trained on MNIST expects it: averaged down to
 * `height` x `width`, light strokes on black (inverted if the border is light). Returns float32 [1, height, width, 1].
 */
export function toDigitImage(image: Tensor, height: number, width: number): Tensor {
  const [sourceHeight, sourceWidth] = image.dims
  const source = image.data as Float32Array
  let border = 0
  for (let x = 0; x < sourceWidth; x++) border += source[x] + source[(sourceHeight - 1) * sourceWidth + x]
  const invert = border / (2 * sourceWidth) > 0.5
  const pixels = new Float32Array(height * width)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const mean = areaMean(
        source,
        sourceWidth,
        (y * sourceHeight) / height,
        ((y + 1) * sourceHeight) / height,
        (x * sourceWidth) / width,
        ((x + 1) * sourceWidth) / width,
      )
      pixels[y * width + x] = invert ? 1 - mean : mean
    }
  return new Tensor('float32', pixels, [1, height, width, 1])
}

/** Mean of the source over the rectangle [top, bottom) x [left, right), border pixels weighted by their overlap. */
function areaMean(
  source: Float32Array,
  stride: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
): number {
  let sum = 0
  for (let y = Math.floor(top); y < Math.ceil(bottom - 1e-9); y++) {
    const high = Math.min(y + 1, bottom) - Math.max(y, top)
    for (let x = Math.floor(left); x < Math.ceil(right - 1e-9); x++)
      sum += source[y * stride + x] * high * (Math.min(x + 1, right) - Math.max(x, left))
  }
  return sum / ((bottom - top) * (right - left))
}
