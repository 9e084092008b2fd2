import { LanewiseError } from '../core/errors.js'
import type { Attributes } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import type { OpDefinition } from './definition.js'
import { required } from './infer.js'

const keyTypes = { tensor: undefined, strings: 'string', int64s: 'int64', floats: 'float32' } as const

/** The keys or values of a LabelEncoder as a tensor. Throws INVALID_MODEL where there are none. */
export function encoderList(attributes: Attributes, kind: 'keys' | 'values'): Tensor {
  for (const [suffix, dtype] of Object.entries(keyTypes)) {
    const value = attributes[`${kind}_${suffix}`]
    if (value instanceof Tensor) return value
    if (Array.isArray(value) && value.length > 0 && dtype) return new Tensor(dtype, value as readonly number[])
  }
  throw new LanewiseError('INVALID_MODEL', `a LabelEncoder needs ${kind}`)
}

/** What elements without a key become. */
export function encoderDefault(attributes: Attributes, values: Tensor): string | number {
  const given = attributes['default_tensor']
  if (given instanceof Tensor) return given.type === 'string' ? (given.data[0] as string) : given.toNumbers()[0]
  const suffix = values.type === 'string' ? 'string' : values.type.startsWith('float') ? 'float' : 'int64'
  return attributes[`default_${suffix}`] as string | number
}

/** Tables of words and numbers. */
export const labels = {
  /** Each element's value by its key, the default where it has none; of a key given twice the last counts. */
  'ai.onnx.ml.LabelEncoder': {
    since: 2,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      keys_strings: { type: 'strings' },
      keys_int64s: { type: 'ints' },
      keys_floats: { type: 'floats' },
      keys_tensor: { type: 'tensor' },
      values_strings: { type: 'strings' },
      values_int64s: { type: 'ints' },
      values_floats: { type: 'floats' },
      values_tensor: { type: 'tensor' },
      default_string: { type: 'string', default: '_Unused' },
      default_int64: { type: 'int', default: -1 },
      default_float: { type: 'float', default: -0 },
      default_tensor: { type: 'tensor' },
    },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const [keys, values] = [encoderList(context.attributes, 'keys'), encoderList(context.attributes, 'values')]
      if (keys.size !== values.size)
        throw new LanewiseError('INVALID_MODEL', `${keys.size} keys for ${values.size} values`)
      if (keys.type !== dtype) throw new LanewiseError('TYPE_MISMATCH', `the keys are ${keys.type}, the input ${dtype}`)
      return [{ dtype: values.type, shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
