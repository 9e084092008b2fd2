import { rareUpdates } from '../parts.js'
import { adamDefaults, blend, moments, squareOf } from './moments.js'
import { optimizer, type Rule, type UpdateContext, type UpdateResult } from './optimizer.js'
import { adadeltaDefaults, adafactorDefaults, ftrlDefaults, lionDefaults } from './rare-defaults.js'

const zero = (name: string) => ({ name, initial: 0 })

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
  update: (options, context) => rareUpdates().adamax(options, context),
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
  update: (options, context) => rareUpdates().nadam(options, context),
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
  update: (options, context) => rareUpdates().lamb(options, context),
})

/** Chen et al., 2023: only the sign of the momentum counts. */
export const lion = optimizer('Lion', {
  learningRate: 0.001,
  defaults: lionDefaults,
  slots: () => [zero('momentum')],
  update: (options, context) => rareUpdates().lion(options, context),
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
  defaults: adadeltaDefaults,
  slots: () => [zero('accumulated_grad'), zero('accumulated_delta_var')],
  update: (options, context) => rareUpdates().adadelta(options, context),
})

/** Follow the regularized leader (McMahan et al., 2013). */
export const ftrl = optimizer('Ftrl', {
  learningRate: 0.001,
  defaults: ftrlDefaults,
  slots: ({ initialAccumulatorValue }) => [{ name: 'accumulator', initial: initialAccumulatorValue }, zero('linear')],
  update: (options, context) => rareUpdates().ftrl(options, context),
})

const isMatrix = (shape: readonly number[]) => shape.length > 1

/** Shazeer and Stern, 2018: the second moments of matrices are kept by rows and columns. */
export const adafactor = optimizer('Adafactor', {
  learningRate: 0.001,
  defaults: adafactorDefaults,
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
  update: (options, context) => rareUpdates().adafactor(options, context),
})
