import { type GradientRules, ofUnary } from '../rule.js'

export const randomRules: GradientRules = {
  'lanewise.Dropout': ofUnary(({ emit, inputs, attributes }, dy) =>
    emit.op('lanewise.Dropout', [dy, inputs[1]], attributes),
  ),
}
