import { normalizeAxis, sizeOf } from '../../core/shape.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { layerNormalization } from '../../ops/layer-normalization.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { expandTo } from './remap.js'

const kernel: ReferenceKernel = ({ inputs: [x, scale, bias], outputs: [y, ...statistics], attributes }) => {
  const dims = x!.dims
  const row = dims.slice(normalizeAxis(intAttribute(attributes, 'axis'), dims.length))
  const width = sizeOf(row)
  const xs = numbersOf(x!)
  const scales = numbersOf(expandTo(scale!, row))
  const biases = bias && numbersOf(expandTo(bias, row))
  const epsilon = floatAttribute(attributes, 'epsilon')
  const rows = width === 0 ? 0 : xs.length / width
  const ys = new Float64Array(xs.length)
  const means = new Float64Array(rows)
  const inverses = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    const values = xs.subarray(i * width, (i + 1) * width)
    means[i] = values.reduce((sum, value) => sum + value, 0) / width
    const variance = values.reduce((sum, value) => sum + (value - means[i]) ** 2, 0) / width
    inverses[i] = 1 / Math.sqrt(variance + epsilon)
    values.forEach((value, j) => {
      ys[i * width + j] = (value - means[i]) * inverses[i] * scales[j] + (biases?.[j] ?? 0)
    })
  }
  const results = [means, inverses]
  return [
    tensorOf(y.dtype, ys, dims),
    ...statistics.map((type, index) => tensorOf(type.dtype, results[index], type.shape)),
  ]
}

export const normalizationKernels = {
  LayerNormalization: kernel,
} as const satisfies Record<keyof typeof layerNormalization, ReferenceKernel>
