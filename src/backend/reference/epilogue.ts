import { LanewiseError } from '../../core/errors.js'
import type { Attributes } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { activations } from '../../ops/activations.js'
import { type OpDefinition, withDefaults } from '../../ops/definition.js'
import { activationKernels } from './activations.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf } from './numbers.js'

/**
 * `values` under the activation that the epilogue attributes name: `activation`, `activation_alpha`, `activation_beta`;
 * `values` itself where they name none. Throws UNSUPPORTED_OP on a name that no op has for its trait.
 */
export function activate(values: Float64Array, attributes: Attributes): Float64Array {
  const name = attributes['activation']
  if (name === undefined || name === '') return values
  const definitions: Readonly<Record<string, OpDefinition>> = activations
  const op = Object.keys(definitions).find((candidate) => definitions[candidate].traits?.activation === name)
  if (op === undefined) throw new LanewiseError('UNSUPPORTED_OP', `no activation is called '${String(name)}'`)
  const kernel: ReferenceKernel = activationKernels[op as keyof typeof activationKernels]
  const shape = [values.length]
  const parameters = [attributes['activation_alpha'], attributes['activation_beta']]
    .slice(0, definitions[op].inputs[1] - 1)
    .map((parameter) => Tensor.scalar(parameter as number, 'float64'))
  const [result] = kernel({
    inputs: [new Tensor('float64', values, shape), ...parameters],
    outputs: [{ dtype: 'float64', shape }],
    attributes: withDefaults(definitions[op], {
      alpha: attributes['activation_alpha'],
      beta: attributes['activation_beta'],
      gamma: attributes['activation_beta'],
    }),
  })
  return numbersOf(result)
}
