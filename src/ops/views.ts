import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { type Dim, formatShape, isConcrete, type Shape, sizeOf, unranked } from '../core/shape.js'
import { intAttribute, type OpDefinition } from './definition.js'
import { freshShape, isComputed, knownInts, lengthOf, normalizeAxes, required } from './infer.js'

/** The product of dimensions: a number, a symbol, or a formula in the symbols' names. */
export function productOf(dims: Shape): Dim {
  const numbers = dims.filter((dim) => typeof dim === 'number')
  const symbols = dims.filter((dim) => typeof dim === 'string')
  const size = sizeOf(numbers)
  if (symbols.length === 0 || size === 0) return size
  const factors =
    symbols.length === 1 && size === 1 ? symbols : symbols.map((dim) => (/\s/.test(dim) ? `(${dim})` : dim))
  return [...(size === 1 ? [] : [size]), ...factors].join(' * ')
}

/** What is left of `dims` when the factors `taken` are divided out. Throws SHAPE_MISMATCH when numbers do not divide. */
function quotientOf(dims: Shape, taken: Shape): Dim {
  const symbols = dims.filter((dim) => typeof dim === 'string')
  const divisors: Dim[] = []
  for (const dim of taken) {
    const at = typeof dim === 'string' ? symbols.indexOf(dim) : -1
    if (at >= 0) symbols.splice(at, 1)
    else divisors.push(dim)
  }
  const size = sizeOf(dims.filter((dim) => typeof dim === 'number'))
  const divisor = productOf(divisors)
  if (typeof divisor === 'number' && divisor > 0 && size % divisor === 0) return productOf([size / divisor, ...symbols])
  if (symbols.length === 0 && typeof divisor === 'number')
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${formatShape(dims)} cannot be reshaped: its size is no multiple of ${divisor}`,
    )
  return `${productOf([size, ...symbols])} / (${divisor})`
}

/**
 * The shape that ONNX Reshape makes of `shape`: 0 keeps a dimension (unless `allowZero`), one -1 takes the rest.
 * Throws SHAPE_MISMATCH.
 */
function reshapedShape(shape: Shape, target: readonly number[], allowZero: boolean): Dim[] {
  const fail = (why: string): never => {
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${formatShape(shape)} cannot take the shape ${formatShape(target)}: ${why}`,
    )
  }
  const free = target.indexOf(-1)
  if (target.some((dim, axis) => dim < -1 || (dim === -1 && axis !== free))) fail('at most one entry may be -1')
  if (allowZero && free >= 0 && target.includes(0)) fail('0 and -1 exclude each other under allowzero')
  const result = target.map((dim, axis): Dim => {
    if (dim !== 0 || allowZero) return dim
    return axis < shape.length ? shape[axis] : fail(`entry ${axis} keeps a dimension that is not there`)
  })
  if (free >= 0)
    result[free] = quotientOf(
      shape,
      result.filter((_, axis) => axis !== free),
    )
  if (isConcrete(shape) && isConcrete(result) && sizeOf(shape) !== sizeOf(result))
    fail(`it has ${sizeOf(shape)} elements`)
  return result
}

const view = { view: true, inPlace: [0] } as const

export const views = {
  Reshape: {
    since: 5,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { allowzero: { type: 'int', default: 0, since: 14 } },
    traits: view,
    infer: (context): TensorType[] => {
      const { dtype, shape } = required(context, 0)
      const target = knownInts(context, 1)
      if (!target) return [{ dtype, shape: freshShape(context, lengthOf(context, 1, 'the target shape')) }]
      return [{ dtype, shape: reshapedShape(shape, target, intAttribute(context.attributes, 'allowzero') === 1) }]
    },
  },

  /** [product of the dimensions before `axis`, product of the rest]. */
  Flatten: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 1 } },
    traits: view,
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const given = intAttribute(context.attributes, 'axis')
      const axis = given < 0 ? given + shape.length : given
      if (axis < 0 || axis > shape.length)
        throw new LanewiseError('SHAPE_MISMATCH', `axis ${given} is out of range for ${formatShape(shape)}`)
      return [{ dtype, shape: [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))] }]
    },
  },

  Squeeze: {
    since: 13,
    inputs: [1, 2],
    outputs: [1, 1],
    traits: view,
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      if (!context.inputs[1])
        return [{ dtype, shape: shape.some(isComputed) ? unranked : shape.filter((dim) => dim !== 1) }]
      const known = knownInts(context, 1)
      if (!known) return [{ dtype, shape: freshShape(context, shape.length - lengthOf(context, 1, 'axes')) }]
      const axes = normalizeAxes(known, shape.length)
      const long = axes.find((axis) => typeof shape[axis] === 'number' && shape[axis] !== 1)
      if (long !== undefined)
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `axis ${long} of ${formatShape(shape)} is not 1 and cannot be squeezed`,
        )
      return [{ dtype, shape: shape.filter((_, axis) => !axes.includes(axis)) }]
    },
  },

  Unsqueeze: {
    since: 13,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: view,
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const known = knownInts(context, 1)
      if (!known) return [{ dtype, shape: freshShape(context, shape.length + lengthOf(context, 1, 'axes')) }]
      const result: Dim[] = [...shape]
      for (const axis of normalizeAxes(known, shape.length + known.length)) result.splice(axis, 0, 1)
      return [{ dtype, shape: result }]
    },
  },
} as const satisfies Record<string, OpDefinition>
