import { LanewiseError } from './core/errors.js'
import type { ResampleTable } from './ops/resample.js'

/** Orders of channels in a tensor. */
export type ImageFormat = 'RGB' | 'BGR' | 'RBG' | 'RGBA'

/** A factor or a summand of all channels, or one for each of red, green, blue and alpha. */
type ByChannel = number | readonly number[]

interface Normalization {
  readonly bias?: ByChannel
  readonly mean?: ByChannel
}

interface LayoutOptions {
  readonly tensorLayout?: 'NCHW' | 'NHWC'
  readonly norm?: Normalization
}

export interface FromImageOptions extends LayoutOptions {
  readonly tensorFormat?: ImageFormat
  /** Pixels; the picture's own width if absent. */
  readonly resizedWidth?: number
  /** Pixels; the picture's own height if absent. */
  readonly resizedHeight?: number
  readonly [option: string]: unknown
}

export interface ToImageOptions extends LayoutOptions {
  readonly format?: ImageFormat
}

/** Pixels as ImageData has them: red, green, blue, alpha. */
export interface PictureData {
  readonly width: number
  readonly height: number
  readonly data: ArrayLike<number>
}

/** ImageData where the host has it, else the same without its methods. */
export type HostImageData = typeof globalThis extends { ImageData: new (...given: never[]) => infer T }
  ? T
  : PictureData & { readonly data: Uint8ClampedArray }

/** Pixels, the address of a picture, or what a canvas draws: an image element, a bitmap, a canvas, a frame of a video. */
export type ImageSource = PictureData | string | { readonly width: number; readonly height: number }

/** The channel of a pixel that each channel of a tensor holds. */
const orders: Readonly<Record<ImageFormat, readonly number[]>> = {
  RGB: [0, 1, 2],
  BGR: [2, 1, 0],
  RBG: [0, 2, 1],
  RGBA: [0, 1, 2, 3],
}

const invalid = (message: string) => new LanewiseError('INVALID_ARGUMENT', message)

function orderOf(format: ImageFormat): readonly number[] {
  if (Object.hasOwn(orders, format)) return orders[format]
  throw invalid(`there is no format '${format}' of pictures; there are ${Object.keys(orders).join(', ')}`)
}

const pick = (given: ByChannel | undefined, channel: number, fallback: number): number =>
  (typeof given === 'number' ? given : given?.[channel]) ?? fallback

/** Where a channel of a pixel lies in a tensor. */
const placeIn = (layout: LayoutOptions['tensorLayout'], channels: number, pixels: number) =>
  layout === 'NHWC'
    ? (channel: number, pixel: number) => pixel * channels + channel
    : (channel: number, pixel: number) => channel * pixels + pixel

/**
 * The elements and dims of a float32 tensor of the picture: `(pixel + bias) / mean`, pixels being 0 to 255. In another size
 * it is sampled by a triangle filter, channel by channel, and a smaller one averages over all that it leaves out. Throws
 * INVALID_ARGUMENT, IO_ERROR.
 */
export async function readImage(
  image: ImageSource,
  options: FromImageOptions,
): Promise<{ elements: Float32Array; dims: readonly number[] }> {
  const { width, height, data } = await resized(await pixelsOf(image), options)
  const isElement = typeof HTMLImageElement !== 'undefined' && image instanceof HTMLImageElement
  const order = orderOf(options.tensorFormat ?? (isElement ? 'RGBA' : 'RGB'))
  const [channels, pixels] = [order.length, width * height]
  const place = placeIn(options.tensorLayout, channels, pixels)
  const elements = new Float32Array(channels * pixels)
  order.forEach((colour, channel) => {
    const [bias, mean] = [pick(options.norm?.bias, colour, 0), pick(options.norm?.mean, colour, 255)]
    for (let pixel = 0; pixel < pixels; pixel++)
      elements[place(channel, pixel)] = (data[4 * pixel + colour] + bias) / mean
  })
  return {
    elements,
    dims: options.tensorLayout === 'NHWC' ? [1, height, width, channels] : [1, channels, height, width],
  }
}

async function pixelsOf(image: ImageSource): Promise<PictureData> {
  if (typeof image === 'object' && image !== null && 'data' in image) {
    const { width, height, data } = image
    if (data?.length === width * height * 4) return image
  } else if (typeof OffscreenCanvas !== 'undefined') {
    const drawn = typeof image === 'string' ? await fetchImage(image) : (image as ImageBitmap)
    const { width, height } = drawn ?? {}
    if (width > 0 && height > 0) {
      const context = new OffscreenCanvas(width, height).getContext('2d')!
      context.drawImage(drawn, 0, 0)
      return context.getImageData(0, 0, width, height)
    }
  }
  throw invalid(
    'fromImage takes ImageData; in pages also an address, an image element that has loaded, a bitmap or a canvas',
  )
}

/** What a tensor of a picture may take. */
const mostPixels = 1e8

/** The picture in the size that the options ask for; colours may then lie between whole numbers. */
async function resized(picture: PictureData, options: FromImageOptions): Promise<PictureData> {
  const { resizedWidth: width = picture.width, resizedHeight: height = picture.height } = options
  if (width === picture.width && height === picture.height) return picture
  const isSize = (size: unknown) => Number.isInteger(size) && (size as number) > 0
  if (!isSize(width) || !isSize(height) || width * height > mostPixels)
    throw invalid(
      `resizedWidth and resizedHeight are whole numbers of pixels, at most ${mostPixels} together, got ${width} x ${height}`,
    )
  const { resampleTable } = await import('./ops/resample.js')
  const tableOf = (from: number, to: number) =>
    resampleTable({
      from,
      to,
      scale: to / from,
      roi: [0, 1],
      coordinates: 'half_pixel',
      mode: 'linear',
      nearest: 'floor',
      cubicA: 0,
      antialias: true,
      excludeOutside: true,
    })
  const rows = resampled(picture.data, picture.height, 4 * picture.width, tableOf(picture.height, height))
  return { width, height, data: resampled(rows, picture.width, 4, tableOf(picture.width, width)) }
}

/** [outer, from, inner] with its middle axis sampled as `table` says. */
function resampled(source: ArrayLike<number>, from: number, inner: number, table: ResampleTable): Float32Array {
  const { taps, indices, weights } = table
  const to = indices.length / taps
  const outer = source.length / (from * inner)
  const target = new Float32Array(outer * to * inner)
  for (let block = 0; block < outer; block++)
    for (let entry = 0; entry < indices.length; entry++) {
      const weight = weights[entry]
      if (weight === 0) continue
      const read = (block * from + indices[entry]) * inner
      const write = (block * to + Math.floor(entry / taps)) * inner
      for (let i = 0; i < inner; i++) target[write + i] += weight * source[read + i]
    }
  return target
}

async function fetchImage(address: string): Promise<ImageBitmap> {
  try {
    const response = await fetch(address)
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    return await createImageBitmap(await response.blob())
  } catch (cause) {
    throw new LanewiseError('IO_ERROR', `no picture from ${address}: ${(cause as Error).message}`, { cause })
  }
}

/** A tensor [1, 3 or 4, height, width] (or NHWC) as pixels: `(element - bias) * mean`, as onnxruntime-web has it. Throws INVALID_ARGUMENT. */
export function toImageData(
  dims: readonly number[],
  elements: ArrayLike<number>,
  { format, tensorLayout, norm }: ToImageOptions,
): HostImageData {
  const [, channels, height, width] = tensorLayout === 'NHWC' ? [dims[0], dims[3], dims[1], dims[2]] : dims
  const chosen = format ?? (dims.length === 4 && channels === 4 ? 'RGBA' : 'RGB')
  const order = orderOf(chosen)
  if (dims.length !== 4 || dims[0] !== 1 || channels !== order.length)
    throw invalid(
      `a picture is a tensor [1, ${order.length}, height, width] for ${chosen} (with tensorLayout NHWC the channels last), got [${dims.join(', ')}]`,
    )
  const pixels = width * height
  const data = new Uint8ClampedArray(4 * pixels).fill(255)
  const place = placeIn(tensorLayout, channels, pixels)
  order.forEach((colour, channel) => {
    const [bias, mean] = [pick(norm?.bias, colour, 0), pick(norm?.mean, colour, 255)]
    for (let pixel = 0; pixel < pixels; pixel++)
      data[4 * pixel + colour] = (Number(elements[place(channel, pixel)]) - bias) * mean
  })
  return (
    typeof ImageData === 'undefined' ? { width, height, data } : new ImageData(data, width, height)
  ) as HostImageData
}

/** A data: URL of the picture as PNG. Throws BACKEND_UNAVAILABLE where there is no document. */
export function toDataUrl(picture: HostImageData): string {
  if (typeof document === 'undefined')
    throw new LanewiseError('BACKEND_UNAVAILABLE', 'toDataURL needs a page; toImageData works in workers and Node, too')
  const canvas = document.createElement('canvas')
  canvas.width = picture.width
  canvas.height = picture.height
  canvas.getContext('2d')!.putImageData(picture as ImageData, 0, 0)
  return canvas.toDataURL()
}
