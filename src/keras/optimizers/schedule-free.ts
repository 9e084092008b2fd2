import { optimizer } from './optimizer.js'

/**
 * Adam without a schedule (Defazio et al., 2024): the slot `momentum` is the sequence that takes the steps, the weights lie
 * between it and its mean.
 */
export const scheduleFreeAdamW = optimizer('ScheduleFreeAdamW', {
  learningRate: 0.0025,
  defaults: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmupSteps: 0 },
  slots: () => [
    { name: 'momentum', initial: 0 },
    { name: 'velocity', initial: 0 },
  ],
  rates: ({ beta2, warmupSteps }, learningRate, step) => ({
    begun: step === 0 ? 0 : 1,
    step_rate: learningRate * (warmupSteps > 0 ? Math.min(1, (step + 1) / warmupSteps) : 1),
    velocity_scale: 1 / (1 - beta2 ** (step + 1)),
    mean_share: 1 / (step + 1),
  }),
  update: ({ beta1, beta2, epsilon }, { emit, weight, undecayed, gradient, slots: [kept, v], rate }) => {
    const before = emit.where(emit.greater(rate('begun'), 0), kept, undecayed)
    const velocity = emit.add(v, emit.mul(emit.sub(emit.square(gradient), v), 1 - beta2))
    const deviation = emit.add(emit.sqrt(emit.mul(velocity, rate('velocity_scale'))), epsilon)
    const momentum = emit.sub(before, emit.div(emit.mul(gradient, rate('step_rate')), deviation))
    const mean = emit.div(emit.sub(weight, emit.mul(before, 1 - beta1)), beta1)
    const share = rate('mean_share')
    const next = emit.add(emit.mul(mean, emit.sub(1, share)), emit.mul(momentum, share))
    return {
      weight: emit.add(emit.mul(momentum, 1 - beta1), emit.mul(next, beta1)),
      slots: [momentum, velocity],
    }
  },
})
