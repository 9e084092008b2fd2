import type { Attributes } from '../../../core/ir.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { f32Literal, mapKernel, vec4 } from '../kernel.js'
import { elementsOf, isFloat32, type Lowering } from './lowering.js'

/**
 * An update of w, g and the slots by a rate: `slots` name the operands after g, `text` assigns the new values to `w` and to
 * the slots, all vec4<f32>, from `rate: f32`. `literal` writes an attribute.
 */
const update = (
  name: string,
  slots: readonly string[],
  text: (literal: (attribute: string, of?: (x: number) => number) => string, attributes: Attributes) => string,
): Lowering => ({
  accelerates: isFloat32,
  lower({ inputs, outputs, attributes }, { place }) {
    const operands = ['w', 'g', ...slots]
    const changed = ['w', ...slots]
    const literal = (attribute: string, of = (x: number) => x) => f32Literal(of(floatAttribute(attributes, attribute)))
    return mapKernel({
      name,
      count: Math.ceil(elementsOf(outputs[0]) / 4),
      dense: true,
      reads: {
        ...Object.fromEntries(operands.map((operand, k) => [`old_${operand}`, vec4(place(inputs[k]!))])),
        scalar: place(inputs[operands.length]!),
      },
      writes: Object.fromEntries(changed.map((operand, k) => [`new_${operand}`, vec4(place(outputs[k]))])),
      body: (names: Record<string, string>) => `  let rate = ${names['scalar']}[0];
${operands.map((operand) => `  var ${operand} = ${names[`old_${operand}`]}[i];`).join('\n')}
  ${text(literal, attributes)}
${changed.map((operand) => `  ${names[`new_${operand}`]}[i] = ${operand};`).join('\n')}`,
    })
  },
})

const rest = (x: number): number => 1 - x

/** The optimizers' updates, with the formulas of the reference backend. */
export const optimizerLowerings = {
  'lanewise.SgdUpdate': update('sgd_update', [], () => 'w -= rate * g;'),
  'lanewise.MomentumUpdate': update('momentum_update', ['m'], (literal, attributes) => {
    const momentum = literal('momentum')
    const step = intAttribute(attributes, 'nesterov') === 1 ? `${momentum} * m - rate * g` : 'm'
    return `m = ${momentum} * m - rate * g; w += ${step};`
  }),
  'lanewise.AdamUpdate': update(
    'adam_update',
    ['m', 'v'],
    (literal) => `m += (g - m) * ${literal('beta_1', rest)}; v += (g * g - v) * ${literal('beta_2', rest)};
  w -= rate * m / (sqrt(v) + ${literal('epsilon')});`,
  ),
  'lanewise.RmspropUpdate': update(
    'rmsprop_update',
    ['v'],
    (literal) =>
      `v = ${literal('rho')} * v + ${literal('rho', rest)} * g * g; w -= rate * g / sqrt(v + ${literal('epsilon')});`,
  ),
  'lanewise.AdagradUpdate': update(
    'adagrad_update',
    ['a'],
    (literal) => `a += g * g; w -= rate * g / sqrt(a + ${literal('epsilon')});`,
  ),
} as const satisfies Record<string, Lowering>
