import type { Value } from '../../core/ir.js'
import { positions } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import type { fillModes, samplings } from './image-fields.js'

/** How points between pixels and outside of an image are made up. */
export interface Sampling {
  readonly fillMode: (typeof fillModes)[number]
  readonly fillValue: number
  readonly interpolation: (typeof samplings)[number]
}

/** A number for all images, or one each: [batch, 1, 1]. */
export type Coefficient = Value | number

/** Where the pixel (x, y) of the result comes from, in pixels: (a0 x + a1 y + a2, b0 x + b1 y + b2). */
export interface AffineMap {
  readonly a: readonly [Coefficient, Coefficient, Coefficient]
  readonly b: readonly [Coefficient, Coefficient, Coefficient]
}

const isZero = (coefficient: Coefficient) => coefficient === 0

function along(emit: Emitter, xs: Value, ys: Value, [ofX, ofY, constant]: AffineMap['a']): Value {
  const times = (axis: Value, factor: Coefficient) => (factor === 1 ? axis : emit.mul(axis, factor))
  const terms = [...(isZero(ofX) ? [] : [times(xs, ofX)]), ...(isZero(ofY) ? [] : [times(ys, ofY)])]
  const sum = terms.reduce((a, b) => emit.add(a, b))
  return isZero(constant) ? sum : emit.add(sum, constant)
}

const modulo = (emit: Emitter, x: Value, size: number): Value =>
  emit.sub(x, emit.mul(emit.op('Floor', [emit.div(x, size)]), size))

/** A coordinate outside of 0 … size - 1 brought to where its pixel is. */
function intoImage(emit: Emitter, x: Value, size: number, mode: Sampling['fillMode']): Value {
  if (mode === 'wrap') return modulo(emit, x, size)
  if (mode !== 'reflect') return x
  // abcd goes on as dcba|abcd|dcba: mirrored about -1/2 and size - 1/2.
  const turned = modulo(emit, emit.add(x, 0.5), 2 * size)
  return emit.clip(emit.sub(emit.minimum(turned, emit.sub(2 * size, turned)), 0.5), 0, size - 1)
}

interface Tap {
  /** float32 whole numbers within the image. */
  readonly place: Value
  /** What it counts; undefined: all. */
  readonly weight: Value | undefined
}

/** The pixels next to a coordinate along an axis; `fading` gives those outside of the image no weight. */
function tapsOf(emit: Emitter, x: Value, size: number, { fillMode, interpolation }: Sampling): Tap[] {
  const at = intoImage(emit, x, size, fillMode)
  const place = (whole: Value) => (fillMode === 'wrap' ? modulo(emit, whole, size) : emit.clip(whole, 0, size - 1))
  const tap = (whole: Value, weight: Value | undefined): Tap => {
    if (fillMode !== 'constant') return { place: place(whole), weight }
    const inside = emit.and(emit.greaterOrEqual(whole, 0), emit.lessOrEqual(whole, size - 1))
    return { place: place(whole), weight: weight ? emit.where(inside, weight, 0) : emit.cast(inside, 'float32') }
  }
  if (interpolation === 'nearest') return [tap(emit.op('Floor', [emit.add(at, 0.5)]), undefined)]
  const base = emit.op('Floor', [at])
  const beyond = emit.sub(at, base)
  return [tap(base, emit.sub(1, beyond)), tap(emit.add(base, 1), beyond)]
}

/** The points of a plane in pixels, each broadcasting to [batch, height, width]. */
export interface Points {
  readonly x: Value
  readonly y: Value
}

/** The pixels of images: x is [1, 1, width], y [1, height, 1]. */
export const pixelsOf = (emit: Emitter, images: Value): Points => ({
  x: positions(emit, Number(images.shape[2]), 2, 3, 'float32'),
  y: positions(emit, Number(images.shape[1]), 1, 3, 'float32'),
})

/** Images [batch, height, width, channels] (float32, of known sizes) made of what they have at `points`. */
export function sampleImages(emit: Emitter, images: Value, points: Points, sampling: Sampling): Value {
  const [batch, height, width, channels] = images.shape as readonly number[]
  const { fillMode, fillValue } = sampling
  const offset = fillMode === 'constant' ? fillValue : 0
  const pixels = emit.reshape(offset === 0 ? images : emit.sub(images, offset), [batch * height * width, channels])
  const starts = emit.mul(positions(emit, batch, 0, 3, 'int32'), height * width)
  const horizontal = tapsOf(emit, points.x, width, sampling)
  const vertical = tapsOf(emit, points.y, height, sampling)
  const parts = vertical.flatMap((row) =>
    horizontal.map((column) => {
      const place = emit.cast(emit.add(emit.mul(row.place, width), column.place), 'int32')
      const rows = emit.expand(emit.add(place, starts), [batch, height, width])
      const taken = emit.gather(pixels, rows)
      const weights = [row.weight, column.weight].filter((weight) => weight !== undefined)
      if (weights.length === 0) return taken
      const weight = weights.reduce((a, b) => emit.mul(a, b))
      return emit.mul(taken, emit.op('Unsqueeze', [weight, emit.ints([3])]))
    }),
  )
  const sum = parts.reduce((a, b) => emit.add(a, b))
  return offset === 0 ? sum : emit.add(sum, offset)
}

/** Images [batch, height, width, channels] (float32, of known sizes) through a map. */
export function transformImages(emit: Emitter, images: Value, map: AffineMap, sampling: Sampling): Value {
  const { x, y } = pixelsOf(emit, images)
  return sampleImages(emit, images, { x: along(emit, x, y, map.a), y: along(emit, x, y, map.b) }, sampling)
}
