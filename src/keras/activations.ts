import type { Value } from '../core/ir.js'
import type { Emitter } from '../ops/emitter.js'
import { isKerasObject, type KerasObject, lookUp, snakeCase } from './config.js'

/** An activation as a function over graph values. */
export type ActivationFunction = (x: Value, emit: Emitter) => Value

const unary =
  (op: string, attributes = {}): ActivationFunction =>
  (x, emit) =>
    emit.op(op, [x], attributes)

const silu: ActivationFunction = (x, emit) => emit.mul(x, emit.sigmoid(x))
const hardSigmoid = unary('HardSigmoid', { alpha: 1 / 6, beta: 0.5 })
const hardSilu: ActivationFunction = (x, emit) => emit.mul(x, hardSigmoid(x, emit))

/** x where |x| > threshold, moved towards zero by it; else 0. */
const softShrink =
  (threshold: number): ActivationFunction =>
  (x, emit) =>
    emit.sub(x, emit.clip(x, -threshold, threshold))

/** Keras 3's activations by their names there. */
export const activations: Readonly<Record<string, ActivationFunction>> = {
  linear: (x) => x,
  relu: unary('Relu'),
  relu6: (x, emit) => emit.clip(x, 0, 6),
  leaky_relu: unary('LeakyRelu', { alpha: 0.2 }),
  elu: unary('Elu', { alpha: 1 }),
  selu: unary('Selu', { alpha: 1.6732632423543772, gamma: 1.0507009873554805 }),
  celu: unary('Celu', { alpha: 1 }),
  softplus: unary('Softplus'),
  softsign: unary('Softsign'),
  sigmoid: unary('Sigmoid'),
  hard_sigmoid: hardSigmoid,
  tanh: unary('Tanh'),
  hard_tanh: (x, emit) => emit.clip(x, -1, 1),
  silu,
  swish: silu,
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  gelu: unary('Gelu', { approximate: 'none' }),
  exponential: unary('Exp'),
  softmax: unary('Softmax', { axis: -1 }),
  log_softmax: unary('LogSoftmax', { axis: -1 }),
  log_sigmoid: (x, emit) => emit.neg(emit.softplus(emit.neg(x))),
  mish: (x, emit) => emit.mul(x, emit.tanh(emit.softplus(x))),
  tanh_shrink: (x, emit) => emit.sub(x, emit.tanh(x)),
  soft_shrink: softShrink(0.5),
  hard_shrink: (x, emit) => emit.where(emit.greater(emit.abs(x), 0.5), x, 0),
  squareplus: (x, emit) => emit.mul(emit.add(x, emit.sqrt(emit.add(emit.square(x), 4))), 0.5),
}

/** A name, a function of one's own, or Keras's serialised form of a name; null is linear. */
export type ActivationLike = string | ActivationFunction | KerasObject | null | undefined

const nameOf = (like: ActivationLike): string =>
  (isKerasObject(like) ? (typeof like.config === 'string' ? like.config : like.class_name) : (like as string)) ??
  'linear'

/** The name that Keras has for it. Functions of one's own have theirs. */
export const activationName = (like: ActivationLike): string =>
  typeof like === 'function' ? like.name || 'custom' : snakeCase(nameOf(like))

/** The activation called `name` (`relu`, `hardSigmoid`, `hard_sigmoid`), or the function itself; null and undefined are linear. Throws INVALID_ARGUMENT. */
export const resolveActivation = (like: ActivationLike): ActivationFunction =>
  typeof like === 'function' ? like : lookUp(activations, nameOf(like), 'activation')
