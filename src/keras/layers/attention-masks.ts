import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'

/** Scores that leave nothing of a place after softmax. */
export const excluded = -1e9

/** [1, steps, steps of keys]: a query sees no keys behind it. */
export function causalMask(context: CallContext, queries: Value, keys: Value, axis: number): Value | undefined {
  const [t, s] = [queries.shape[axis], keys.shape[axis]]
  if (typeof t !== 'number' || typeof s !== 'number') {
    if (context.typesOnly) return undefined
    throw invalid('a causal mask needs sequences of known length here: to export it, give the input a fixed length')
  }
  const seen = Array.from({ length: t * s }, (_, i) => (i % s <= Math.floor(i / s) ? 1 : 0))
  return context.emit.cast(context.emit.constant(new Tensor('float32', seen, [1, t, s])), 'bool')
}

/** Where all of the masks let a key be seen. */
export const all = (context: CallContext, masks: readonly (Value | undefined)[]): Value | undefined =>
  masks
    .filter((mask) => mask !== undefined)
    .reduce<Value | undefined>((a, b) => (a ? context.emit.and(a, b) : b), undefined)
