import { isFloat } from '../../core/dtype.js'
import type { TensorType, Value } from '../../core/ir.js'
import { imageClasses } from '../parts.js'
import { DeferredLayer } from './deferred.js'
import type { ValuesOf } from './fields.js'
import {
  brightnessFields,
  centerCropFields,
  contrastFields,
  flipFields,
  randomCropFields,
  resizingFields,
  rotationFields,
  translationFields,
  zoomFields,
} from './image-fields.js'
import { planeAxes } from './image-plane.js'
import type { Layer } from './layer.js'
import { type KerasShape, layerError, requireRank } from './shapes.js'

interface ImageOptions {
  readonly dataFormat: boolean
  /** The size of the plane that it gives, where that is another. */
  readonly height?: number
  readonly width?: number
}

/** A layer on images, float32 out. The classes of the same names write the nodes. */
abstract class DeferredImages<Options extends ImageOptions> extends DeferredLayer<Options> {
  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 4)
  }

  protected typesOf([{ shape }]: readonly Value[]): readonly TensorType[] {
    const { dataFormat, height, width } = this.options
    const sized = [...shape]
    planeAxes(dataFormat).forEach((axis, i) => {
      sized[axis] = [height, width][i] ?? shape[axis]
    })
    return [{ dtype: 'float32', shape: sized }]
  }

  protected writer(options: object): Layer {
    const classes: Readonly<Record<string, new (options: object, className: string) => Layer>> = imageClasses() as never
    return new classes[this.className](options, this.className)
  }
}

/** Images in another size. Those of integers are rounded and kept within their type. */
export class Resizing extends DeferredImages<ValuesOf<typeof resizingFields>> {
  static override readonly fields = resizingFields

  protected override build(shapes: readonly KerasShape[]): void {
    super.build(shapes)
    if (this.options.cropToAspectRatio && this.options.padToAspectRatio)
      throw layerError(this, 'choose one of cropToAspectRatio and padToAspectRatio')
  }

  protected override typesOf(inputs: readonly Value[]): readonly TensorType[] {
    const [type] = super.typesOf(inputs)
    const [{ dtype }] = inputs
    return [isFloat(dtype) ? type : { ...type, dtype }]
  }
}

/** The middle of the images; of smaller ones the largest window of that ratio, resized. */
export class CenterCrop extends DeferredImages<ValuesOf<typeof centerCropFields>> {
  static override readonly fields = centerCropFields
}

/** Every second image upside down, mirrored, or both. */
export class RandomFlip extends DeferredImages<ValuesOf<typeof flipFields>> {
  static override readonly fields = flipFields
}

/** Turned about the middle by a part of a full turn; positive parts turn counter-clockwise. */
export class RandomRotation extends DeferredImages<ValuesOf<typeof rotationFields>> {
  static override readonly fields = rotationFields
}

/** Zoomed about the middle: by 0.2, an image shows 1.2 times as much of the plane; by -0.2, 0.8 times. */
export class RandomZoom extends DeferredImages<ValuesOf<typeof zoomFields>> {
  static override readonly fields = zoomFields
}

/** Moved down and to the right by parts of height and width. */
export class RandomTranslation extends DeferredImages<ValuesOf<typeof translationFields>> {
  static override readonly fields = translationFields
}

/** A window at random, the same for a batch; outside of training, and of smaller images, the middle, resized. */
export class RandomCrop extends DeferredImages<ValuesOf<typeof randomCropFields>> {
  static override readonly fields = randomCropFields
}

/** The distance of each pixel from its channel's mean times a factor. */
export class RandomContrast extends DeferredImages<ValuesOf<typeof contrastFields>> {
  static override readonly fields = contrastFields
}

/** Brighter or darker by a part of the range of values. */
export class RandomBrightness extends DeferredImages<ValuesOf<typeof brightnessFields>> {
  static override readonly fields = brightnessFields
}
