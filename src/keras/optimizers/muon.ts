import { invalid } from '../config.js'
import { rareUpdates } from '../parts.js'
import { optimizer, type WeightInfo } from './optimizer.js'

const muonDefaults = {
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamWeightDecay: 0.004 as number | null,
  epsilon: 1e-7,
  /** Patterns of names: such weights go by Adam. */
  excludeLayers: [] as readonly string[],
  excludeEmbeddings: true,
  muonA: 3.4445,
  muonB: -4.775,
  muonC: 2.0315,
  adamLrRatio: 1,
  momentum: 0.95,
  nsSteps: 5,
  nesterov: true,
  rmsRate: 0.2 as number | null,
}
export type MuonOptions = typeof muonDefaults

/** Throws INVALID_ARGUMENT for what is no pattern. */
function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name)
  } catch (cause) {
    throw invalid(`Muon: excludeLayers holds '${pattern}', which is no pattern (${(cause as Error).message})`)
  }
}

/** Only matrices go by Muon. */
const goesByAdam = ({ excludeEmbeddings, excludeLayers }: MuonOptions, { shape, name }: WeightInfo): boolean =>
  shape.length !== 2 ||
  (excludeEmbeddings && name.toLowerCase().includes('embedding')) ||
  excludeLayers.some((pattern) => matches(pattern, name))

/** Momentum whose direction is made orthogonal, for matrices; Adam for the rest (Jordan et al., 2024; Liu et al., 2025). */
export const muon = optimizer('Muon', {
  learningRate: 0.001,
  weightDecay: 0.004,
  defaults: muonDefaults,
  nullable: ['adamWeightDecay', 'rmsRate'],
  slots: (options) => [
    { name: 'momentum', initial: 0 },
    {
      name: 'velocity',
      initial: 0,
      shape: (shape, name) => (goesByAdam(options, { shape, name }) ? shape : undefined),
    },
  ],
  decay: (options, weight, weightDecay) => (goesByAdam(options, weight) ? options.adamWeightDecay : weightDecay),
  rates: ({ adamBeta1, adamBeta2, adamLrRatio }, learningRate, step) => ({
    alpha: (learningRate * adamLrRatio * Math.sqrt(1 - adamBeta2 ** (step + 1))) / (1 - adamBeta1 ** (step + 1)),
  }),
  update: (options, context) => rareUpdates().muon(options, context),
})
