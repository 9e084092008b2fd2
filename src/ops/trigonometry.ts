import { floatAttribute, type OpDefinition } from './definition.js'
import { unary } from './elementwise.js'
import { sameAsFloatInput, sameAsInput } from './infer.js'

/** Trigonometric and hyperbolic functions, their inverses, and what else maps one element to one. */
export const trigonometry = {
  Tan: unary(7, ({ emit, outputs }, dy) => [emit.mul(dy, emit.add(emit.square(outputs[0]), 1))]),
  Asin: unary(7, ({ emit, inputs }, dy) => [emit.div(dy, emit.sqrt(emit.sub(1, emit.square(inputs[0]!))))]),
  Acos: unary(7, ({ emit, inputs }, dy) => [emit.neg(emit.div(dy, emit.sqrt(emit.sub(1, emit.square(inputs[0]!)))))]),
  Atan: unary(7, ({ emit, inputs }, dy) => [emit.div(dy, emit.add(emit.square(inputs[0]!), 1))]),
  Sinh: unary(9, ({ emit, inputs }, dy) => [emit.mul(dy, emit.op('Cosh', [inputs[0]]))]),
  Cosh: unary(9, ({ emit, inputs }, dy) => [emit.mul(dy, emit.op('Sinh', [inputs[0]]))]),
  Asinh: unary(9, ({ emit, inputs }, dy) => [emit.div(dy, emit.sqrt(emit.add(emit.square(inputs[0]!), 1)))]),
  Acosh: unary(9, ({ emit, inputs }, dy) => [emit.div(dy, emit.sqrt(emit.sub(emit.square(inputs[0]!), 1)))]),
  Atanh: unary(9, ({ emit, inputs }, dy) => [emit.div(dy, emit.sub(1, emit.square(inputs[0]!)))]),

  /** Whether an element is infinite: below zero where `detect_negative`, above where `detect_positive`. */
  IsInf: {
    since: 10,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { detect_negative: { type: 'int', default: 1 }, detect_positive: { type: 'int', default: 1 } },
    traits: { elementwise: true },
    infer: (context) => [{ ...sameAsFloatInput(context)[0], dtype: 'bool' }],
  },

  /** x + bias below -lambd, x - bias above lambd, 0 between. */
  Shrink: {
    ...unary(
      9,
      ({ emit, inputs, attributes }, dy) => [
        emit.where(emit.greater(emit.abs(inputs[0]!), floatAttribute(attributes, 'lambd')), dy, 0),
      ],
      sameAsInput,
    ),
    attributes: { lambd: { type: 'float', default: 0.5 }, bias: { type: 'float', default: 0 } },
  },
} as const satisfies Record<string, OpDefinition>
