import { Tensor } from '../../core/tensor.js'
import { type GroupContent, writeHdf5 } from '../../data/hdf5/writer.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'
import { placesOf } from './layout.js'
import { type OptimizerVariable, optimizerVariables } from './optimizer-state.js'

interface Group {
  readonly attributes?: Readonly<Record<string, string>>
  readonly children: Map<string, Group | Tensor>
}

/** The variables of a compiled model's optimizer in Keras's order: its scalars alone before it has trained. */
export async function optimizerContents(
  model: Model,
  pathOf?: (weight: Weight) => string,
): Promise<{ readonly variable: OptimizerVariable; readonly content: Tensor }[]> {
  const { optimizer, weights } = model
  const { iterations, slots } = await model.trainingState()
  const trained = weights.some((weight, i) => weight.trainable && Object.keys(slots[i]).length > 0) || iterations > 0
  const initial = new Map(optimizer.slots.map(({ name, initial }) => [name, initial]))
  const contentOf = ({ role, shape, weight, slot }: OptimizerVariable): Tensor => {
    if (role === 'iteration') return new Tensor('int64', [iterations], [])
    if (role === 'learning_rate') return Tensor.scalar(optimizer.currentLearningRate)
    if (role === 'product') return Tensor.scalar(momentumProduct(model))
    return (slot && slots[weight!][slot]) || Tensor.full('float32', shape, initial.get(slot ?? '') ?? 0)
  }
  return optimizerVariables(optimizer, weights, pathOf)
    .filter(({ role }) => trained || role === 'iteration' || role === 'learning_rate')
    .map((variable) => ({ variable, content: contentOf(variable) }))
}

/** Nadam's product of the momenta so far (Dozat, 2015). */
function momentumProduct({ optimizer }: Model): number {
  const { beta_1: beta1 } = optimizer.serialize().config as { beta_1: number }
  let product = 1
  for (let t = 1; t <= Math.min(optimizer.updates, 10_000); t++) product *= beta1 * (1 - 0.5 * 0.96 ** t)
  return product
}

/** The weights of `model` as Keras 3 keeps them in HDF5, the optimizer's state with them where asked for. */
export async function weightsFile(model: Model, withOptimizer: boolean): Promise<Uint8Array> {
  const contents = await model.readVariables()
  const root: Group = { children: new Map() }
  const variables = (path: string, name: string, tensors: readonly Tensor[]) => {
    let group = root
    for (const part of path.split('/').filter(Boolean)) {
      const next = (group.children.get(part) as Group | undefined) ?? { children: new Map() }
      group.children.set(part, next)
      group = next
    }
    group.children.set('vars', {
      attributes: { name },
      children: new Map(tensors.map((tensor, i) => [String(i), tensor])),
    })
  }
  for (const { path, name, weights } of placesOf(model))
    variables(
      path,
      name,
      weights.map((weight) => contents.get(weight)!),
    )
  if (withOptimizer) {
    const contents = await optimizerContents(model)
    variables(
      'optimizer',
      String(model.optimizer.options.name),
      contents.map(({ content }) => content),
    )
  }
  return writeHdf5(root as GroupContent)
}
