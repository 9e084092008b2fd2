import type { Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import type { Emitter } from '../ops/emitter.js'
import {
  camelKeys,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  lookUp,
  type Named,
  noForm,
  strict,
} from './config.js'

/** A penalty on a weight or on a layer's output: gives a scalar that is added to the loss. */
export class Regularizer {
  constructor(
    readonly className: string,
    readonly config: KerasConfig,
    readonly penalty: (x: Value, emit: Emitter) => Value,
  ) {}

  /** Throws INVALID_ARGUMENT for one that is a function. */
  serialize(): KerasObject {
    if (!this.className) throw noForm('regularizer')
    return kerasObject('keras.regularizers', this.className, this.config)
  }
}

/** A penalty as a function: of a weight or an output to a scalar. */
export type Penalty = (x: Value, emit: Emitter) => Value

/** A name, a Regularizer, Keras's serialised form, or a function. */
export type RegularizerLike = Named<keyof typeof table> | Regularizer | KerasObject | Penalty

const absolutes = (x: Value, emit: Emitter, factor: number) => emit.mul(emit.sum(emit.abs(x)), factor)
const squares = (x: Value, emit: Emitter, factor: number) => emit.mul(emit.sum(emit.square(x)), factor)

function factorOf(value: number | null, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw invalid(`a regularizer's ${name} is a number of 0 or more, got ${value}`)
}

export const l1 = strict((options: { l1?: number } = {}): Regularizer => {
  const factor = factorOf(options.l1 ?? 0.01, 'l1')
  return new Regularizer('L1', { l1: factor }, (x, emit) => absolutes(x, emit, factor))
})

export const l2 = strict((options: { l2?: number } = {}): Regularizer => {
  const factor = factorOf(options.l2 ?? 0.01, 'l2')
  return new Regularizer('L2', { l2: factor }, (x, emit) => squares(x, emit, factor))
})

export const l1l2 = strict((options: { l1?: number; l2?: number } = {}): Regularizer => {
  const [first, second] = [factorOf(options.l1 ?? 0, 'l1'), factorOf(options.l2 ?? 0, 'l2')]
  return new Regularizer('L1L2', { l1: first, l2: second }, (x, emit) =>
    emit.add(absolutes(x, emit, first), squares(x, emit, second)),
  )
})

export interface OrthogonalOptions {
  readonly factor?: number
  readonly mode?: 'rows' | 'columns'
}

/** `factor` times the mean of the absolute cosines between the rows, or columns, of a matrix. */
export const orthogonalRegularizer = strict(({ factor = 0.01, mode = 'rows' }: OrthogonalOptions = {}): Regularizer => {
  factorOf(factor, 'factor')
  if (mode !== 'rows' && mode !== 'columns') throw invalid(`mode must be rows or columns, got '${mode}'`)
  return new Regularizer('OrthogonalRegularizer', { factor, mode }, (x, emit) => {
    if (x.shape.length !== 2) throw invalid(`OrthogonalRegularizer takes matrices, got ${x.shape.length} axes`)
    const vectors = mode === 'rows' ? x : emit.transpose(x, [1, 0])
    const count = vectors.shape[0] as number
    if (count < 2) throw invalid(`OrthogonalRegularizer needs two ${mode} or more`)
    const norms = emit.sqrt(emit.maximum(emit.sum(emit.square(vectors), [1], true), 1e-24))
    const units = emit.div(vectors, norms)
    const cosines = emit.matMul(units, emit.transpose(units, [1, 0]))
    const others = Float32Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 0 : 1))
    const mask = emit.constant(new Tensor('float32', others, [count, count]))
    return emit.mul(emit.sum(emit.abs(emit.mul(cosines, mask))), factor / (count * (count - 1)))
  })
})

const table = {
  l1,
  l2,
  l1l2,
  l1_l2: l1l2,
  orthogonal_regularizer: orthogonalRegularizer,
} as const satisfies Readonly<Record<string, (...given: never[]) => Regularizer>>

/** Resolves a name, a serialised regularizer or a function; null and undefined stay undefined. Throws INVALID_ARGUMENT. */
export function resolveRegularizer(like: RegularizerLike | null | undefined): Regularizer | undefined {
  if (like === null || like === undefined || like instanceof Regularizer) return like ?? undefined
  if (typeof like === 'function') return new Regularizer('', {}, like)
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  return lookUp<(...given: never[]) => Regularizer>(
    table,
    name,
    'regularizer',
  )(...([camelKeys(config), true] as never[]))
}
