import type { Value } from '../core/ir.js'
import type { Emitter } from '../ops/emitter.js'
import {
  camelKeys,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  snakeCase,
} from './config.js'

/** A penalty on a weight or on a layer's output: gives a scalar that is added to the loss. */
export class Regularizer {
  constructor(
    readonly className: string,
    readonly config: KerasConfig,
    readonly penalty: (x: Value, emit: Emitter) => Value,
  ) {}

  serialize(): KerasObject {
    return kerasObject('keras.regularizers', this.className, this.config)
  }
}

/** A name, a Regularizer, or Keras's serialised form. */
export type RegularizerLike = string | Regularizer | KerasObject

const absolutes = (x: Value, emit: Emitter, factor: number) => emit.mul(emit.sum(emit.abs(x)), factor)
const squares = (x: Value, emit: Emitter, factor: number) => emit.mul(emit.sum(emit.square(x)), factor)

export const l1 = ({ l1 = 0.01 }: { l1?: number } = {}): Regularizer =>
  new Regularizer('L1', { l1 }, (x, emit) => absolutes(x, emit, l1))

export const l2 = ({ l2 = 0.01 }: { l2?: number } = {}): Regularizer =>
  new Regularizer('L2', { l2 }, (x, emit) => squares(x, emit, l2))

export const l1l2 = ({ l1 = 0, l2 = 0 }: { l1?: number; l2?: number } = {}): Regularizer =>
  new Regularizer('L1L2', { l1, l2 }, (x, emit) => emit.add(absolutes(x, emit, l1), squares(x, emit, l2)))

/** Resolves a name or a serialised regularizer; null and undefined stay undefined. Throws INVALID_ARGUMENT. */
export function resolveRegularizer(like: RegularizerLike | null | undefined): Regularizer | undefined {
  if (like === null || like === undefined || like instanceof Regularizer) return like ?? undefined
  const [name, config] = isKerasObject(like) ? [like.class_name, camelKeys(like.config)] : [like, {}]
  switch (snakeCase(name)) {
    case 'l1':
      return l1(config)
    case 'l2':
      return l2(config)
    case 'l1l2':
    case 'l1_l2':
      return l1l2(isKerasObject(like) ? config : { l1: 0.01, l2: 0.01 })
    default:
      throw invalid(`unknown regularizer '${name}'; known: l1, l2, l1_l2`)
  }
}
