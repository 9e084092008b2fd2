import type { Value } from '../../core/ir.js'
import { slice } from '../../ops/compose.js'
import { declareOperators } from '../../ops/index.js'
import { ranking } from '../../ops/ranking.js'
import type { CallContext } from './context.js'
import { normal, uniform } from './regularization.js'

/** So many are drawn, of which at least 19 in 20 are accepted: none is, once in 4e10 times. */
const attempts = 8

/**
 * Logarithms of `count` numbers of the gamma distribution of shape `alpha` > 0 (of one element) and scale 1 (Marsaglia and
 * Tsang, 2000), also where the numbers themselves are too small for float32.
 */
export function logGamma(context: CallContext, count: number, alpha: Value, seed: number | null): Value {
  const { emit } = context
  // Of the shape alpha + 1, times u^(1 / alpha).
  const d = emit.add(alpha, 2 / 3)
  const x = normal(context, [attempts, count], seed)
  const root = emit.maximum(emit.add(emit.div(x, emit.sqrt(emit.mul(d, 9))), 1), 1e-10)
  const v = emit.mul(emit.square(root), root)
  const logV = emit.log(v)
  const bound = emit.add(emit.mul(emit.square(x), 0.5), emit.mul(d, emit.add(emit.sub(1, v), logV)))
  const logOfUniform = (shape: readonly number[]) => emit.log(emit.sub(1, uniform(context, shape, seed)))
  const accepted = emit.and(emit.greater(root, 1e-10), emit.less(logOfUniform([attempts, count]), bound))
  const attempt = (y: Value, k: number) => emit.reshape(slice(emit, y, 0, k, k + 1), [count])
  let first = attempt(logV, attempts - 1)
  for (let k = attempts - 2; k >= 0; k--) first = emit.where(attempt(accepted, k), attempt(logV, k), first)
  return emit.add(emit.add(first, emit.log(d)), emit.div(logOfUniform([count]), alpha))
}

/** `count` numbers of the beta distribution with both parameters `alpha`: [count]. */
export const beta = (context: CallContext, count: number, alpha: Value, seed: number | null): Value => {
  const [a, b] = [logGamma(context, count, alpha, seed), logGamma(context, count, alpha, seed)]
  return context.emit.sigmoid(context.emit.sub(a, b))
}

/** Numbers of sum 1 of the Dirichlet distribution whose parameters are all `alpha`: [count]. */
export const dirichlet = (context: CallContext, count: number, alpha: Value, seed: number | null): Value =>
  context.emit.softmax(logGamma(context, count, alpha, seed))

/** 0 … count - 1 in a random order, int64. */
export function permutation(context: CallContext, count: number, seed: number | null): Value {
  declareOperators(ranking)
  const { emit } = context
  return emit.emit('TopK', [uniform(context, [count], seed), emit.ints([count])], { axis: 0 }, 2)[1]
}

/** `size` whole numbers, each of 0 … count - 1, in float32. */
export const choices = (context: CallContext, size: number, count: number, seed: number | null): Value =>
  context.emit.op('Floor', [context.emit.mul(uniform(context, [size], seed), count)])
