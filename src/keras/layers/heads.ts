import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'

/** Sizes for a reshape, where those that are not known are `fallback`. */
export const knownOr =
  (fallback: number) =>
  (dim: number | string): number =>
    typeof dim === 'number' ? dim : fallback

/** The axes of x between batch and features that attention does not run over. */
export const othersOf = (x: Value, axes: readonly number[]): number[] =>
  x.shape
    .map((_, i) => i)
    .slice(1, -1)
    .filter((axis) => !axes.includes(axis))

/** The sizes of some of x's axes, which must be known. */
export const sizesOf = (x: Value, axes: readonly number[]): number[] => axes.map((axis) => Number(x.shape[axis]))

/** [batch, …, features] as [batch, places, features]. */
export const flat = (emit: Emitter, x: Value): Value =>
  x.shape.length === 3 ? x : emit.reshape(x, [0, -1, Number(x.shape.at(-1))])

/**
 * [batch, places of x, heads * width] as [batch, heads, places, width], or [batch, others, heads, places, width] where
 * attention leaves some axes out; the last two are exchanged for keys.
 */
export function headsFirst(
  emit: Emitter,
  projected: Value,
  x: Value,
  axes: readonly number[],
  heads: number,
  isTransposed: boolean,
): Value {
  const width = Number(projected.shape[2]) / heads
  const others = othersOf(x, axes)
  if (others.length === 0)
    return emit.transpose(emit.reshape(projected, [0, 0, heads, width]), isTransposed ? [0, 2, 3, 1] : [0, 2, 1, 3])
  const rank = x.shape.length
  const parted = emit.reshape(projected, [0, ...x.shape.slice(1, -1).map(Number), heads, width])
  const ends = isTransposed ? [rank, ...axes] : [...axes, rank]
  const moved = emit.transpose(parted, [0, ...others, rank - 1, ...ends])
  const [count, places] = [others, axes].map((list) => sizesOf(x, list).reduce((a, b) => a * b, 1))
  return emit.reshape(moved, [0, count, heads, ...(isTransposed ? [width, places] : [places, width])])
}

/** What headsFirst made of a query, or the like of another width, as [batch, places, heads * width]. */
export function headsLast(emit: Emitter, mixed: Value, query: Value, axes: readonly number[]): Value {
  const [heads, , width] = mixed.shape.slice(-3).map(Number)
  const others = othersOf(query, axes)
  if (others.length === 0) return emit.reshape(emit.transpose(mixed, [0, 2, 1, 3]), [0, 0, heads * width])
  const rank = query.shape.length
  const parted = emit.reshape(mixed, [0, ...sizesOf(query, others), heads, ...sizesOf(query, axes), width])
  const from = [0, ...others, rank - 1, ...axes, rank]
  return emit.reshape(
    emit.transpose(
      parted,
      from.map((_, axis) => from.indexOf(axis)),
    ),
    [0, -1, heads * width],
  )
}
