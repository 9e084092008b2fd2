import { isFloat, type NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import { centerCropFields, resizingFields } from './image-fields.js'
import { ImageLayer } from './image-layer.js'
import { resizeTo } from './resizing.js'

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

/** The middle of the images; of smaller ones the largest window of that ratio, resized. */
export class CenterCrop extends ImageLayer<ValuesOf<typeof centerCropFields>> {
  static override readonly fields = centerCropFields

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { height, width, dataFormat } = this.options
    const images = emit.cast(x, 'float32')
    const [h, w] = this.planeOf(x)
    if (h >= height && w >= width)
      return this.window(emit, images, [(h - height) >> 1, (w - width) >> 1], [height, width])
    return resizeTo(emit, this.middle(emit, images, [height, width]), [height, width], dataFormat, 'bilinear')
  }
}
