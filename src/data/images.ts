import { LanewiseError } from '../core/errors.js'
import { node } from '../core/node.js'
import { loadPngDecoder } from '../core/png.js'
import { Tensor } from '../core/tensor.js'

export type ColorMode = 'rgb' | 'rgba' | 'grayscale'

export const channelsOf: Readonly<Record<ColorMode, number>> = { rgb: 3, rgba: 4, grayscale: 1 }

/** Pixels of red, green, blue and alpha, 0 to 255 each. */
interface Pixels {
  readonly width: number
  readonly height: number
  readonly rgba: ArrayLike<number>
}

const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e
const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8

/** What a decoded image may take. */
const mostPixels = 1e8

async function decodePng(bytes: Uint8Array): Promise<Pixels> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 24 || view.getUint32(16) * view.getUint32(20) > mostPixels)
    throw new Error('it is cut off, or larger than 100 million pixels')
  const { width, height, channels, depth, data, palette } = (await loadPngDecoder())(bytes)
  const unit = 255 / (palette ? 255 : 2 ** depth - 1)
  const rgba = new Float32Array(width * height * 4)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const colour = palette ? palette[data[pixel]] : data.subarray(pixel * channels, (pixel + 1) * channels)
    const grey = colour.length < 3
    for (let i = 0; i < 3; i++) rgba[pixel * 4 + i] = colour[grey ? 0 : i] * unit
    rgba[pixel * 4 + 3] = colour.length % 2 === 0 ? colour[colour.length - 1] * unit : 255
  }
  return { width, height, rgba }
}

/** By the host's decoder in pages and workers; by jpeg-js in Node, for JPEG. */
async function decodeOther(bytes: Uint8Array): Promise<Pixels> {
  if (node) {
    if (!isJpeg(bytes)) throw new Error('it is neither PNG nor JPEG')
    const { decode } = await node.jpeg()
    const { width, height, data } = decode(bytes, { useTArray: true, maxResolutionInMP: mostPixels / 1e6 })
    return { width, height, rgba: data }
  }
  const bitmap = await createImageBitmap(new Blob([bytes as BlobPart]))
  const { width, height } = bitmap
  const canvas = new OffscreenCanvas(width, height).getContext('2d')!
  canvas.drawImage(bitmap, 0, 0)
  bitmap.close()
  return { width, height, rgba: canvas.getImageData(0, 0, width, height).data }
}

/**
 * A PNG or JPEG file (in pages: whatever the host decodes) as float32 [height, width, channels], 0 to 255. Grey is the
 * luminance of ITU-R BT.601. Throws INVALID_DATA, naming `name`.
 */
export async function decodeImage(bytes: Uint8Array, colorMode: ColorMode = 'rgb', name = 'image'): Promise<Tensor> {
  let pixels: Pixels
  try {
    pixels = await (isPng(bytes) ? decodePng(bytes) : decodeOther(bytes))
  } catch (cause) {
    throw new LanewiseError('INVALID_DATA', `${name}: not a readable image (${(cause as Error).message})`, { cause })
  }
  const { width, height, rgba } = pixels
  const channels = channelsOf[colorMode]
  const data = new Float32Array(width * height * channels)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * 4
    if (channels === 1) data[pixel] = 0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2]
    else for (let i = 0; i < channels; i++) data[pixel * channels + i] = rgba[at + i]
  }
  return new Tensor('float32', data, [height, width, channels])
}

/** For each of `size` places the two neighbours among `from`, and the share of the second: centres of pixels, edges repeated. */
function neighbours(from: number, size: number) {
  return Array.from({ length: size }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * from) / size - 0.5, 0), from - 1)
    const low = Math.floor(place)
    return { low, high: Math.min(low + 1, from - 1), share: place - low }
  })
}

/** An image [height, width, channels] in another size, bilinear. */
export function resizeImage(image: Tensor, height: number, width: number): Tensor {
  const [fromHeight, fromWidth, channels] = image.dims
  if (fromHeight === height && fromWidth === width) return image
  const source = image.data as Float32Array
  const columns = neighbours(fromWidth, width)
  const data = new Float32Array(height * width * channels)
  let at = 0
  for (const row of neighbours(fromHeight, height))
    for (const column of columns)
      for (let channel = 0; channel < channels; channel++) {
        const pixel = (y: number, x: number) => source[(y * fromWidth + x) * channels + channel]
        const top = pixel(row.low, column.low) * (1 - column.share) + pixel(row.low, column.high) * column.share
        const bottom = pixel(row.high, column.low) * (1 - column.share) + pixel(row.high, column.high) * column.share
        data[at++] = top * (1 - row.share) + bottom * row.share
      }
  return new Tensor('float32', data, [height, width, channels])
}
