import type { VariableStore } from '../../backend/store.js'
import type { Variable } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'
import type { Weight } from '../layers/weight.js'
import type { Optimizer } from '../optimizers/index.js'
import type { TrainingState } from './state.js'

/** Slots that do not belong to one optimizer: sums of gradients over steps, and the weight's moving average. */
export const accumulatedGradient = 'accumulated_gradient'
export const movingAverage = 'moving_average'

/** The optimizer's state: float32 variables by weight and name, made when a step first asks for them. */
export class Slots {
  readonly #slots = new Map<Weight, Map<string, Variable>>()

  /** The slot of a weight, filled with `initial` where it is new. */
  of(store: VariableStore, weight: Weight, name: string, initial = 0, shape = weight.shape): Variable {
    const slots = this.#slots.get(weight) ?? new Map<string, Variable>()
    this.#slots.set(weight, slots)
    let slot = slots.get(name)
    if (!slot) {
      slot = { name: `${weight.name}/${name}`, dtype: 'float32', shape, trainable: false }
      store.write(slot, Tensor.full('float32', shape, initial))
      slots.set(name, slot)
    }
    return slot
  }

  /** Copies of the slots' content. */
  read(store: VariableStore | undefined, weights: readonly Weight[]): Promise<TrainingState['slots']> {
    return Promise.all(
      weights.map(async (weight) => {
        const content: Record<string, Tensor> = {}
        for (const [name, slot] of this.#slots.get(weight) ?? []) content[name] = await store!.read(slot)
        return content
      }),
    )
  }

  /** Writes what `read` gave for the same weights and optimizer. Throws INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. */
  write(
    store: VariableStore,
    weights: readonly Weight[],
    optimizer: Optimizer,
    contents: TrainingState['slots'],
  ): void {
    if (contents.length !== weights.length)
      throw invalid(`the training state is of ${contents.length} weights, the model has ${weights.length}`)
    contents.forEach((slots, i) => {
      const { shape, name: weightName } = weights[i]
      const known = new Map(optimizer.slotsFor(weights[i]).map((slot) => [slot.name, slot.shape]))
      for (const name of [accumulatedGradient, movingAverage]) known.set(name, shape)
      for (const [name, content] of Object.entries(slots)) {
        if (!known.has(name))
          throw invalid(
            `the training state has '${name}' for weight '${weightName}', which ${optimizer.className} does not keep`,
          )
        store.write(this.of(store, weights[i], name, 0, known.get(name)), content)
      }
    })
  }

  /** The moving averages into the weights that are trained; where `swap`, the weights into the averages. */
  async moveAverages(store: VariableStore, swap: boolean): Promise<void> {
    for (const [weight, slots] of this.#slots) {
      const average = slots.get(movingAverage)
      if (!average || !weight.trainable) continue
      const [content, mean] = [await weight.read(), await store.read(average)]
      weight.write(mean)
      if (swap) store.write(average, content)
    }
    store.noteChange()
  }

  /** Forgets the slots that the store no longer holds. */
  forgetLost(store: VariableStore): void {
    for (const slots of this.#slots.values()) for (const [name, slot] of slots) if (!store.has(slot)) slots.delete(name)
  }

  /** Gives back the memory of all slots. */
  clear(store: VariableStore | undefined): void {
    for (const slots of this.#slots.values()) for (const slot of slots.values()) store?.release(slot)
    this.#slots.clear()
  }
}
