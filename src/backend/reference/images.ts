import { LanewiseError } from '../../core/errors.js'
import { pngDecoder } from '../../core/png.js'
import { Tensor } from '../../core/tensor.js'
import { stringAttribute } from '../../ops/definition.js'
import type { images } from '../../ops/images.js'
import type { ReferenceKernel } from './kernel.js'

/** Pixels as red, green and blue bytes. */
interface Picture {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

type Colour = ArrayLike<number>

/** A picture of the colours that `at` gives: one number is a grey. */
function picture(width: number, height: number, at: (pixel: number) => Colour): Picture {
  const rgb = new Uint8Array(width * height * 3)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const colour = at(pixel)
    const grey = colour.length < 3
    for (let i = 0; i < 3; i++) rgb[pixel * 3 + i] = colour[grey ? 0 : i]
  }
  return { width, height, rgb }
}

const startsWith = (bytes: Uint8Array, ...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte)
const textAt = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))

function decodePng(bytes: Uint8Array): Picture {
  const { width, height, channels, depth, data, palette } = pngDecoder()(bytes)
  const peak = 2 ** depth - 1
  return picture(width, height, (pixel) =>
    palette
      ? palette[data[pixel]]
      : Array.from(data.subarray(pixel * channels, (pixel + 1) * channels), (sample) =>
          depth > 8 ? sample >> (depth - 8) : Math.round((sample * 255) / peak),
        ),
  )
}

/** Uncompressed bitmaps of 24 or 32 bits a pixel. */
function decodeBmp(bytes: Uint8Array): Picture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [start, width, tall] = [view.getUint32(10, true), view.getInt32(18, true), view.getInt32(22, true)]
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)]
  if ((bits !== 24 && bits !== 32) || (compression !== 0 && compression !== 3))
    throw new LanewiseError('UNSUPPORTED_OP', `bitmaps of ${bits} bits with compression ${compression} are not read`)
  const height = Math.abs(tall)
  const step = bits / 8
  const rowBytes = Math.ceil((width * step) / 4) * 4
  if (width < 1 || height < 1 || start + rowBytes * height > bytes.length) throw new RangeError('the file is too short')
  return picture(width, height, (pixel) => {
    const row = Math.floor(pixel / width)
    const at = start + (tall > 0 ? height - 1 - row : row) * rowBytes + (pixel % width) * step
    return [bytes[at + 2], bytes[at + 1], bytes[at]]
  })
}

/** Binary greymaps and pixmaps (P5, P6) of one byte a sample. */
function decodePnm(bytes: Uint8Array): Picture {
  const header = /^P([56])\s+(?:#.*\n\s*)*(\d+)\s+(\d+)\s+(\d+)\s/.exec(textAt(bytes, 0, Math.min(bytes.length, 1024)))
  if (!header) throw new RangeError('the header is damaged')
  const [channels, width, height, peak] = [header[1] === '6' ? 3 : 1, ...header.slice(2).map(Number)]
  const start = header[0].length
  if (peak > 255 || peak < 1 || start + width * height * channels > bytes.length) throw new RangeError('too short')
  return picture(width, height, (pixel) =>
    Array.from({ length: channels }, (_, i) => Math.round((bytes[start + pixel * channels + i] * 255) / peak)),
  )
}

/** The pixels of a file; undefined where it is damaged. Throws UNSUPPORTED_OP for other formats. */
function decodeImage(bytes: Uint8Array): Picture | undefined {
  const decoder = startsWith(bytes, 0x89, 0x50, 0x4e, 0x47)
    ? decodePng
    : textAt(bytes, 0, 2) === 'BM'
      ? decodeBmp
      : /^P[56]$/.test(textAt(bytes, 0, 2))
        ? decodePnm
        : undefined
  if (!decoder)
    throw new LanewiseError('UNSUPPORTED_OP', 'decodes PNG, BMP and PNM files; decode others before the model')
  try {
    return decoder(bytes)
  } catch (error) {
    if (error instanceof LanewiseError) throw error
    return undefined
  }
}

const imageDecoder: ReferenceKernel = ({ inputs: [file], attributes }) => {
  const format = stringAttribute(attributes, 'pixel_format')
  const image = decodeImage(file!.data as Uint8Array)
  // ONNX asks for an empty tensor where a file cannot be decoded.
  if (!image) return [new Tensor('uint8', new Uint8Array(0), [0, 0, format === 'Grayscale' ? 1 : 3])]
  const { width, height, rgb } = image
  if (format === 'Grayscale') {
    // ITU-R BT.601 luma in fixed point, as image libraries round it.
    const grey = Uint8Array.from({ length: width * height }, (_, pixel) => {
      const [red, green, blue] = rgb.subarray(pixel * 3, pixel * 3 + 3)
      return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    })
    return [new Tensor('uint8', grey, [height, width, 1])]
  }
  const swapped = format === 'BGR' ? rgb.map((_, i) => rgb[i + 2 - 2 * (i % 3)]) : rgb
  return [new Tensor('uint8', swapped, [height, width, 3])]
}

export const imageKernels = { ImageDecoder: imageDecoder } as const satisfies Record<
  keyof typeof images,
  ReferenceKernel
>
