import type { Value } from '../../core/ir.js'
import { positions, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid, kerasObject, type Spelling } from '../config.js'
import { choice, type Field } from './fields.js'

/** How class numbers leave a layer: as they are, each as a row of one 1, or counted over the last axis of a sample. */
export type OutputMode = 'int' | 'one_hot' | 'multi_hot' | 'count'

/** Keras's option `output_mode`, of which a layer has some; `binary` is an older name of `multi_hot`. */
export const outputMode = <T extends string>(modes: readonly T[], fallback: T): Field<Spelling<T> | 'binary', T> => {
  const field = choice(modes, fallback)
  const newer = (value: Spelling<T> | 'binary') => (value === 'binary' ? 'multi_hot' : value) as Spelling<T>
  return { ...field, read: (value, what, rank) => field.read(newer(value), what, rank) }
}

/** The dtype policies of layers that give numbers of bins. */
export const integers = ['int64', 'int32'] as const

/** The policy that Keras has for such a layer: of integers in the mode `int`. */
export const binsPolicy = (dtype: string, mode: OutputMode): unknown => {
  const isInteger = integers.some((name) => name === dtype)
  return kerasObject('keras', 'DTypePolicy', { name: mode === 'int' && !isInteger ? 'int64' : dtype })
}

/**
 * Class numbers (int32) in `mode` over `depth` classes, float32 but for `int`: one_hot gives [..., depth] in place of
 * a last axis of length 1 or behind the last axis; the others give [batch, ..., depth], over axis 1. Numbers that are
 * no class count nowhere. `weights` (of the shape of `indices`) are what each counts.
 */
export function encodeClasses(emit: Emitter, indices: Value, mode: OutputMode, depth: number, weights?: Value): Value {
  if (mode === 'int') return indices
  const rank = indices.shape.length
  if (mode !== 'one_hot' && rank < 2)
    throw invalid(`output mode '${mode}' counts over axis 1: inputs need the batch axis and another one`)
  const isColumn = mode === 'one_hot' && rank > 1 && indices.shape[rank - 1] === 1
  const wide = isColumn ? indices : unsqueeze(emit, indices, rank)
  const hot = emit.cast(
    emit.equal(wide, positions(emit, depth, wide.shape.length - 1, wide.shape.length, 'int32')),
    'float32',
  )
  if (mode === 'one_hot') return hot
  if (mode === 'multi_hot') return emit.max(hot, [1])
  return emit.sum(weights ? emit.mul(hot, unsqueeze(emit, weights, rank)) : hot, [1])
}
