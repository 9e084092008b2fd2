import { LanewiseError } from '../../core/errors.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { encoderDefault, encoderList, type labels } from '../../ops/labels.js'
import type { ReferenceKernel } from './kernel.js'
import { tensorOf } from './numbers.js'

const listOf = (tensor: Tensor): readonly (string | number)[] =>
  tensor.type === 'string' ? (tensor.data as string[]) : tensor.toNumbers()

export const labelKernels = {
  'ai.onnx.ml.LabelEncoder': ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
    const [keys, values] = [encoderList(attributes, 'keys'), encoderList(attributes, 'values')]
    const known = listOf(values)
    const table = new Map(listOf(keys).map((key, index) => [key, known[index]]))
    const otherwise = encoderDefault(attributes, values)
    const mapped = listOf(x!).map((element) => table.get(element) ?? otherwise)
    if (mapped.some((value) => (dtype === 'string') !== (typeof value === 'string')))
      throw new LanewiseError('INVALID_MODEL', `the default of a LabelEncoder must be ${dtype}`)
    return [
      dtype === 'string' ? new Tensor(dtype, mapped, concrete(shape)) : tensorOf(dtype, mapped as number[], shape),
    ]
  },
} as const satisfies Record<keyof typeof labels, ReferenceKernel>
