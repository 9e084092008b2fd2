import { LanewiseError } from '../core/errors.js'
import type { Attributes } from '../core/ir.js'
import { normalizeAxis, type Shape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { intAttribute, type OpDefinition } from './definition.js'
import { freshShape, knownInts, knownNumbers, lengthOf, required, sameDType } from './infer.js'

/** The tensor that a Constant node's attributes hold; undefined if they hold none, or a sparse one. */
export function constantTensor(attributes: Attributes): Tensor | undefined {
  const { value, value_float, value_floats, value_int, value_ints, value_string, value_strings } = attributes
  if (value instanceof Tensor) return value
  if (value_float !== undefined) return Tensor.scalar(value_float as number)
  if (value_floats !== undefined) return new Tensor('float32', [...(value_floats as readonly number[])])
  if (value_int !== undefined) return Tensor.scalar(value_int as number, 'int64')
  if (value_ints !== undefined) return new Tensor('int64', [...(value_ints as readonly number[])])
  if (value_string !== undefined) return new Tensor('string', [value_string as string], [])
  if (value_strings !== undefined) return new Tensor('string', [...(value_strings as readonly string[])])
  return undefined
}

function requiredConstant(attributes: Attributes): Tensor {
  const tensor = constantTensor(attributes)
  if (!tensor) throw new LanewiseError('UNSUPPORTED_OP', 'a Constant needs a dense value attribute')
  return tensor
}

/** The one element that fills a ConstantOfShape; float32 0 unless given. */
export const fillOf = (attributes: Attributes): Tensor =>
  (attributes['value'] as Tensor | undefined) ?? Tensor.scalar(0)

/** The axes of a tensor of rank `rank` whose sizes a Shape node gives. */
export function shapeRange(attributes: Attributes, rank: number): { start: number; end: number } {
  const bound = (value: number) => Math.min(Math.max(value < 0 ? value + rank : value, 0), rank)
  const start = bound(intAttribute(attributes, 'start'))
  return { start, end: Math.max(start, bound(intAttribute(attributes, 'end') ?? rank)) }
}

/** Number of elements of a Range. */
const rangeLength = (start: number, limit: number, delta: number): number =>
  Math.max(0, Math.ceil((limit - start) / delta))

/** Ops that make tensors of shapes, counts and constants. */
export const generators = {
  Constant: {
    since: 13,
    inputs: [0, 0],
    outputs: [1, 1],
    attributes: {
      value: { type: 'tensor' },
      value_float: { type: 'float' },
      value_floats: { type: 'floats' },
      value_int: { type: 'int' },
      value_ints: { type: 'ints' },
      value_string: { type: 'string' },
      value_strings: { type: 'strings' },
    },
    infer: ({ attributes }) => {
      const { type, dims } = requiredConstant(attributes)
      return [{ dtype: type, shape: dims }]
    },
  },

  ConstantOfShape: {
    since: 9,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { value: { type: 'tensor' } },
    infer: (context) => {
      const shape: Shape = knownInts(context, 0) ?? freshShape(context, lengthOf(context, 0, 'the shape'))
      return [{ dtype: fillOf(context.attributes).type, shape }]
    },
  },

  Shape: {
    since: 15,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { start: { type: 'int', default: 0 }, end: { type: 'int' } },
    traits: { shapeOnly: true },
    infer: (context) => {
      const { start, end } = shapeRange(context.attributes, required(context, 0).shape.length)
      return [{ dtype: 'int64', shape: [end - start] }]
    },
  },

  /** Number of elements, an int64 scalar. */
  Size: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { shapeOnly: true },
    infer: () => [{ dtype: 'int64', shape: [] }],
  },

  Range: {
    since: 11,
    inputs: [3, 3],
    outputs: [1, 1],
    infer: (context) => {
      const dtype = sameDType([0, 1, 2].map((index) => required(context, index)))
      const [start, limit, delta] = [0, 1, 2].map((index) => knownNumbers(context, index)?.[0])
      if (delta === 0) throw new LanewiseError('INVALID_MODEL', 'the delta of a Range is 0')
      const known = start !== undefined && limit !== undefined && delta !== undefined
      return [{ dtype, shape: known ? [rangeLength(start, limit, delta)] : freshShape(context, 1) }]
    },
  },

  /** indices, depth, values [off, on]: an axis of `depth` elements is added at `axis`. */
  OneHot: {
    since: 11,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: -1 } },
    infer: (context) => {
      const { shape } = required(context, 0)
      const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), shape.length + 1)
      const depth = knownNumbers(context, 1)?.[0] ?? freshShape(context, axis + 1)[axis]
      return [{ dtype: required(context, 2).dtype, shape: shape.toSpliced(axis, 0, depth) }]
    },
  },
} as const satisfies Record<string, OpDefinition>
