import { LanewiseError } from '../../core/errors.js'
import { sameShape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'
import type { Optimizer } from '../optimizers/index.js'

/** One variable of a Keras optimizer: a slot of a weight, or a scalar. */
export interface OptimizerVariable {
  /** After the optimizer's name in Keras's paths. */
  readonly name: string
  readonly shape: readonly number[]
  /** What it is: `unused` is what Keras keeps without need. */
  readonly role: 'iteration' | 'learning_rate' | 'product' | 'unused' | 'slot'
  /** For slots: the weight's place among the model's weights, and our name of the slot. */
  readonly weight?: number
  readonly slot?: string
}

/** Slots that Keras has behind those of all weights, rather than beside each weight's others. */
const ownRound: Readonly<Record<string, readonly string[]>> = {
  RMSprop: ['velocity', 'momentum', 'average_gradient'],
  Adam: ['velocity_hat'],
  AdamW: ['velocity_hat'],
}

/** The variables of `optimizer` in Keras's order, once it has trained `weights`, of which only the trainable count; slots are named after their paths. */
export function optimizerVariables(
  optimizer: Optimizer,
  weights: readonly Weight[],
  pathOf: (weight: Weight) => string = ({ name }) => name,
): OptimizerVariable[] {
  const { className, options, slots } = optimizer
  const trained = weights.map((weight, index) => ({ weight, index })).filter(({ weight }) => weight.trainable)
  const scalar = (role: OptimizerVariable['role'], name: string = role): OptimizerVariable => ({
    name,
    shape: [],
    role,
  })
  const round = (names: readonly [ours: string, keras: string][], everywhere = false): OptimizerVariable[] =>
    trained.flatMap(({ weight, index }) => {
      const own = optimizer.slotsFor(weight).map(({ name }) => name)
      const kept = names.filter(([slot]) => everywhere || own.includes(slot))
      return kept.map(([slot, name]) => ({
        name: `${pathOf(weight).replaceAll('/', '_')}_${name}`,
        shape: weight.shape,
        role: 'slot' as const,
        weight: index,
        slot,
      }))
    })
  const alone = ownRound[className] ?? []
  const names = slots.map(({ name }) => name)
  const same = (list: readonly string[]) => list.map((name): [string, string] => [name, name])
  return [
    scalar('iteration'),
    ...(typeof optimizer.learningRate === 'number' ? [scalar('learning_rate')] : []),
    ...(options.useEma ? round([['moving_average', 'average']], true) : []),
    ...(options.gradientAccumulationSteps ? round([['accumulated_gradient', 'gradient_accumulator']], true) : []),
    ...(className === 'Adafactor'
      ? trained.flatMap(({ weight, index }) => factored(weight, index))
      : [
          ...round(same(names.filter((name) => !alone.includes(name)))),
          ...alone.filter((name) => names.includes(name)).flatMap((name) => round(same([name]))),
        ]),
    ...(className === 'Nadam' ? [scalar('product', 'variable')] : []),
  ]
}

/** Adafactor's: rows and columns of matrices, all elements of others; Keras has a place for each all the same. */
function factored(weight: Weight, index: number): OptimizerVariable[] {
  const { shape } = weight
  const matrix = shape.length > 1
  const variable = (slot: string, own: readonly number[], used: boolean): OptimizerVariable => ({
    name: weight.role,
    shape: own,
    ...(used ? { role: 'slot', weight: index, slot } : { role: 'unused' }),
  })
  return [
    variable('row', matrix ? shape.slice(0, -1) : [], matrix),
    variable('column', matrix ? [...shape.slice(0, -2), shape[shape.length - 1]] : [], matrix),
    variable('velocity', shape, !matrix),
  ]
}

/** The learning rate of which a file has `rounded`, in float32: the one of the config, if it is that. */
const unrounded = ({ learningRate }: Optimizer, rounded: number): number =>
  typeof learningRate === 'number' && Math.fround(learningRate) === rounded ? learningRate : rounded

/**
 * Puts the optimizer's variables, in Keras's order, into a compiled model. A file of an optimizer that never trained has
 * its scalars only. Throws INVALID_MODEL where they are those of another optimizer.
 */
export async function restoreOptimizer(model: Model, contents: readonly Tensor[], place: string): Promise<void> {
  const { optimizer, weights } = model
  const all = optimizerVariables(optimizer, weights)
  const scalars = all.filter(({ role }) => role === 'iteration' || role === 'learning_rate')
  const variables = contents.length === scalars.length ? scalars : all
  const differs = variables.findIndex(({ shape }, i) => !contents[i] || !sameShape(shape, contents[i].dims))
  if (contents.length !== variables.length || differs >= 0)
    throw new LanewiseError(
      'INVALID_MODEL',
      `${place}: its ${contents.length} variables are not those of ${optimizer.className} for this model, which has ${all.length}${differs >= 0 ? ` (the first that differs is '${variables[differs].name}')` : ''}; load the file with { compile: false } and compile the model`,
    )
  const slots: Record<string, Tensor>[] = weights.map(() => ({}))
  let iterations = 0
  let learningRate: number | undefined
  variables.forEach(({ role, weight, slot }, i) => {
    if (role === 'iteration') iterations = contents[i].toNumbers()[0]
    else if (role === 'learning_rate') learningRate = unrounded(optimizer, contents[i].toNumbers()[0])
    else if (role === 'slot') slots[weight!][slot!] = contents[i]
  })
  if (iterations === 0 && variables === scalars) {
    if (learningRate !== undefined) optimizer.learningRate = learningRate
    return
  }
  const state = await model.trainingState()
  await model.setTrainingState({ ...state, iterations, learningRate: learningRate ?? state.learningRate, slots })
}
