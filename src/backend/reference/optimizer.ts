import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { optimizerUpdates } from '../../ops/optimizer.js'
import type { ReferenceContext, ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** `step` maps the elements (w, g, ...slots) of one position and the rate to the new (w, ...slots). */
const update =
  (
    prepare: (context: ReferenceContext) => (elements: readonly number[], rate: number) => readonly number[],
  ): ReferenceKernel =>
  (context) => {
    const step = prepare(context)
    const operands = context.inputs.map((input) => numbersOf(input!))
    const [rate] = operands.pop()!
    const results = context.outputs.map(() => new Float64Array(operands[0].length))
    for (let i = 0; i < operands[0].length; i++)
      step(
        operands.map((operand) => operand[i]),
        rate,
      ).forEach((value, slot) => {
        results[slot][i] = value
      })
    return context.outputs.map(({ dtype, shape }, slot) => tensorOf(dtype, results[slot], shape))
  }

export const optimizerKernels = {
  'lanewise.SgdUpdate': update(() => ([w, g], rate) => [w - rate * g]),
  'lanewise.MomentumUpdate': update(({ attributes }) => {
    const momentum = floatAttribute(attributes, 'momentum')
    const nesterov = intAttribute(attributes, 'nesterov') === 1
    return ([w, g, m], rate) => {
      const next = momentum * m - rate * g
      return [nesterov ? w + momentum * next - rate * g : w + next, next]
    }
  }),
  'lanewise.AdamUpdate': update(({ attributes }) => {
    const [beta1, beta2] = [floatAttribute(attributes, 'beta_1'), floatAttribute(attributes, 'beta_2')]
    const epsilon = floatAttribute(attributes, 'epsilon')
    return ([w, g, m, v], alpha) => {
      const mean = m + (g - m) * (1 - beta1)
      const square = v + (g * g - v) * (1 - beta2)
      return [w - (alpha * mean) / (Math.sqrt(square) + epsilon), mean, square]
    }
  }),
  'lanewise.RmspropUpdate': update(({ attributes }) => {
    const [rho, epsilon] = [floatAttribute(attributes, 'rho'), floatAttribute(attributes, 'epsilon')]
    return ([w, g, v], rate) => {
      const square = rho * v + (1 - rho) * g * g
      return [w - (rate * g) / Math.sqrt(square + epsilon), square]
    }
  }),
  'lanewise.AdagradUpdate': update(({ attributes }) => {
    const epsilon = floatAttribute(attributes, 'epsilon')
    return ([w, g, a], rate) => {
      const total = a + g * g
      return [w - (rate * g) / Math.sqrt(total + epsilon), total]
    }
  }),
} as const satisfies Record<keyof typeof optimizerUpdates, ReferenceKernel>
