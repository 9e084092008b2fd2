import { LanewiseError } from '../core/errors.js'
import type { TensorType, Value } from '../core/ir.js'
import { broadcastShapes, broadcastsTo, concrete, type Dim, formatShape, type Shape } from '../core/shape.js'
import { floatAttribute, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, sameDType } from './infer.js'

const lastTwoSwapped = (shape: Shape): Dim[] => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!]

const inner = (a: Dim, b: Dim, shapes: readonly Shape[]) => {
  if (typeof a === 'number' && typeof b === 'number' && a !== b)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the inner dimensions of ${shapes.map(formatShape).join(' and ')} differ: ${a} and ${b}`,
    )
}

/** The shape of a matrix product by NumPy's rule: batch axes broadcast, 1-D operands are rows (left) or columns (right). */
export function matMulShape(a: Shape, b: Shape): Dim[] {
  if (a.length === 0 || b.length === 0)
    throw new LanewiseError('SHAPE_MISMATCH', 'a matrix product takes operands of rank 1 or more')
  inner(a.at(-1)!, b.length === 1 ? b[0] : b.at(-2)!, [a, b])
  return [
    ...broadcastShapes(a.slice(0, -2), b.slice(0, -2)),
    ...(a.length === 1 ? [] : [a.at(-2)!]),
    ...(b.length === 1 ? [] : [b.at(-1)!]),
  ]
}

const swapped = (emit: Emitter, x: Value): Value => {
  const rank = x.shape.length
  return emit.transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2])
}

/** `x` as a matrix of rows along its last axis; its leading axes are concrete or alone. */
const flattened = (emit: Emitter, x: Value): Value => emit.reshape(x, [-1, concrete([x.shape.at(-1)!], x.name)[0]])

const matMulGradients = (emit: Emitter, a: Value, b: Value, dy: Value, needs: (index: number) => boolean) => {
  // A shared right matrix collects its gradient over the batch in one product.
  const shared = b.shape.length === 2 && a.shape.length > 2
  return [
    needs(0) ? emit.matMul(dy, swapped(emit, b)) : undefined,
    needs(1)
      ? shared
        ? emit.matMul(swapped(emit, flattened(emit, a)), flattened(emit, dy))
        : emit.matMul(swapped(emit, a), dy)
      : undefined,
  ]
}

const inferFused = (context: InferenceContext): readonly TensorType[] => {
  const [a, b] = [required(context, 0), required(context, 1)]
  const bias = context.inputs[2]
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new LanewiseError('SHAPE_MISMATCH', 'takes operands of rank 2 or more')
  const shapes = [a, b].map(({ shape }, index) =>
    intAttribute(context.attributes, index === 0 ? 'transA' : 'transB') ? lastTwoSwapped(shape) : shape,
  )
  const shape = matMulShape(shapes[0], shapes[1])
  if (bias && !(bias.shape.length === 1 && bias.shape[0] === shape.at(-1)))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the bias must have the shape [${shape.at(-1)}], got ${formatShape(bias.shape)}`,
    )
  return [{ dtype: sameDType(bias ? [a, b, bias] : [a, b]), shape }]
}

/** Matrix products. */
export const matmul = {
  MatMul: {
    since: 13,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { weights: [0, 1] },
    infer: (context) => {
      const [a, b] = [required(context, 0), required(context, 1)]
      return [{ dtype: sameDType([a, b]), shape: matMulShape(a.shape, b.shape) }]
    },
    gradient: ({ emit, inputs, gradient, needs }) => {
      const [a, b] = inputs as [Value, Value]
      const [row, column] = [a.shape.length === 1, b.shape.length === 1]
      if (!row && !column) return matMulGradients(emit, a, b, gradient(0)!, needs)
      const unsqueeze = (x: Value, axis: number) => emit.op('Unsqueeze', [x, emit.ints([axis])])
      const squeeze = (x: Value, axis: number) => emit.op('Squeeze', [x, emit.ints([axis])])
      let dy = gradient(0)!
      if (column) dy = unsqueeze(dy, -1)
      if (row) dy = unsqueeze(dy, -2)
      const [da, db] = matMulGradients(emit, row ? unsqueeze(a, 0) : a, column ? unsqueeze(b, -1) : b, dy, needs)
      return [da && row ? squeeze(da, -2) : da, db && column ? squeeze(db, -1) : db]
    },
  },
  /** alpha A' B' + beta C, where A' and B' are A and B or their transposes, and C broadcasts. */
  Gemm: {
    since: 13,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: {
      alpha: { type: 'float', default: 1 },
      beta: { type: 'float', default: 1 },
      transA: { type: 'int', default: 0 },
      transB: { type: 'int', default: 0 },
    },
    traits: { weights: [1, 2] },
    infer: (context) => {
      const [a, b, c] = [required(context, 0), required(context, 1), context.inputs[2]]
      if (a.shape.length !== 2 || b.shape.length !== 2)
        throw new LanewiseError('SHAPE_MISMATCH', 'A and B must be matrices')
      const left = intAttribute(context.attributes, 'transA') ? lastTwoSwapped(a.shape) : a.shape
      const right = intAttribute(context.attributes, 'transB') ? lastTwoSwapped(b.shape) : b.shape
      const shape = matMulShape(left, right)
      if (c && !broadcastsTo(c.shape, shape))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `C ${formatShape(c.shape)} does not broadcast to ${formatShape(shape)}`,
        )
      return [{ dtype: sameDType(c ? [a, b, c] : [a, b]), shape }]
    },
    gradient: ({ emit, inputs, attributes, gradient, needs }) => {
      const [a, b] = inputs as [Value, Value]
      const dy = gradient(0)!
      const [alpha, beta] = [floatAttribute(attributes, 'alpha'), floatAttribute(attributes, 'beta')]
      const [transA, transB] = [intAttribute(attributes, 'transA'), intAttribute(attributes, 'transB')]
      const product = (left: Value, right: Value, transLeft: number, transRight: number) =>
        emit.op('Gemm', [left, right], { alpha, transA: transLeft, transB: transRight })
      return [
        needs(0) ? (transA ? product(b, dy, transB, 1) : product(dy, b, 0, 1 - transB)) : undefined,
        needs(1) ? (transB ? product(dy, a, 1, transA) : product(a, dy, 1 - transA, 0)) : undefined,
        needs(2) ? (beta === 1 ? dy : emit.mul(dy, beta)) : undefined,
      ]
    },
  },
  /** activation(A' B' + bias): MatMul with what surrounds it. */
  'lanewise.FusedMatMul': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: {
      transA: { type: 'int', default: 0 },
      transB: { type: 'int', default: 0 },
      activation: { type: 'string', default: '' },
      activation_alpha: { type: 'float', default: 0 },
      activation_beta: { type: 'float', default: 0 },
    },
    traits: { epilogue: true, bias: 2, columnWeight: 1 },
    infer: inferFused,
    gradient: null,
  },
} as const satisfies Record<string, OpDefinition>
