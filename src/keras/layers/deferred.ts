import type { TensorType, Value } from '../../core/ir.js'
import { camelKeys } from '../config.js'
import type { CallContext } from './context.js'
import { type CallArguments, Layer } from './layer.js'

/**
 * A layer without weights whose nodes another class writes, which comes as a chunk of its own when a graph is asked for: its
 * options are read, and its outputs typed, at once.
 */
export abstract class DeferredLayer<Options extends object> extends Layer<Options> {
  #writer: Layer | undefined

  /** The types of what the other class writes. */
  protected abstract typesOf(inputs: readonly Value[]): readonly TensorType[]

  /** The layer that writes, of these options. Throws NotLoaded. */
  protected abstract writer(options: object): Layer

  call(inputs: readonly Value[], context: CallContext, args: CallArguments): Value | readonly Value[] {
    const { emit, typesOnly } = context
    if (typesOnly) return this.typesOf(inputs).map(({ dtype, shape }) => emit.input(this.name, dtype, shape))
    this.#writer ??= this.writer(camelKeys(this.getConfig()))
    return this.#writer.call(inputs, context, args)
  }
}
