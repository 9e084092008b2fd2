import { dtypeOfCode, isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { roundModes } from '../core/minifloat.js'
import { broadcastShapes } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { broadcastOf, required, sameAsFloatInput, sameAsInput, sameDType } from './infer.js'

/** A unary elementwise op on float tensors (or what `infer` takes). */
export const unary = (since: number, infer = sameAsFloatInput) =>
  ({
    since,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0] },
    infer,
  }) as const satisfies OpDefinition

const binary = (since: number, commutative = false) =>
  ({
    since,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative, weights: commutative ? [0, 1] : [] },
    infer: broadcastOf(),
  }) as const satisfies OpDefinition

/** Any number of operands, folded into one. */
const variadic = (since: number) =>
  ({
    since,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative: true },
    infer: broadcastOf(),
  }) as const satisfies OpDefinition

const comparison = (since: number, commutative = false) =>
  ({
    since,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, commutative },
    infer: broadcastOf('bool'),
  }) as const satisfies OpDefinition

const boolOnly: OpDefinition['infer'] = (context) => {
  const [output] = broadcastOf()(context)
  if (output.dtype !== 'bool')
    throw new LanewiseError('TYPE_MISMATCH', `takes bool tensors, got ${output.dtype}; compare or cast first`)
  return [output]
}

const logical = (since: number) =>
  ({
    since,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative: true },
    infer: boolOnly,
  }) as const satisfies OpDefinition

/** How Cast and CastLike convert to floats of 8 bits. */
const castAttributes = {
  saturate: { type: 'int', default: 1, since: 19 },
  round_mode: { type: 'string', default: 'up', since: 24 },
} as const

const checkRoundMode = ({ attributes }: InferenceContext): void => {
  const mode = stringAttribute(attributes, 'round_mode')
  if (!roundModes.some((known) => known === mode))
    throw new LanewiseError('INVALID_MODEL', `round_mode must be one of ${roundModes.join(', ')}, got '${mode}'`)
}

/** Arithmetic, comparison and logic, element by element with multidirectional broadcasting. */
export const elementwise = {
  Neg: unary(13, sameAsInput),
  Abs: unary(13, sameAsInput),
  Sqrt: unary(13),
  Reciprocal: unary(13),
  Exp: unary(13),
  Log: unary(13),
  Sign: unary(13, sameAsInput),
  Floor: unary(13),
  Ceil: unary(13),
  Round: unary(11),
  Sin: unary(7),
  Cos: unary(7),
  Erf: unary(13),
  Identity: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, view: true, anyType: true },
    infer: sameAsInput,
  },
  Not: { ...unary(1), infer: boolOnly },
  IsNaN: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true },
    infer: (context) => [{ ...sameAsFloatInput(context)[0], dtype: 'bool' }],
  },
  Add: binary(13, true),
  Sub: binary(13),
  Mul: binary(13, true),
  Div: binary(13),
  /** The exponent may have a dtype of its own; the result has the base's. */
  Pow: {
    since: 13,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0] },
    infer: (context) => {
      const [base, exponent] = [required(context, 0), required(context, 1)]
      return [{ dtype: base.dtype, shape: broadcastShapes(base.shape, exponent.shape) }]
    },
  },
  /** Remainder: of the divisor's sign (integers), or of the dividend's with `fmod` 1, which floats need. */
  Mod: {
    ...binary(13),
    attributes: { fmod: { type: 'int', default: 0 } },
    infer: (context) => {
      const [output] = broadcastOf()(context)
      if (isFloat(output.dtype) && intAttribute(context.attributes, 'fmod') !== 1)
        throw new LanewiseError('INVALID_MODEL', 'float operands need the attribute fmod = 1')
      return [output]
    },
  },
  Max: variadic(13),
  Min: variadic(13),
  Sum: variadic(13),
  Mean: variadic(13),
  Equal: comparison(13, true),
  Greater: comparison(13),
  Less: comparison(13),
  GreaterOrEqual: comparison(12),
  LessOrEqual: comparison(12),
  And: logical(7),
  Or: logical(7),
  Xor: logical(7),
  /** (condition bool, a, b) -> a where the condition holds, else b. */
  Where: {
    since: 9,
    inputs: [3, 3],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [1] },
    infer: (context) => {
      const [condition, a, b] = [required(context, 0), required(context, 1), required(context, 2)]
      if (condition.dtype !== 'bool')
        throw new LanewiseError('TYPE_MISMATCH', `the condition must be bool, got ${condition.dtype}; cast it first`)
      return [{ dtype: sameDType([a, b]), shape: broadcastShapes(condition.shape, a.shape, b.shape) }]
    },
  },
  /** Converts to the dtype whose ONNX code is `to`. */
  Cast: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      to: { type: 'int', required: true },
      ...castAttributes,
      /** 1: stands only where an op on floats of 16 bits computes in float32, so its rounding may be left out. */
      widening: { type: 'int', default: 0, internal: true },
    },
    traits: { elementwise: true },
    infer: (context) => {
      const dtype = dtypeOfCode(intAttribute(context.attributes, 'to'))
      if (!dtype)
        throw new LanewiseError('UNSUPPORTED_OP', `element type ${context.attributes.to} is not held by lanewise`)
      checkRoundMode(context)
      return [{ dtype, shape: required(context, 0).shape }]
    },
  },
  /** Converts to the dtype of input 1. */
  CastLike: {
    since: 15,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: castAttributes,
    infer: (context) => {
      checkRoundMode(context)
      return [{ dtype: required(context, 1).dtype, shape: required(context, 0).shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
