import type { NumericDType } from '../core/dtype.js'
import type { Node, Value } from '../core/ir.js'
import { concrete } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { Emitter } from './emitter.js'

/** The concrete shape of input `index` of `node`, which has it. Throws SHAPE_MISMATCH. */
export const inputShape = (node: Pick<Node, 'inputs' | 'name'>, index = 0): readonly number[] =>
  concrete(node.inputs[index]!.shape, `input ${index} of ${node.name}`)

export const axesFrom = (from: number, rank: number): number[] =>
  Array.from({ length: Math.max(0, rank - from) }, (_, index) => from + index)

/** Elements start … end - 1 along `axis`. */
export const slice = (emit: Emitter, x: Value, axis: number, start: number, end: number): Value =>
  emit.op('Slice', [x, emit.ints([start]), emit.ints([end]), emit.ints([axis])])

/** Element `index` along `axis`, which goes. */
export const pick = (emit: Emitter, x: Value, axis: number, index: number): Value =>
  squeeze(emit, slice(emit, x, axis, index, index + 1), axis)

export const split = (emit: Emitter, x: Value, axis: number, sizes: readonly number[]): readonly Value[] =>
  sizes.length === 1 ? [x] : emit.emit('Split', [x, emit.ints(sizes)], { axis }, sizes.length)

export const squeeze = (emit: Emitter, x: Value, ...axes: number[]): Value => emit.op('Squeeze', [x, emit.ints(axes)])

export const unsqueeze = (emit: Emitter, x: Value, ...axes: number[]): Value =>
  emit.op('Unsqueeze', [x, emit.ints(axes)])

export const concatAll = (emit: Emitter, parts: readonly Value[], axis: number): Value =>
  parts.length === 1 ? parts[0] : emit.concat(parts, axis)

/** The parts along a new axis. */
export const stack = (emit: Emitter, parts: readonly Value[], axis: number): Value =>
  concatAll(
    emit,
    parts.map((part) => unsqueeze(emit, part, axis)),
    axis,
  )

export const zeros = (emit: Emitter, like: Value, shape: readonly number[]): Value =>
  emit.constant(Tensor.zeros(like.dtype, shape))

/** 0, 1 … length - 1 along `axis` of a tensor of rank `rank` whose other axes have length 1. */
export function positions(emit: Emitter, length: number, axis: number, rank: number, dtype: NumericDType): Value {
  const shape = Array.from({ length: rank }, (_, at) => (at === axis ? length : 1))
  return emit.constant(
    new Tensor(
      dtype,
      Array.from({ length }, (_, index) => index),
      shape,
    ),
  )
}

/** A [C] vector so shaped that it broadcasts along axis 1 of a tensor of rank `rank`. */
export const alongChannels = (emit: Emitter, vector: Value, rank: number): Value =>
  rank === 2 ? vector : emit.reshape(vector, [-1, ...new Array<number>(rank - 2).fill(1)])
