import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { broadcastShapes, broadcastsTo, type Dim, formatShape, type Shape } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
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

const inferFused = (context: InferenceContext): readonly TensorType[] => {
  const a = required(context, 0)
  const b = required(context, 1)
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
      const a = required(context, 0)
      const b = required(context, 1)
      return [{ dtype: sameDType([a, b]), shape: matMulShape(a.shape, b.shape) }]
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
      const a = required(context, 0)
      const b = required(context, 1)
      const c = context.inputs[2]
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
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
