import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import { optimizer, type Rule, type UpdateContext, type UpdateResult } from './optimizer.js'

const zero = (name: string) => ({ name, initial: 0 })

/** state + share (value - state). */
const moved = (emit: Emitter, state: Value, value: Value, share: number) =>
  emit.add(state, emit.mul(emit.sub(value, state), share))

/** keep state + (1 - keep) value. */
const blend = (emit: Emitter, state: Value, value: Value, keep: number) =>
  emit.add(emit.mul(state, keep), emit.mul(value, 1 - keep))

/** The gradient squared. */
const squareOf = ({ emit, gradient, squaredRows }: UpdateContext) => squaredRows ?? emit.square(gradient)

/** An op of the domain lanewise that does the whole update; it squares the gradient itself. */
const fused = (
  op: string,
  { emit, weight, gradient, slots, rate }: UpdateContext,
  attributes: Record<string, number> = {},
  scalar = 'learning_rate',
): UpdateResult => {
  const inputs = [weight, gradient, ...slots, rate(scalar)]
  const [next, ...state] = emit.emit(`lanewise.${op}Update`, inputs, attributes, slots.length + 1)
  return { weight: next, slots: state }
}

/** Stochastic gradient descent. */
export const sgd = optimizer('SGD', {
  learningRate: 0.01,
  defaults: { momentum: 0, nesterov: false },
  slots: ({ momentum }) => (momentum === 0 ? [] : [zero('momentum')]),
  update: ({ momentum, nesterov }, context) =>
    momentum === 0 ? fused('Sgd', context) : fused('Momentum', context, { momentum, nesterov: nesterov ? 1 : 0 }),
})

const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }

/** The moments of the gradient after this batch, from its slots. */
const moments = ({ beta1, beta2 }: typeof adamDefaults, context: UpdateContext) => {
  const { emit, gradient, slots } = context
  return [moved(emit, slots[0], gradient, 1 - beta1), moved(emit, slots[1], squareOf(context), 1 - beta2)] as const
}

const adamRule: Rule<typeof adamDefaults & { amsgrad: boolean }> = {
  learningRate: 0.001,
  defaults: { ...adamDefaults, amsgrad: false },
  slots: ({ amsgrad }) => [zero('momentum'), zero('velocity'), ...(amsgrad ? [zero('velocity_hat')] : [])],
  rates: ({ beta1, beta2 }, learningRate, step) => ({
    alpha: (learningRate * Math.sqrt(1 - beta2 ** (step + 1))) / (1 - beta1 ** (step + 1)),
  }),
  update: (options, context) => {
    const { beta1, beta2, epsilon, amsgrad } = options
    if (!amsgrad && !context.squaredRows)
      return fused('Adam', context, { beta_1: beta1, beta_2: beta2, epsilon }, 'alpha')
    const { emit, weight, slots, rate } = context
    const [momentum, velocity] = moments(options, context)
    const largest = amsgrad ? [emit.maximum(slots[2], velocity)] : []
    const deviation = emit.sqrt(largest[0] ?? velocity)
    const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(deviation, epsilon))
    return { weight: emit.sub(weight, change), slots: [momentum, velocity, ...largest] }
  },
}

/** Kingma and Ba, 2014; `amsgrad`: Reddi et al., 2018. */
export const adam = optimizer('Adam', adamRule)

/** Adam with decoupled weight decay, 0.004 unless given (Loshchilov and Hutter, 2017). */
export const adamW = optimizer('AdamW', { ...adamRule, weightDecay: 0.004 })

/** Adam's variant on the infinity norm (Kingma and Ba, 2014, section 7.1). */
export const adamax = optimizer('Adamax', {
  learningRate: 0.001,
  defaults: adamDefaults,
  slots: () => [zero('momentum'), zero('norm')],
  rates: ({ beta1 }, learningRate, step) => ({ alpha: learningRate / (1 - beta1 ** (step + 1)) }),
  update: ({ beta1, beta2, epsilon }, { emit, weight, gradient, slots: [m, u], rate }) => {
    const momentum = moved(emit, m, gradient, 1 - beta1)
    const norm = emit.maximum(emit.mul(u, beta2), emit.abs(gradient))
    const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(norm, epsilon))
    return { weight: emit.sub(weight, change), slots: [momentum, norm] }
  },
})

/** Adam with Nesterov momentum (Dozat, 2015). */
export const nadam = optimizer('Nadam', {
  learningRate: 0.001,
  defaults: adamDefaults,
  slots: () => [zero('momentum'), zero('velocity')],
  rates: ({ beta1, beta2 }, learningRate, step) => {
    const momentumAt = (t: number) => beta1 * (1 - 0.5 * 0.96 ** t)
    // The product of momenta falls below what float64 can tell from 0 long before 10 000 updates.
    let product = 1
    for (let t = 1; t <= Math.min(step + 1, 10_000); t++) product *= momentumAt(t)
    const next = momentumAt(step + 2)
    return {
      momentum_rate: (learningRate * next) / (1 - product * next),
      gradient_rate: (learningRate * (1 - momentumAt(step + 1))) / (1 - product),
      velocity_scale: 1 / (1 - beta2 ** (step + 1)),
    }
  },
  update: (options, context) => {
    const { emit, weight, gradient, rate } = context
    const [m, v] = moments(options, context)
    const ahead = emit.add(emit.mul(m, rate('momentum_rate')), emit.mul(gradient, rate('gradient_rate')))
    const deviation = emit.add(emit.sqrt(emit.mul(v, rate('velocity_scale'))), options.epsilon)
    return { weight: emit.sub(weight, emit.div(ahead, deviation)), slots: [m, v] }
  },
})

/** Adam with a trust ratio for each weight (You et al., 2019). */
export const lamb = optimizer('Lamb', {
  learningRate: 0.001,
  defaults: adamDefaults,
  slots: () => [zero('momentum'), zero('velocity')],
  rates: ({ beta1, beta2 }, _, step) => ({
    momentum_scale: 1 / (1 - beta1 ** (step + 1)),
    velocity_scale: 1 / (1 - beta2 ** (step + 1)),
  }),
  update: (options, context) => {
    const { emit, weight, rate } = context
    const [m, v] = moments(options, context)
    const deviation = emit.add(emit.sqrt(emit.mul(v, rate('velocity_scale'))), options.epsilon)
    const change = emit.div(emit.mul(m, rate('momentum_scale')), deviation)
    const [weightNorm, changeNorm] = [weight, change].map((x) => emit.sqrt(emit.sum(emit.square(x))))
    const positive = emit.and(emit.greater(weightNorm, 0), emit.greater(changeNorm, 0))
    const ratio = emit.where(positive, emit.div(weightNorm, changeNorm), 1)
    return { weight: emit.sub(weight, emit.mul(change, emit.mul(ratio, rate('learning_rate')))), slots: [m, v] }
  },
})

/** Chen et al., 2023: only the sign of the momentum counts. */
export const lion = optimizer('Lion', {
  learningRate: 0.001,
  defaults: { beta1: 0.9, beta2: 0.99 },
  slots: () => [zero('momentum')],
  update: ({ beta1, beta2 }, { emit, weight, gradient, slots: [m], rate }) => ({
    weight: emit.sub(weight, emit.mul(emit.sign(blend(emit, m, gradient, beta1)), rate('learning_rate'))),
    slots: [blend(emit, m, gradient, beta2)],
  }),
})

/** Tieleman and Hinton, 2012. */
export const rmsprop = optimizer('RMSprop', {
  learningRate: 0.001,
  defaults: { rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
  slots: ({ momentum, centered }) => [
    zero('velocity'),
    ...(momentum > 0 ? [zero('momentum')] : []),
    ...(centered ? [zero('average_gradient')] : []),
  ],
  update: ({ rho, momentum, epsilon, centered }, context) => {
    if (momentum === 0 && !centered && !context.squaredRows) return fused('Rmsprop', context, { rho, epsilon })
    const { emit, weight, gradient, slots, rate } = context
    const velocity = blend(emit, slots[0], squareOf(context), rho)
    const state = [velocity]
    const average = centered ? blend(emit, slots[slots.length - 1], gradient, rho) : undefined
    const variance = average ? emit.sub(velocity, emit.square(average)) : velocity
    let change = emit.div(emit.mul(gradient, rate('learning_rate')), emit.sqrt(emit.add(variance, epsilon)))
    if (momentum > 0) {
      change = emit.add(emit.mul(slots[1], momentum), change)
      state.push(change)
    }
    if (average) state.push(average)
    return { weight: emit.sub(weight, change), slots: state }
  },
})

/** Duchi et al., 2011. */
export const adagrad = optimizer('Adagrad', {
  learningRate: 0.001,
  defaults: { initialAccumulatorValue: 0.1, epsilon: 1e-7 },
  slots: ({ initialAccumulatorValue }) => [{ name: 'accumulator', initial: initialAccumulatorValue }],
  update: ({ epsilon }, context) => {
    if (!context.squaredRows) return fused('Adagrad', context, { epsilon })
    const { emit, weight, gradient, slots, rate } = context
    const accumulator = emit.add(slots[0], squareOf(context))
    const change = emit.div(emit.mul(gradient, rate('learning_rate')), emit.sqrt(emit.add(accumulator, epsilon)))
    return { weight: emit.sub(weight, change), slots: [accumulator] }
  },
})

/** Zeiler, 2012. */
export const adadelta = optimizer('Adadelta', {
  learningRate: 0.001,
  defaults: { rho: 0.95, epsilon: 1e-7 },
  slots: () => [zero('accumulated_grad'), zero('accumulated_delta_var')],
  update: ({ rho, epsilon }, context) => {
    const { emit, weight, gradient, rate } = context
    const [gradients, changes] = context.slots
    const rms = (squares: Value) => emit.sqrt(emit.add(squares, epsilon))
    const squares = blend(emit, gradients, squareOf(context), rho)
    const change = emit.div(emit.mul(rms(changes), gradient), rms(squares))
    return {
      weight: emit.sub(weight, emit.mul(change, rate('learning_rate'))),
      slots: [squares, blend(emit, changes, emit.square(change), rho)],
    }
  },
})

/** Follow the regularized leader (McMahan et al., 2013). */
export const ftrl = optimizer('Ftrl', {
  learningRate: 0.001,
  defaults: {
    learningRatePower: -0.5,
    initialAccumulatorValue: 0.1,
    l1RegularizationStrength: 0,
    l2RegularizationStrength: 0,
    l2ShrinkageRegularizationStrength: 0,
    beta: 0,
  },
  slots: ({ initialAccumulatorValue }) => [{ name: 'accumulator', initial: initialAccumulatorValue }, zero('linear')],
  update: (options, context) => {
    const { emit, weight, gradient, rate } = context
    const [n, z] = context.slots
    const { learningRatePower, l1RegularizationStrength: l1, l2RegularizationStrength: l2, beta } = options
    const shrinkage = 2 * options.l2ShrinkageRegularizationStrength
    const learningRate = rate('learning_rate')
    const power = (x: Value) => (learningRatePower === -0.5 ? emit.sqrt(x) : emit.pow(x, -learningRatePower))
    const accumulator = emit.add(n, squareOf(context))
    const shrunk = shrinkage ? emit.add(gradient, emit.mul(weight, shrinkage)) : gradient
    const sigma = emit.div(emit.sub(power(accumulator), power(n)), learningRate)
    const linear = emit.sub(emit.add(z, shrunk), emit.mul(sigma, weight))
    const quadratic = emit.add(emit.div(emit.add(power(accumulator), beta), learningRate), 2 * l2)
    return {
      weight: emit.div(emit.sub(emit.clip(linear, -l1, l1), linear), quadratic),
      slots: [accumulator, linear],
    }
  },
})

const isMatrix = (shape: readonly number[]) => shape.length > 1

/** Shazeer and Stern, 2018: the second moments of matrices are kept by rows and columns. */
export const adafactor = optimizer('Adafactor', {
  learningRate: 0.001,
  defaults: { beta2Decay: -0.8, epsilon1: 1e-30, epsilon2: 1e-3, clipThreshold: 1, relativeStep: true },
  slots: () => [
    { ...zero('row'), shape: (w) => (isMatrix(w) ? w.slice(0, -1) : undefined) },
    { ...zero('column'), shape: (w) => (isMatrix(w) ? [...w.slice(0, -2), w[w.length - 1]] : undefined) },
    { ...zero('velocity'), shape: (w) => (isMatrix(w) ? undefined : w) },
  ],
  rates: ({ beta2Decay, relativeStep }, learningRate, step) => {
    const slowest = 1 / Math.sqrt(step + 1)
    return {
      rho: Math.min(relativeStep ? Math.min(learningRate, slowest) : learningRate, slowest),
      beta_2: 1 - (step + 1) ** beta2Decay,
      one_minus_beta_2: (step + 1) ** beta2Decay,
    }
  },
  update: ({ epsilon1, epsilon2, clipThreshold }, context) => {
    const { emit, weight, gradient, slots, rate } = context
    const rms = (x: Value) => emit.sqrt(emit.mean(emit.square(x)))
    const step = emit.mul(emit.maximum(rms(weight), epsilon2), rate('rho'))
    const squares = emit.add(squareOf(context), epsilon1)
    const keep = (state: Value, value: Value) =>
      emit.add(emit.mul(state, rate('beta_2')), emit.mul(value, rate('one_minus_beta_2')))
    let state: Value[]
    let velocity: Value
    if (slots.length === 2) {
      const rank = weight.shape.length
      const [row, column] = [rank - 1, rank - 2].map((axis, i) => keep(slots[i], emit.mean(squares, [axis])))
      const share = emit.div(row, emit.mean(row, [rank - 2], true))
      const leading = weight.shape.slice(0, -2) as number[]
      velocity = emit.mul(
        emit.reshape(share, [...leading, weight.shape[rank - 2] as number, 1]),
        emit.reshape(column, [...leading, 1, weight.shape[rank - 1] as number]),
      )
      state = [row, column]
    } else {
      velocity = keep(slots[0], squares)
      state = [velocity]
    }
    const change = emit.div(gradient, emit.sqrt(velocity))
    const limited = emit.div(change, emit.maximum(emit.div(rms(change), clipThreshold), 1))
    return { weight: emit.sub(weight, emit.mul(limited, step)), slots: state }
  },
})
