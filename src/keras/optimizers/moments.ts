import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import type { UpdateContext } from './optimizer.js'

/** state + share (value - state). */
export const moved = (emit: Emitter, state: Value, value: Value, share: number) =>
  emit.add(state, emit.mul(emit.sub(value, state), share))

/** keep state + (1 - keep) value. */
export const blend = (emit: Emitter, state: Value, value: Value, keep: number) =>
  emit.add(emit.mul(state, keep), emit.mul(value, 1 - keep))

/** The gradient squared. */
export const squareOf = ({ emit, gradient, squaredRows }: UpdateContext) => squaredRows ?? emit.square(gradient)

export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }

/** The moments of the gradient after this batch, from its slots. */
export const moments = ({ beta1, beta2 }: typeof adamDefaults, context: UpdateContext) => {
  const { emit, gradient, slots } = context
  return [moved(emit, slots[0], gradient, 1 - beta1), moved(emit, slots[1], squareOf(context), 1 - beta2)] as const
}
