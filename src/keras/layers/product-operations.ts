import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { squeeze, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { excluded } from './attention-masks.js'
import { isValue, type Operand, type Operation, type Options, tensor } from './operation.js'

const rankOf = (x: Value): number => x.shape.length
const sizes = (x: Value, axes: readonly number[]): number[] =>
  axes.map((axis) => (typeof x.shape[axis] === 'number' ? x.shape[axis] : -1))

/** Sums over the products along pairs of axes: those of `a` that stay, then those of `b`; the first of all may be of unknown size. */
function tensordot(emit: Emitter, a: Value, b: Value, axes: unknown): Value {
  const lists =
    typeof axes === 'number'
      ? [Array.from({ length: axes }, (_, i) => rankOf(a) - axes + i), Array.from({ length: axes }, (_, i) => i)]
      : (axes as readonly (number | readonly number[])[]).map((list) => [list].flat() as number[])
  const [ours, theirs] = [a, b].map((x, i) => lists[i].map((axis) => normalizeAxis(axis, rankOf(x))))
  const staying = (x: Value, summed: readonly number[]) =>
    x.shape.flatMap((_, axis) => (summed.includes(axis) ? [] : [axis]))
  const [ofA, ofB] = [staying(a, ours), staying(b, theirs)]
  const matrix = (x: Value, perm: readonly number[], shape: readonly number[]) =>
    emit.reshape(emit.transpose(x, perm), shape)
  const length = sizes(a, ours).reduce((n, size) => n * size, 1)
  const width = sizes(b, ofB).reduce((n, size) => n * size, 1)
  if (length < 0 || width < 0) throw invalid('tensordot needs to know all sizes but that of the batch')
  const product = emit.matMul(
    matrix(a, [...ofA, ...ours], [-1, length]),
    matrix(b, [...theirs, ...ofB], [length, width]),
  )
  return emit.reshape(product, [...sizes(a, ofA), ...sizes(b, ofB)])
}

/** numpy's dot: the last axis of a with the last but one of b, or its only one. */
function dot(emit: Emitter, a: Operand, b: Operand): Value {
  if (!isValue(a) || !isValue(b) || rankOf(a) === 0 || rankOf(b) === 0) return emit.mul(a, b)
  if (rankOf(b) <= 2 && rankOf(a) >= 2) {
    const product = emit.matMul(a, rankOf(b) === 1 ? unsqueeze(emit, b, 1) : b)
    return rankOf(b) === 1 ? squeeze(emit, product, -1) : product
  }
  return tensordot(emit, a, b, [[-1], [Math.max(0, rankOf(b) - 2)]])
}

function average(emit: Emitter, x: Value, weights: Operand | undefined, { axis }: Options): Value {
  const axes = axis === null || axis === undefined ? undefined : [Number(axis)]
  if (weights === undefined) return emit.mean(x, axes)
  let w = emit.cast(tensor(emit, weights), 'float32')
  if (rankOf(w) === 1 && axes && rankOf(x) > 1) {
    const at = normalizeAxis(axes[0], rankOf(x))
    w = emit.reshape(
      w,
      x.shape.map((_, i) => (i === at ? Number(w.shape[0]) : 1)),
    )
  }
  const ones = emit.add(emit.mul(x, 0), 1)
  return emit.div(emit.sum(emit.mul(x, w), axes), emit.sum(emit.mul(ones, w), axes))
}

/** query [batch, T, heads, dim], key and value [batch, S, heads or a divisor of them, dim]; bias and mask broadcast to [batch, heads, T, S]. */
function attention(emit: Emitter, operands: readonly (Operand | undefined)[], options: Options): Value {
  const { isCausal, attnLogitsSoftCap, flashAttention } = options
  if (attnLogitsSoftCap || flashAttention)
    throw invalid('dot_product_attention has no flash attention and no soft cap here')
  const [q, k, v] = operands.slice(0, 3).map((operand) => tensor(emit, operand!))
  const [bias, mask, scale] = operands.slice(3)
  const groups = Number(q.shape[2]) / Number(k.shape[2])
  const forAll = (x: Value) => {
    if (groups === 1) return emit.transpose(x, [0, 2, 1, 3])
    const places = Array.from({ length: Number(q.shape[2]) }, (_, head) => Math.floor(head / groups))
    const repeated = emit.gather(x, emit.constant(new Tensor('int32', places, [places.length])), 2)
    return emit.transpose(repeated, [0, 2, 1, 3])
  }
  const keys = emit.transpose(forAll(k), [0, 1, 3, 2])
  const scaled = emit.mul(emit.transpose(q, [0, 2, 1, 3]), scale ?? 1 / Math.sqrt(Number(q.shape[3])))
  let scores = emit.matMul(scaled, keys)
  if (bias !== undefined) scores = emit.add(scores, bias)
  if (mask !== undefined) scores = emit.where(emit.cast(tensor(emit, mask), 'bool'), scores, excluded)
  if (isCausal === true) {
    const [t, s] = [q.shape[1], k.shape[1]].map(Number)
    const seen = Array.from({ length: t * s }, (_, i) => (i % s <= Math.floor(i / s) ? 1 : 0))
    scores = emit.where(emit.cast(emit.constant(new Tensor('float32', seen, [t, s])), 'bool'), scores, excluded)
  }
  return emit.transpose(emit.matMul(emit.softmax(scores), forAll(v)), [0, 2, 1, 3])
}

/** Keras's operations that multiply and add up. */
export const productOperations: Readonly<Record<string, Operation>> = {
  Tensordot: {
    takes: ['x1', 'x2'],
    write: (emit, [a, b], { axes }) => tensordot(emit, tensor(emit, a), tensor(emit, b), axes ?? 2),
  },
  Dot: { takes: ['x1', 'x2'], write: (emit, [a, b]) => dot(emit, a, b) },
  Average: {
    takes: ['x', 'weights'],
    write: (emit, [x, weights], options) => average(emit, tensor(emit, x), weights, options),
  },
  DotProductAttention: {
    takes: ['query', 'key', 'value', 'bias', 'mask', 'scale'],
    module: 'nn',
    write: attention,
  },
}
