import type { Value } from '../../core/ir.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import type { Field, ValuesOf } from './fields.js'
import { Layer } from './layer.js'
import { type LayerLike, readLayer } from './registry.js'
import { kerasShape } from './shapes.js'

const layerList: Field<readonly LayerLike[], readonly Layer[], true> = {
  needed: true,
  read(value, what) {
    if (!Array.isArray(value)) throw invalid(`${what} must be a list of layers`)
    return value.map((layer) => readLayer(layer, what))
  },
  write: (list) => list.map((layer) => layer.serialize()),
}

const pipelineFields = { layers: layerList }

/** Layers one after the other, as one: Keras's for preprocessing. */
export class Pipeline extends Layer<ValuesOf<typeof pipelineFields>> {
  static override readonly fields = pipelineFields

  protected override build(): void {
    this.options.layers.forEach((layer, i) => {
      this.addSublayer(`layers/${i}`, layer)
    })
  }

  call([x]: readonly Value[], context: CallContext): Value {
    return this.options.layers.reduce((y, layer) => {
      layer.ensureBuilt([kerasShape(y.shape)])
      return layer.write([y], context)[0]
    }, x)
  }
}
