import type { Value } from '../core/ir.js'
import { normalizeAxis } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { split } from '../ops/compose.js'
import type { Emitter } from '../ops/emitter.js'
import { declareOperators } from '../ops/index.js'
import { ranking } from '../ops/ranking.js'
import { camelCase, checkName, invalid, isKerasObject, type KerasObject, type Named, snakeCase } from './config.js'

/** An activation as a function over graph values. */
export type ActivationFunction = (x: Value, emit: Emitter) => Value

const unary =
  (op: string, attributes = {}): ActivationFunction =>
  (x, emit) =>
    emit.op(op, [x], attributes)

const linear: ActivationFunction = (x) => x

export interface ReluOptions {
  readonly negativeSlope?: number
  readonly maxValue?: number | null
  readonly threshold?: number
}

/** max(x, 0), with an upper limit, a slope below the threshold, and a threshold. */
function relu(x: Value, emit: Emitter, options: ReluOptions = {}): Value {
  const { negativeSlope = 0, maxValue = null, threshold = 0 } = options
  let y: Value
  if (threshold !== 0) y = emit.where(emit.greater(x, threshold), x, emit.mul(emit.sub(x, threshold), negativeSlope))
  else if (negativeSlope !== 0) y = emit.op('LeakyRelu', [x], { alpha: negativeSlope })
  else return maxValue === null ? emit.relu(x) : emit.clip(x, 0, maxValue)
  return maxValue === null ? y : emit.minimum(y, maxValue)
}

const leakyRelu = (x: Value, emit: Emitter, { negativeSlope = 0.2 }: { negativeSlope?: number } = {}): Value =>
  emit.op('LeakyRelu', [x], { alpha: negativeSlope })

const withAlpha =
  (op: string) =>
  (x: Value, emit: Emitter, { alpha = 1 }: { alpha?: number } = {}): Value =>
    emit.op(op, [x], { alpha })

/** Over one axis, or over several together. */
function softmax(x: Value, emit: Emitter, { axis = -1 }: { axis?: number | readonly number[] } = {}): Value {
  if (typeof axis === 'number') return emit.softmax(x, axis)
  const shifted = emit.exp(emit.sub(x, emit.max(x, axis, true)))
  return emit.div(shifted, emit.sum(shifted, axis, true))
}

const logSoftmax = (x: Value, emit: Emitter, { axis = -1 }: { axis?: number } = {}): Value => emit.logSoftmax(x, axis)

const silu: ActivationFunction = (x, emit) => emit.mul(x, emit.sigmoid(x))
const hardSigmoid = unary('HardSigmoid', { alpha: 1 / 6, beta: 0.5 })
const hardSilu: ActivationFunction = (x, emit) => emit.mul(x, hardSigmoid(x, emit))

/** Exact, or by tanh. */
const gelu = (x: Value, emit: Emitter, { approximate = false }: { approximate?: boolean } = {}): Value =>
  emit.op('Gelu', [x], { approximate: approximate ? 'tanh' : 'none' })

/** The first half of `axis` times the sigmoid of the second (Dauphin et al., 2017). */
function glu(x: Value, emit: Emitter, { axis = -1 }: { axis?: number } = {}): Value {
  const at = normalizeAxis(axis, x.shape.length)
  const size = x.shape[at]
  if (typeof size !== 'number' || size % 2 !== 0)
    throw invalid(`glu halves axis ${axis}, which must have a known even size, got ${size}`)
  const [a, b] = split(emit, x, at, [size / 2, size / 2])
  return emit.mul(a, emit.sigmoid(b))
}

/**
 * max(x - t, 0) along `axis`, as Keras 3 computes it: t is (the sum of the partial sums of the support - 1) / its size.
 * Where one element is in the support this is Martins and Astudillo's (2016) nearest point of the probability simplex;
 * elsewhere the results do not sum to 1.
 */
function sparsemax(x: Value, emit: Emitter, { axis = -1 }: { axis?: number } = {}): Value {
  const at = normalizeAxis(axis, x.shape.length)
  const size = x.shape[at]
  if (typeof size !== 'number') throw invalid(`sparsemax needs a known size on axis ${axis}`)
  declareOperators(ranking)
  const [sorted] = emit.emit('TopK', [x, emit.ints([size])], { axis: at }, 2)
  const sums = emit.op('CumSum', [sorted, emit.scalar(at, 'int64')])
  const ranks = emit.constant(
    new Tensor(
      'float32',
      Array.from({ length: size }, (_, i) => i + 1),
      x.shape.map((_, i) => (i === at ? size : 1)),
    ),
  )
  const within = emit.cast(emit.greater(emit.add(emit.mul(sorted, ranks), 1), sums), 'float32')
  const least = emit.div(emit.sub(emit.sum(emit.mul(sums, within), [at], true), 1), emit.sum(within, [at], true))
  return emit.relu(emit.sub(x, least))
}

/** x where |x| > threshold, moved towards zero by it; else 0. */
const softShrink = (x: Value, emit: Emitter, { threshold = 0.5 }: { threshold?: number } = {}): Value =>
  emit.sub(x, emit.clip(x, -threshold, threshold))

const hardShrink = (x: Value, emit: Emitter, { threshold = 0.5 }: { threshold?: number } = {}): Value =>
  emit.where(emit.greater(emit.abs(x), threshold), x, 0)

/** x above `threshold`, else `defaultValue`. By its name alone it is refused, as Keras refuses it: it needs both. */
function threshold(x: Value, emit: Emitter, options?: { threshold: number; defaultValue: number }): Value {
  if (!options)
    throw invalid(
      "the activation 'threshold' needs its options: (x, k) => activations.threshold(x, k, { threshold: 0.5, defaultValue: 0 })",
    )
  return emit.where(emit.greater(x, options.threshold), x, options.defaultValue)
}

/** (x + √(x² + b)) / 2. */
const squareplus = (x: Value, emit: Emitter, { b = 4 }: { b?: number } = {}): Value =>
  emit.mul(emit.add(x, emit.sqrt(emit.add(emit.square(x), b))), 0.5)

const sparseSigmoid: ActivationFunction = (x, emit) => emit.clip(emit.mul(emit.add(x, 1), 0.5), 0, 1)

/** 0 up to -1, (x + 1)² / 4 between -1 and 1, x from there on. */
const sparsePlus: ActivationFunction = (x, emit) => {
  const inner = emit.square(emit.clip(emit.mul(emit.add(x, 1), 0.5), 0, 1))
  return emit.add(inner, emit.relu(emit.sub(x, 1)))
}

/**
 * Keras 3's activations by their names in camelCase. Those with options take them as a third argument:
 * `(x, k) => activations.celu(x, k, { alpha: 0.5 })`.
 */
export const activations = {
  linear,
  relu,
  relu6: (x: Value, emit: Emitter): Value => emit.clip(x, 0, 6),
  leakyRelu,
  elu: withAlpha('Elu'),
  selu: unary('Selu', { alpha: 1.6732632423543772, gamma: 1.0507009873554805 }),
  celu: withAlpha('Celu'),
  softplus: unary('Softplus'),
  softsign: unary('Softsign'),
  squareplus,
  sparsePlus,
  sigmoid: unary('Sigmoid'),
  hardSigmoid,
  logSigmoid: (x: Value, emit: Emitter): Value => emit.neg(emit.softplus(emit.neg(x))),
  sparseSigmoid,
  tanh: unary('Tanh'),
  hardTanh: (x: Value, emit: Emitter): Value => emit.clip(x, -1, 1),
  tanhShrink: (x: Value, emit: Emitter): Value => emit.sub(x, emit.tanh(x)),
  softShrink,
  hardShrink,
  threshold,
  silu,
  swish: silu,
  hardSilu,
  hardSwish: hardSilu,
  mish: (x: Value, emit: Emitter): Value => emit.mul(x, emit.tanh(emit.softplus(x))),
  gelu,
  glu,
  exponential: unary('Exp'),
  softmax,
  logSoftmax,
  sparsemax,
} as const satisfies Readonly<Record<string, ActivationFunction>>

const table: Readonly<Record<string, ActivationFunction>> = activations

/** A name, a function of one's own, or Keras's serialised form of a name; null is linear. */
export type ActivationLike = Named<keyof typeof activations> | ActivationFunction | KerasObject | null | undefined

const nameOf = (like: Exclude<ActivationLike, ActivationFunction>): string =>
  (isKerasObject(like) ? (typeof like.config === 'string' ? like.config : like.class_name) : like) ?? 'linear'

/** The name that Keras has for it. Functions of one's own have theirs. */
export function activationName(like: ActivationLike): string {
  if (typeof like !== 'function') {
    checkName(nameOf(like), 'activation')
    return snakeCase(nameOf(like))
  }
  const known = Object.keys(table).find((name) => table[name] === like)
  return known ? snakeCase(known) : like.name || 'custom'
}

/** The activation called `name` (`relu`, `hardSigmoid`, `hard_sigmoid`), or the function itself; null and undefined are linear. Throws INVALID_ARGUMENT. */
export function resolveActivation(like: ActivationLike): ActivationFunction {
  // Called with two arguments: the layers' functions have options of their own.
  if (typeof like === 'function') return (x, emit) => like(x, emit)
  const key = camelCase(snakeCase(nameOf(like)))
  if (!Object.hasOwn(table, key))
    throw invalid(`unknown activation '${nameOf(like)}'; known: ${Object.keys(table).map(snakeCase).join(', ')}`)
  return (x, emit) => table[key](x, emit)
}
