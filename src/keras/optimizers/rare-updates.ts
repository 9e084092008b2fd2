import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import { type adamDefaults, blend, moments, moved, squareOf } from './moments.js'
import type { MuonOptions } from './muon.js'
import type { Rule, UpdateContext, UpdateResult } from './optimizer.js'
import type { adadeltaDefaults, adafactorDefaults, ftrlDefaults, lionDefaults } from './rare-defaults.js'
import type { ScheduleFreeOptions } from './schedule-free.js'

type Update<O extends object> = Rule<O>['update']

export const adamax: Update<typeof adamDefaults> = (
  { beta1, beta2, epsilon },
  { emit, weight, gradient, slots: [m, u], rate },
) => {
  const momentum = moved(emit, m, gradient, 1 - beta1)
  const norm = emit.maximum(emit.mul(u, beta2), emit.abs(gradient))
  const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(norm, epsilon))
  return { weight: emit.sub(weight, change), slots: [momentum, norm] }
}

export const nadam: Update<typeof adamDefaults> = (options, context) => {
  const { emit, weight, gradient, rate } = context
  const [m, v] = moments(options, context)
  const ahead = emit.add(emit.mul(m, rate('momentum_rate')), emit.mul(gradient, rate('gradient_rate')))
  const deviation = emit.add(emit.sqrt(emit.mul(v, rate('velocity_scale'))), options.epsilon)
  return { weight: emit.sub(weight, emit.div(ahead, deviation)), slots: [m, v] }
}

export const lamb: Update<typeof adamDefaults> = (options, context) => {
  const { emit, weight, rate } = context
  const [m, v] = moments(options, context)
  const deviation = emit.add(emit.sqrt(emit.mul(v, rate('velocity_scale'))), options.epsilon)
  const change = emit.div(emit.mul(m, rate('momentum_scale')), deviation)
  const [weightNorm, changeNorm] = [weight, change].map((x) => emit.sqrt(emit.sum(emit.square(x))))
  const positive = emit.and(emit.greater(weightNorm, 0), emit.greater(changeNorm, 0))
  const ratio = emit.where(positive, emit.div(weightNorm, changeNorm), 1)
  return { weight: emit.sub(weight, emit.mul(change, emit.mul(ratio, rate('learning_rate')))), slots: [m, v] }
}

export const lion: Update<typeof lionDefaults> = ({ beta1, beta2 }, { emit, weight, gradient, slots: [m], rate }) => ({
  weight: emit.sub(weight, emit.mul(emit.sign(blend(emit, m, gradient, beta1)), rate('learning_rate'))),
  slots: [blend(emit, m, gradient, beta2)],
})

export const adadelta: Update<typeof adadeltaDefaults> = ({ rho, epsilon }, context) => {
  const { emit, weight, gradient, rate } = context
  const [gradients, changes] = context.slots
  const rms = (squares: Value) => emit.sqrt(emit.add(squares, epsilon))
  const squares = blend(emit, gradients, squareOf(context), rho)
  const change = emit.div(emit.mul(rms(changes), gradient), rms(squares))
  return {
    weight: emit.sub(weight, emit.mul(change, rate('learning_rate'))),
    slots: [squares, blend(emit, changes, emit.square(change), rho)],
  }
}

export const ftrl: Update<typeof ftrlDefaults> = (options, context) => {
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
}

export const adafactor: Update<typeof adafactorDefaults> = ({ epsilon1, epsilon2, clipThreshold }, context) => {
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
}

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

export const muon: Update<MuonOptions> = (options, context) => {
  const { emit, weight, gradient, slots, rate } = context
  if (slots.length === 2) return byAdam(options, context)
  const { momentum: keep, nesterov, rmsRate } = options
  const momentum = emit.add(emit.mul(slots[0], keep), gradient)
  const direction = nesterov ? emit.add(gradient, emit.mul(momentum, keep)) : momentum
  const [rows, columns] = weight.shape as readonly number[]
  const size = rmsRate === null ? 1 : Math.sqrt(Math.max(rows, columns)) * rmsRate
  const change = emit.mul(orthogonalized(emit, direction, options), emit.mul(rate('learning_rate'), size))
  return { weight: emit.sub(weight, change), slots: [momentum] }
}

export const scheduleFreeAdamW: Update<ScheduleFreeOptions> = (
  { beta1, beta2, epsilon },
  { emit, weight, undecayed, gradient, slots: [kept, v], rate },
) => {
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
}
