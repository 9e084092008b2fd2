import { dtypeOfCode, isFloat, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType, Value } from '../core/ir.js'
import { concrete, formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { InferenceContext, OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required } from './infer.js'
import { ranking } from './ranking.js'

function inferEyeLike(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  if (shape.length !== 2)
    throw new LanewiseError('SHAPE_MISMATCH', `takes a matrix, got the shape ${formatShape(shape)}`)
  const code = context.attributes['dtype'] as number | undefined
  const chosen = code === undefined ? dtype : dtypeOfCode(code)
  if (chosen === undefined) throw new LanewiseError('UNSUPPORTED_OP', `element type ${code} is not held by lanewise`)
  return [{ dtype: chosen, shape }]
}

function inferMatrices(context: InferenceContext): TensorType {
  const { dtype, shape } = required(context, 0)
  if (shape.length < 2) throw new LanewiseError('SHAPE_MISMATCH', `takes matrices, got the shape ${formatShape(shape)}`)
  return { dtype, shape }
}

function inferDet(context: InferenceContext): TensorType[] {
  const { dtype, shape } = inferMatrices(context)
  const [rows, columns] = shape.slice(-2)
  if (typeof rows === 'number' && typeof columns === 'number' && rows !== columns)
    throw new LanewiseError('SHAPE_MISMATCH', `takes square matrices, got ${formatShape(shape)}`)
  if (!isFloat(dtype))
    throw new LanewiseError('TYPE_MISMATCH', `takes float tensors, got ${dtype}; cast the input first`)
  return [{ dtype, shape: shape.slice(0, -2) }]
}

/** `x` with axis `from` at place `to`. */
export function moved(emit: Emitter, x: Value, from: number, to: number): Value {
  if (from === to) return x
  const order = x.shape.map((_, index) => index)
  order.splice(to, 0, ...order.splice(from, 1))
  return emit.transpose(x, order)
}

/**
 * The cofactors of matrices [… n, n]: the determinants of what is left without row i and column j, with alternating
 * signs. Throws SHAPE_MISMATCH, naming `what`, where n is not known.
 */
export function cofactors(emit: Emitter, x: Value, what: string): Value {
  const rank = x.shape.length
  const [size] = concrete(x.shape.slice(-1), what)
  if (size === 1) return emit.add(emit.mul(x, 0), 1)
  const others = new Tensor(
    'int64',
    Array.from({ length: size * (size - 1) }, (_, at) => {
      const [left, place] = [Math.floor(at / (size - 1)), at % (size - 1)]
      return BigInt(place < left ? place : place + 1)
    }),
    [size, size - 1],
  )
  const signs = Array.from({ length: size * size }, (_, at) => ((Math.floor(at / size) + (at % size)) % 2 ? -1 : 1))
  const rows = emit.gather(x, emit.constant(others), rank - 2)
  const minors = moved(emit, emit.gather(rows, emit.constant(others), rank), rank - 1, rank)
  const alternating = emit.cast(emit.constant(new Tensor('float64', signs, [size, size])), x.dtype as NumericDType)
  return emit.mul(emit.op('Det', [minors]), alternating)
}

/** Largest elements, triangles and running totals. */
export const selection = {
  ...ranking,

  /** The upper (or lower) triangle of matrices from the diagonal k, which is input 1; zeros elsewhere. */
  Trilu: {
    since: 14,
    inputs: [1, 2],
    outputs: [1, 1],
    attributes: { upper: { type: 'int', default: 1 } },
    traits: { inPlace: [0] },
    infer: (context) => [inferMatrices(context)],
  },

  /** Ones on the diagonal k of a matrix of the input's shape, zeros elsewhere. */
  EyeLike: {
    since: 9,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { dtype: { type: 'int' }, k: { type: 'int', default: 0 } },
    traits: { shapeOnly: true },
    infer: inferEyeLike,
  },

  /** Determinants of square matrices. */
  Det: { since: 11, inputs: [1, 1], outputs: [1, 1], infer: inferDet },
} as const satisfies Record<string, OpDefinition>
