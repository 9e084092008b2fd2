import type { Value } from '../core/ir.js'
import type { Emitter } from '../ops/emitter.js'
import {
  camelKeys,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  lookUp,
  type Named,
  noForm,
  strict,
} from './config.js'

/** Projects a weight after each update. */
export class Constraint {
  constructor(
    readonly className: string,
    readonly config: KerasConfig,
    readonly project: (w: Value, emit: Emitter) => Value,
  ) {}

  /** Throws INVALID_ARGUMENT for one that is a function. */
  serialize(): KerasObject {
    if (!this.className) throw noForm('constraint')
    return kerasObject('keras.constraints', this.className, this.config)
  }
}

/** A projection as a function: of a weight to what takes its place. */
export type Projection = (w: Value, emit: Emitter) => Value

/** A name, a Constraint, Keras's serialised form, or a function. */
export type ConstraintLike = Named<keyof typeof table> | Constraint | KerasObject | Projection

const epsilon = 1e-7
const axesOf = (axis: number | readonly number[]) => (typeof axis === 'number' ? [axis] : axis)
const normOf = (w: Value, emit: Emitter, axis: number | readonly number[]) =>
  emit.sqrt(emit.sum(emit.square(w), axesOf(axis), true))

export const maxNorm = strict(
  ({ maxValue = 2, axis = 0 }: { maxValue?: number; axis?: number | number[] } = {}): Constraint =>
    new Constraint('MaxNorm', { max_value: maxValue, axis }, (w, emit) => {
      const norm = normOf(w, emit, axis)
      return emit.mul(w, emit.div(emit.clip(norm, 0, maxValue), emit.add(norm, epsilon)))
    }),
)

export const nonNeg = strict((): Constraint => new Constraint('NonNeg', {}, (w, emit) => emit.relu(w)))

export const unitNorm = strict(
  ({ axis = 0 }: { axis?: number | number[] } = {}): Constraint =>
    new Constraint('UnitNorm', { axis }, (w, emit) => emit.div(w, emit.add(normOf(w, emit, axis), epsilon))),
)

export interface MinMaxNormOptions {
  readonly minValue?: number
  readonly maxValue?: number
  readonly rate?: number
  readonly axis?: number | number[]
}

export const minMaxNorm = strict(
  ({ minValue = 0, maxValue = 1, rate = 1, axis = 0 }: MinMaxNormOptions = {}): Constraint =>
    new Constraint('MinMaxNorm', { min_value: minValue, max_value: maxValue, rate, axis }, (w, emit) => {
      const norm = normOf(w, emit, axis)
      const desired = emit.add(emit.mul(emit.clip(norm, minValue, maxValue), rate), emit.mul(norm, 1 - rate))
      return emit.mul(w, emit.div(desired, emit.add(norm, epsilon)))
    }),
)

const table = {
  max_norm: maxNorm,
  non_neg: nonNeg,
  unit_norm: unitNorm,
  min_max_norm: minMaxNorm,
} as const satisfies Readonly<Record<string, (...given: never[]) => Constraint>>

/** Resolves a name, a serialised constraint or a function; null and undefined stay undefined. Throws INVALID_ARGUMENT. */
export function resolveConstraint(like: ConstraintLike | null | undefined): Constraint | undefined {
  if (like === null || like === undefined || like instanceof Constraint) return like ?? undefined
  if (typeof like === 'function') return new Constraint('', {}, like)
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  return lookUp<(...given: never[]) => Constraint>(table, name, 'constraint')(...([camelKeys(config), true] as never[]))
}
