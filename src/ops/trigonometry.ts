import type { OpDefinition } from './definition.js'
import { unary } from './elementwise.js'
import { sameAsFloatInput, sameAsInput } from './infer.js'

/** Trigonometric and hyperbolic functions, their inverses, and what else maps one element to one. */
export const trigonometry = {
  Tan: unary(7),
  Asin: unary(7),
  Acos: unary(7),
  Atan: unary(7),
  Sinh: unary(9),
  Cosh: unary(9),
  Asinh: unary(9),
  Acosh: unary(9),
  Atanh: unary(9),

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
    ...unary(9, sameAsInput),
    attributes: { lambd: { type: 'float', default: 0.5 }, bias: { type: 'float', default: 0 } },
  },
} as const satisfies Record<string, OpDefinition>
