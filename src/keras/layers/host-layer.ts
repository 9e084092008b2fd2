import type { Value } from '../../core/ir.js'
import type { Tensor } from '../../core/tensor.js'
import type { CallContext } from './context.js'
import type { Layer } from './layer.js'
import type { KerasShape } from './shapes.js'

/** A layer whose work on strings the host does: backends hold none. */
export interface HostLayer {
  /** What the layer makes of tensors of which some are strings, or the strings that it gives for one. */
  onHost(...inputs: readonly Tensor[]): Tensor
  /** Brings what `onHost` needs and comes by need. */
  ready?(): Promise<unknown>
  /** The shape of what it makes of an input of that shape: the same unless told. */
  hostShape?(shape: KerasShape): KerasShape
  /** What the layer gives for what it made of strings, which then is int64. */
  afterHost(found: Value, context: CallContext): Value
}

export const isHostLayer = (layer: Layer): layer is Layer & HostLayer => 'onHost' in layer
