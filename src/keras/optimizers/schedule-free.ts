import { rareUpdates } from '../parts.js'
import { optimizer } from './optimizer.js'

const defaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, warmupSteps: 0 }
export type ScheduleFreeOptions = typeof defaults

/**
 * Adam without a schedule (Defazio et al., 2024): the slot `momentum` is the sequence that takes the steps, the weights lie
 * between it and its mean.
 */
export const scheduleFreeAdamW = optimizer('ScheduleFreeAdamW', {
  learningRate: 0.0025,
  defaults,
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
  update: (options, context) => rareUpdates().scheduleFreeAdamW(options, context),
})
