import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { trigonometry } from '../../ops/trigonometry.js'
import { unary } from './arithmetic.js'
import type { ReferenceKernel } from './kernel.js'

const isInf: ReferenceKernel = (context) => {
  const negative = intAttribute(context.attributes, 'detect_negative') !== 0
  const positive = intAttribute(context.attributes, 'detect_positive') !== 0
  return unary((x) =>
    (x === Number.POSITIVE_INFINITY && positive) || (x === Number.NEGATIVE_INFINITY && negative) ? 1 : 0,
  )(context)
}

const shrink: ReferenceKernel = (context) => {
  const lambd = floatAttribute(context.attributes, 'lambd')
  const bias = floatAttribute(context.attributes, 'bias')
  const apply = (x: number) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0)
  return unary(apply, (x) => BigInt(Math.trunc(apply(Number(x)))))(context)
}

export const trigonometryKernels = {
  Tan: unary(Math.tan),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Sinh: unary(Math.sinh),
  Cosh: unary(Math.cosh),
  Asinh: unary(Math.asinh),
  Acosh: unary(Math.acosh),
  Atanh: unary(Math.atanh),
  IsInf: isInf,
  Shrink: shrink,
} as const satisfies Record<keyof typeof trigonometry, ReferenceKernel>
