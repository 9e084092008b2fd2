import { isFloat, type NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { slice } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import { choice, dataFormat, flag, neededCount, number, only, type ValuesOf } from './fields.js'
import { type KerasShape, knownDim, Layer, requireRank } from './layer.js'
import { interpolations, resizeTo } from './resizing.js'

/** Layers on images [batch, height, width, channels], or channels first. */
export abstract class ImageLayer<Options extends { readonly dataFormat: boolean }> extends Layer<Options> {
  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 4)
    for (const axis of this.planeAxes) knownDim(this, shape, axis)
  }

  /** The axes of height and width. */
  protected get planeAxes(): readonly [height: number, width: number] {
    return this.options.dataFormat ? [1, 2] : [2, 3]
  }

  protected planeOf(x: Value): readonly [height: number, width: number] {
    const [height, width] = this.planeAxes
    return [Number(x.shape[height]), Number(x.shape[width])]
  }

  /** The part of the images from (top, left) on. */
  protected window(emit: Emitter, x: Value, [top, left]: readonly number[], [height, width]: readonly number[]): Value {
    const [vertical, horizontal] = this.planeAxes
    return slice(emit, slice(emit, x, vertical, top, top + height), horizontal, left, left + width)
  }

  /** The largest window in the middle whose sides are as those of `target`. */
  protected middle(emit: Emitter, x: Value, [height, width]: readonly number[]): Value {
    const [h, w] = this.planeOf(x)
    const tall = Math.max(1, Math.min(h, Math.floor((w * height) / width)))
    const wide = Math.max(1, Math.min(w, Math.floor((h * width) / height)))
    return this.window(emit, x, [(h - tall) >> 1, (w - wide) >> 1], [tall, wide])
  }
}

const sizeFields = { height: neededCount, width: neededCount }

const resizingFields = {
  ...sizeFields,
  interpolation: choice(interpolations, 'bilinear'),
  cropToAspectRatio: flag(false),
  padToAspectRatio: flag(false),
  fillMode: only('constant'),
  fillValue: number(0),
  antialias: flag(false),
  dataFormat,
}

/** What integers hold; the widest ones as far as float32 counts. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
}

/** Images in another size. Those of integers are rounded and kept within their type. */
export class Resizing extends ImageLayer<ValuesOf<typeof resizingFields>> {
  static override readonly fields = resizingFields

  protected override build(shapes: readonly KerasShape[]): void {
    super.build(shapes)
    if (this.options.cropToAspectRatio && this.options.padToAspectRatio)
      throw invalid(`layer '${this.name}' (Resizing): choose one of cropToAspectRatio and padToAspectRatio`)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { height, width, interpolation, cropToAspectRatio, padToAspectRatio, antialias, dataFormat } = this.options
    const images = emit.cast(x, 'float32')
    let source = images
    if (cropToAspectRatio) source = this.middle(emit, images, [height, width])
    if (padToAspectRatio) source = this.#padded(emit, images)
    const y = resizeTo(emit, source, [height, width], dataFormat, interpolation, antialias)
    if (isFloat(x.dtype)) return y
    const [low, high] = ranges[x.dtype] ?? [-(2 ** 31), 2 ** 31 - 128]
    return emit.cast(emit.clip(emit.op('Round', [y]), low, high), x.dtype as NumericDType)
  }

  /** Wide enough, or high enough, for the target's ratio, with `fillValue` on both sides. */
  #padded(emit: Emitter, x: Value): Value {
    const { height, width, fillValue } = this.options
    const sizes = this.planeOf(x)
    const [h, w] = sizes
    const whole = [Math.max(h, Math.floor((w * height) / width)), Math.max(w, Math.floor((h * width) / height))]
    const margins = whole.map((size, i) => (size - sizes[i]) >> 1)
    if (margins.every((margin) => margin === 0)) return x
    const side = x.shape.map((_, axis) => {
      const at = this.planeAxes.indexOf(axis)
      return at < 0 ? 0 : margins[at]
    })
    return emit.op('Pad', [x, emit.ints([...side, ...side]), emit.scalar(fillValue)], { mode: 'constant' })
  }
}

const cropFields = { ...sizeFields, dataFormat }

/** The middle of the images; of smaller ones the largest window of that ratio, resized. */
export class CenterCrop extends ImageLayer<ValuesOf<typeof cropFields>> {
  static override readonly fields = cropFields

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { height, width, dataFormat } = this.options
    const images = emit.cast(x, 'float32')
    const [h, w] = this.planeOf(x)
    if (h >= height && w >= width)
      return this.window(emit, images, [(h - height) >> 1, (w - width) >> 1], [height, width])
    return resizeTo(emit, this.middle(emit, images, [height, width]), [height, width], dataFormat, 'bilinear')
  }
}
