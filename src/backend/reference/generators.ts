import { allocate } from '../../core/dtype.js'
import { concrete, normalizeAxis, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { constantTensor, fillOf, type generators, shapeRange } from '../../ops/generators.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

const fill = (tensor: Tensor, dims: readonly number[]): Tensor => {
  const data = allocate(tensor.type, sizeOf(dims)) as unknown[]
  return new Tensor(tensor.type, data.fill((tensor.data as unknown as readonly unknown[])[0]) as never, dims)
}

const range: ReferenceKernel = ({ inputs, outputs: [{ dtype, shape }] }) => {
  const [start, , delta] = inputs.map((input) => numbersOf(input!)[0])
  const dims = concrete(shape)
  return [
    tensorOf(
      dtype,
      Float64Array.from({ length: dims[0] }, (_, i) => start + i * delta),
      dims,
    ),
  ]
}

const oneHot: ReferenceKernel = ({ inputs: [indices, , values], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
  const depth = dims[axis]
  const inner = sizeOf(dims.slice(axis + 1))
  const [off, on] = values!.data as unknown as readonly unknown[]
  const data = (allocate(dtype, sizeOf(dims)) as unknown[]).fill(off)
  numbersOf(indices!).forEach((given, at) => {
    const index = Math.trunc(given)
    const hot = index < 0 ? index + depth : index
    if (hot < 0 || hot >= depth) return
    data[(Math.floor(at / inner) * depth + hot) * inner + (at % inner)] = on
  })
  return [new Tensor(dtype, data as never, dims)]
}

export const generatorKernels = {
  Constant: ({ attributes }) => [constantTensor(attributes)!],
  ConstantOfShape: ({ outputs: [{ shape }], attributes }) => [fill(fillOf(attributes), concrete(shape))],
  Shape: ({ inputs: [x], attributes }) => {
    const { start, end } = shapeRange(attributes, x!.dims.length)
    return [new Tensor('int64', x!.dims.slice(start, end), [end - start])]
  },
  Size: ({ inputs: [x] }) => [Tensor.scalar(x!.size, 'int64')],
  Range: range,
  OneHot: oneHot,
} as const satisfies Record<keyof typeof generators, ReferenceKernel>
