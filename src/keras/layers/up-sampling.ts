import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { declareOperators } from '../../ops/index.js'
import { resize } from '../../ops/resize.js'
import type { CallContext } from './context.js'
import { choice, dataFormat, sizes, type ValuesOf } from './fields.js'
import { interpolations } from './image-fields.js'
import { Spatial } from './reshaping.js'
import { resizeTo } from './resizing.js'
import { kerasShape, knownDim } from './shapes.js'
import { toChannelsFirst, toChannelsLast } from './windows.js'

const upSamplingFields = {
  size: sizes(2),
  dataFormat,
  interpolation: choice(interpolations, 'nearest'),
}

/** Repeats rows, columns … `size` times, or interpolates between them. */
export class UpSampling extends Spatial<ValuesOf<typeof upSamplingFields>> {
  static override readonly fields = upSamplingFields

  /** The first spatial axis. */
  get #start(): number {
    return this.options.dataFormat ? 1 : 2
  }

  call([x]: readonly Value[], { emit, typesOnly }: CallContext): Value {
    const { size, dataFormat, interpolation } = this.options
    if (interpolation !== 'nearest' && !typesOnly) {
      const sizes = size.map((factor, i) => factor * knownDim(this, kerasShape(x.shape), i + this.#start))
      return resizeTo(emit, x, sizes, dataFormat, interpolation)
    }
    const first = dataFormat ? emit.transpose(x, toChannelsFirst(this.rank)) : x
    const scales = emit.constant(new Tensor('float32', [1, 1, ...size], [this.rank + 2]))
    declareOperators(resize)
    const y = emit.op('Resize', [first, undefined, scales], {
      mode: 'nearest',
      nearest_mode: 'floor',
      coordinate_transformation_mode: 'asymmetric',
    })
    return dataFormat ? emit.transpose(y, toChannelsLast(this.rank)) : y
  }

  protected override config() {
    const { interpolation, size, ...config } = super.config()
    if (this.rank === 1) return { size: this.options.size[0] }
    return { size, ...config, ...(this.rank === 2 && { interpolation }) }
  }
}
