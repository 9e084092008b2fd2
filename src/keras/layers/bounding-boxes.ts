import type { Value } from '../../core/ir.js'
import { dataFormat, neededCount, notWritten, number, type ValuesOf } from './fields.js'
import { ImageLayer } from './image-layer.js'

const boxFields = { maxNumber: neededCount, fillValue: notWritten(number(-1)), dataFormat }

/** Keras's for boxes that come along with images, which models here have not: images pass it. */
export class MaxNumBoundingBoxes extends ImageLayer<ValuesOf<typeof boxFields>> {
  static override readonly fields = boxFields

  call([x]: readonly Value[]): Value {
    return x
  }
}
