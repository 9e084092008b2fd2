import { dtypeOfCode, isFloat, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import { roundModes } from '../core/minifloat.js'
import { broadcastShapes } from '../core/shape.js'
import {
  type GradientContext,
  type InferenceContext,
  intAttribute,
  type OpDefinition,
  stringAttribute,
} from './definition.js'
import { broadcastOf, required, sameAsFloatInput, sameAsInput, sameDType } from './infer.js'

/** The gradients by the inputs, given that of the output. */
export type Rule = (context: GradientContext, dy: Value) => readonly (Value | undefined)[]

const rule = (gradient: Rule) => ({
  gradient: (context: GradientContext) => gradient(context, context.gradient(0)!),
})

/** A unary elementwise op on float tensors (or what `infer` takes); without a rule it cuts the gradient. */
export const unary = (since: number, gradient?: Rule, infer = sameAsFloatInput) =>
  ({
    since,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0] },
    infer,
    ...(gradient && rule(gradient)),
  }) as const satisfies OpDefinition

const binary = (since: number, gradient: Rule, commutative = false) =>
  ({
    since,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative, weights: commutative ? [0, 1] : [] },
    infer: broadcastOf(),
    ...rule(gradient),
  }) as const satisfies OpDefinition

/** Any number of operands, folded into one. */
const variadic = (since: number, gradient: Rule) =>
  ({
    since,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative: true },
    infer: broadcastOf(),
    ...rule(gradient),
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

/** Max and Min: the first operand that equals the result takes the gradient. */
const firstMatch: Rule = ({ emit, inputs, outputs }, dy) => {
  const gradients: Value[] = []
  let rest = dy
  for (const [index, input] of inputs.entries()) {
    if (index === inputs.length - 1) {
      gradients.push(rest)
      break
    }
    const hit = emit.equal(input!, outputs[0])
    gradients.push(emit.where(hit, rest, 0))
    rest = emit.where(hit, 0, rest)
  }
  return gradients
}

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
  Neg: unary(13, ({ emit }, dy) => [emit.neg(dy)], sameAsInput),
  Abs: unary(13, ({ emit, inputs }, dy) => [emit.mul(dy, emit.sign(inputs[0]!))], sameAsInput),
  Sqrt: unary(13, ({ emit, outputs }, dy) => [emit.div(emit.mul(dy, 0.5), outputs[0])]),
  Reciprocal: unary(13, ({ emit, outputs }, dy) => [emit.neg(emit.mul(dy, emit.square(outputs[0])))]),
  Exp: unary(13, ({ emit, outputs }, dy) => [emit.mul(dy, outputs[0])]),
  Log: unary(13, ({ emit, inputs }, dy) => [emit.div(dy, inputs[0]!)]),
  Sign: unary(13, undefined, sameAsInput),
  Floor: unary(13),
  Ceil: unary(13),
  Round: unary(11),
  Sin: unary(7, ({ emit, inputs }, dy) => [emit.mul(dy, emit.op('Cos', [inputs[0]]))]),
  Cos: unary(7, ({ emit, inputs }, dy) => [emit.neg(emit.mul(dy, emit.op('Sin', [inputs[0]])))]),
  Erf: unary(13, ({ emit, inputs }, dy) => [
    emit.mul(dy, emit.mul(emit.exp(emit.neg(emit.square(inputs[0]!))), 2 / Math.sqrt(Math.PI))),
  ]),
  Identity: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, view: true, anyType: true },
    infer: sameAsInput,
    gradient: ({ gradient }) => [gradient(0)],
  },
  Not: { ...unary(1), infer: boolOnly },
  IsNaN: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true },
    infer: (context) => [{ ...sameAsFloatInput(context)[0], dtype: 'bool' }],
  },
  Add: binary(13, (_, dy) => [dy, dy], true),
  Sub: binary(13, ({ emit, needs }, dy) => [dy, needs(1) ? emit.neg(dy) : undefined]),
  Mul: binary(
    13,
    ({ emit, inputs, needs }, dy) => [
      needs(0) ? emit.mul(dy, inputs[1]!) : undefined,
      needs(1) ? emit.mul(dy, inputs[0]!) : undefined,
    ],
    true,
  ),
  Div: binary(13, ({ emit, inputs, outputs, needs }, dy) => {
    const quotient = emit.div(dy, inputs[1]!)
    return [quotient, needs(1) ? emit.neg(emit.mul(quotient, outputs[0])) : undefined]
  }),
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
    gradient: ({ emit, inputs, outputs, gradient, needs, constant }) => {
      const [base, exponent] = inputs as [Value, Value]
      const dy = gradient(0)!
      const power = emit.cast(exponent, base.dtype as NumericDType)
      const known = constant(1)
      const slope = () =>
        known?.size === 1
          ? known.toNumbers()[0] === 2
            ? emit.mul(base, 2)
            : emit.mul(emit.pow(base, known.toNumbers()[0] - 1), known.toNumbers()[0])
          : emit.mul(power, emit.pow(base, emit.sub(power, 1)))
      const byExponent = () => {
        const positive = emit.greater(base, 0)
        const log = emit.where(positive, emit.log(emit.where(positive, base, 1)), 0)
        return emit.cast(emit.mul(dy, emit.mul(outputs[0], log)), exponent.dtype as NumericDType)
      }
      return [needs(0) ? emit.mul(dy, slope()) : undefined, needs(1) ? byExponent() : undefined]
    },
  },
  /** Remainder: of the divisor's sign (integers), or of the dividend's with `fmod` 1, which floats need. */
  Mod: {
    ...binary(13, ({ emit, inputs, outputs, needs }, dy) => [
      dy,
      needs(1)
        ? emit.neg(emit.mul(dy, emit.op('Round', [emit.div(emit.sub(inputs[0]!, outputs[0]), inputs[1]!)])))
        : undefined,
    ]),
    attributes: { fmod: { type: 'int', default: 0 } },
    infer: (context) => {
      const [output] = broadcastOf()(context)
      if (isFloat(output.dtype) && intAttribute(context.attributes, 'fmod') !== 1)
        throw new LanewiseError('INVALID_MODEL', 'float operands need the attribute fmod = 1')
      return [output]
    },
  },
  Max: variadic(13, firstMatch),
  Min: variadic(13, firstMatch),
  Sum: variadic(13, ({ inputs }, dy) => inputs.map(() => dy)),
  Mean: variadic(13, ({ emit, inputs }, dy) => {
    const share = emit.div(dy, inputs.length)
    return inputs.map(() => share)
  }),
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
    gradient: ({ emit, inputs, gradient, needs }) => [
      undefined,
      needs(1) ? emit.where(inputs[0]!, gradient(0)!, 0) : undefined,
      needs(2) ? emit.where(inputs[0]!, 0, gradient(0)!) : undefined,
    ],
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
    gradient: ({ emit, inputs, gradient }) => [emit.cast(gradient(0)!, inputs[0]!.dtype as NumericDType)],
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
    gradient: ({ emit, inputs, gradient }) => [emit.cast(gradient(0)!, inputs[0]!.dtype as NumericDType)],
  },
} as const satisfies Record<string, OpDefinition>
