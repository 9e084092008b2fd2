import type { Value } from '../core/ir.js'
import { isConcrete, permute, type Shape } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { compose, identity, isIdentity, keepsOrder, onRank, type Permutation, shapeOnRank } from './permutation.js'

/** An old value as a transpose, not written yet, of a value of the new graph. */
export interface Deferred {
  readonly source: Value
  readonly perm: Permutation
}

/** The transposes that a walk has met and put off; each is written when something needs its result. */
export class DeferredTransposes {
  readonly #rewriter: Rewriter
  readonly #deferred = new Map<Value, Deferred>()
  readonly #written = new Map<Value, Map<string, Value>>()

  constructor(rewriter: Rewriter) {
    this.#rewriter = rewriter
  }

  of(value: Value): Deferred {
    return this.#deferred.get(value) ?? { source: this.#rewriter.resolve(value), perm: identity(value.shape.length) }
  }

  isDeferred(value: Value): boolean {
    return this.#deferred.has(value)
  }

  /** `value` is `source` transposed by `perm`. */
  defer(value: Value, { source, perm }: Deferred): void {
    if (isIdentity(perm)) this.#rewriter.replace(value, source)
    else this.#deferred.set(value, { source, perm })
  }

  /** Writes `value`, unless it is there already. */
  materialise(value: Value): void {
    const deferred = this.#deferred.get(value)
    if (!deferred) return
    this.#deferred.delete(value)
    const known = this.#transposed(deferred.source, deferred.perm, value)
    this.#rewriter.replace(value, known)
  }

  /**
   * `value` as an operand of an op that works on results transposed by the inverse of `perm`: aligned to that rank,
   * its axes where they belong. Operands of one element broadcast as they are.
   */
  aligned(value: Value, perm: Permutation): Value {
    const { source, move, shape } = this.#alignment(value, perm)
    if (isIdentity(move) || shape.every((dim) => dim === 1)) return source
    if (shape.length === source.shape.length) return this.#transposed(source, move, `${value.name}/transposed`)
    const lifted = this.#reshaped(source, shape, `${value.name}/lifted`)
    return this.#transposed(lifted, move, `${value.name}/transposed`)
  }

  /** How many elements have to be moved for `aligned(value, perm)`; symbolic sizes count 1. */
  cost(value: Value, perm: Permutation): number {
    const { source, move, shape } = this.#alignment(value, perm)
    if (this.#rewriter.constantOf(source) || keepsOrder(shape, move)) return 0
    if (shape.length === source.shape.length && this.#written.get(source)?.has(move.join())) return 0
    return elements(shape)
  }

  #alignment(value: Value, perm: Permutation) {
    const { source, perm: own } = this.of(value)
    const rank = perm.length
    const shape = shapeOnRank(source.shape, rank)
    const inverse = identity(rank).map((axis) => perm.indexOf(axis))
    return { source, shape, move: compose(onRank(own, rank), inverse) }
  }

  #transposed(source: Value, perm: Permutation, result: Value | string): Value {
    const key = perm.join()
    const cache = this.#written.get(source) ?? new Map<string, Value>()
    this.#written.set(source, cache)
    let written = cache.get(key)
    if (!written) {
      const shape = permute(source.shape, perm)
      written =
        keepsOrder(source.shape, perm) && isReshapable(shape)
          ? this.#reshaped(source, shape, result)
          : this.#rewriter.write('Transpose', [source], { perm }, typeof result === 'string' ? result : [result])[0]
      cache.set(key, written)
    }
    return written
  }

  #reshaped(source: Value, shape: Shape, result: Value | string): Value {
    const target = this.#rewriter.ints(
      shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
      `${typeof result === 'string' ? result : result.name}/shape`,
    )
    return this.#rewriter.write('Reshape', [source, target], {}, typeof result === 'string' ? result : [result])[0]
  }
}

/** Whether a Reshape can name `shape`: at most one symbolic dimension, and no empty one. */
const isReshapable = (shape: Shape): boolean =>
  shape.filter((dim) => typeof dim === 'string').length <= 1 && !shape.includes(0)

export const elements = (shape: Shape): number =>
  isConcrete(shape)
    ? shape.reduce((size, dim) => size * dim, 1)
    : elements(shape.filter((dim) => typeof dim === 'number'))
