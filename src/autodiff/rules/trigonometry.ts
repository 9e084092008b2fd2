import { floatAttribute } from '../../ops/definition.js'
import { type GradientRules, ofUnary } from '../rule.js'

export const trigonometryRules: GradientRules = {
  Tan: ofUnary(({ emit, outputs }, dy) => emit.mul(dy, emit.add(emit.square(outputs[0]), 1))),
  Asin: ofUnary(({ emit, inputs }, dy) => emit.div(dy, emit.sqrt(emit.sub(1, emit.square(inputs[0]!))))),
  Acos: ofUnary(({ emit, inputs }, dy) => emit.neg(emit.div(dy, emit.sqrt(emit.sub(1, emit.square(inputs[0]!)))))),
  Atan: ofUnary(({ emit, inputs }, dy) => emit.div(dy, emit.add(emit.square(inputs[0]!), 1))),
  Sinh: ofUnary(({ emit, inputs }, dy) => emit.mul(dy, emit.op('Cosh', [inputs[0]]))),
  Cosh: ofUnary(({ emit, inputs }, dy) => emit.mul(dy, emit.op('Sinh', [inputs[0]]))),
  Asinh: ofUnary(({ emit, inputs }, dy) => emit.div(dy, emit.sqrt(emit.add(emit.square(inputs[0]!), 1)))),
  Acosh: ofUnary(({ emit, inputs }, dy) => emit.div(dy, emit.sqrt(emit.sub(emit.square(inputs[0]!), 1)))),
  Atanh: ofUnary(({ emit, inputs }, dy) => emit.div(dy, emit.sub(1, emit.square(inputs[0]!)))),
  Shrink: ofUnary(({ emit, inputs, attributes }, dy) =>
    emit.where(emit.greater(emit.abs(inputs[0]!), floatAttribute(attributes, 'lambd')), dy, 0),
  ),
}
