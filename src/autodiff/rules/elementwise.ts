import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { byOutput, type GradientRule, type GradientRules, ofUnary } from '../rule.js'

/** Max and Min: the first operand that equals the result takes the gradient. */
const firstMatch = byOutput(({ emit, inputs, outputs }, dy) => {
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
})

const castBack: GradientRule = ({ emit, inputs, gradient }) => [
  emit.cast(gradient(0)!, inputs[0]!.dtype as NumericDType),
]

const power: GradientRule = ({ emit, inputs, outputs, gradient, needs, constant }) => {
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
}

export const elementwiseRules: GradientRules = {
  Neg: ofUnary(({ emit }, dy) => emit.neg(dy)),
  Abs: ofUnary(({ emit, inputs }, dy) => emit.mul(dy, emit.sign(inputs[0]!))),
  Sqrt: ofUnary(({ emit, outputs }, dy) => emit.div(emit.mul(dy, 0.5), outputs[0])),
  Reciprocal: ofUnary(({ emit, outputs }, dy) => emit.neg(emit.mul(dy, emit.square(outputs[0])))),
  Exp: ofUnary(({ emit, outputs }, dy) => emit.mul(dy, outputs[0])),
  Log: ofUnary(({ emit, inputs }, dy) => emit.div(dy, inputs[0]!)),
  Sin: ofUnary(({ emit, inputs }, dy) => emit.mul(dy, emit.op('Cos', [inputs[0]]))),
  Cos: ofUnary(({ emit, inputs }, dy) => emit.neg(emit.mul(dy, emit.op('Sin', [inputs[0]])))),
  Erf: ofUnary(({ emit, inputs }, dy) =>
    emit.mul(dy, emit.mul(emit.exp(emit.neg(emit.square(inputs[0]!))), 2 / Math.sqrt(Math.PI))),
  ),
  Identity: ofUnary((_, dy) => dy),
  Add: byOutput((_, dy) => [dy, dy]),
  Sub: byOutput(({ emit, needs }, dy) => [dy, needs(1) ? emit.neg(dy) : undefined]),
  Mul: byOutput(({ emit, inputs, needs }, dy) => [
    needs(0) ? emit.mul(dy, inputs[1]!) : undefined,
    needs(1) ? emit.mul(dy, inputs[0]!) : undefined,
  ]),
  Div: byOutput(({ emit, inputs, outputs, needs }, dy) => {
    const quotient = emit.div(dy, inputs[1]!)
    return [quotient, needs(1) ? emit.neg(emit.mul(quotient, outputs[0])) : undefined]
  }),
  Pow: power,
  Mod: byOutput(({ emit, inputs, outputs, needs }, dy) => [
    dy,
    needs(1)
      ? emit.neg(emit.mul(dy, emit.op('Round', [emit.div(emit.sub(inputs[0]!, outputs[0]), inputs[1]!)])))
      : undefined,
  ]),
  Max: firstMatch,
  Min: firstMatch,
  Sum: byOutput(({ inputs }, dy) => inputs.map(() => dy)),
  Mean: byOutput(({ emit, inputs }, dy) => {
    const share = emit.div(dy, inputs.length)
    return inputs.map(() => share)
  }),
  Where: byOutput(({ emit, inputs, needs }, dy) => [
    undefined,
    needs(1) ? emit.where(inputs[0]!, dy, 0) : undefined,
    needs(2) ? emit.where(inputs[0]!, 0, dy) : undefined,
  ]),
  Cast: castBack,
  CastLike: castBack,
}
