import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { optimizer, type UpdateContext, type UpdateResult, type WeightInfo } from './optimizer.js'

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
type MuonOptions = typeof muonDefaults

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

/** Nearly the orthogonal matrix that is nearest to `x`: iterations of Newton and Schulz's with a quintic polynomial. */
function orthogonalized(emit: Emitter, x: Value, { muonA, muonB, muonC, nsSteps }: MuonOptions): Value {
  const turned = (matrix: Value) => emit.transpose(matrix, [1, 0])
  const [rows, columns] = x.shape as readonly number[]
  const isTall = rows > columns
  let wide = isTall ? turned(x) : x
  wide = emit.div(wide, emit.add(emit.sqrt(emit.sum(emit.square(wide))), 1e-7))
  for (let step = 0; step < nsSteps; step++) {
    const a = emit.matMul(wide, turned(wide))
    const b = emit.add(emit.mul(a, muonB), emit.matMul(emit.mul(a, muonC), a))
    wide = emit.add(emit.mul(wide, muonA), emit.matMul(b, wide))
  }
  return isTall ? turned(wide) : wide
}

function byAdam(options: MuonOptions, { emit, weight, gradient, slots: [m, v], rate }: UpdateContext): UpdateResult {
  const moved = (state: Value, value: Value, share: number) => emit.add(state, emit.mul(emit.sub(value, state), share))
  const momentum = moved(m, gradient, 1 - options.adamBeta1)
  const velocity = moved(v, emit.square(gradient), 1 - options.adamBeta2)
  const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(emit.sqrt(velocity), options.epsilon))
  return { weight: emit.sub(weight, change), slots: [momentum, velocity] }
}

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
  update: (options, context) => {
    const { emit, weight, gradient, slots, rate } = context
    if (slots.length === 2) return byAdam(options, context)
    const { momentum: keep, nesterov, rmsRate } = options
    const momentum = emit.add(emit.mul(slots[0], keep), gradient)
    const direction = nesterov ? emit.add(gradient, emit.mul(momentum, keep)) : momentum
    const [rows, columns] = weight.shape as readonly number[]
    const size = rmsRate === null ? 1 : Math.sqrt(Math.max(rows, columns)) * rmsRate
    const change = emit.mul(orthogonalized(emit, direction, options), emit.mul(rate('learning_rate'), size))
    return { weight: emit.sub(weight, change), slots: [momentum] }
  },
})
