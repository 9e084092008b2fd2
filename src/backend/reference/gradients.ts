import { concrete, normalizeAxis, sizeOf } from '../../core/shape.js'
import { intAttribute } from '../../ops/definition.js'
import type { gradients } from '../../ops/gradients.js'
import { binary } from './activations.js'
import type { ReferenceKernel } from './kernel.js'
import { rows } from './movement.js'
import { numbersOf, tensorOf } from './numbers.js'

const gatherGradient: ReferenceKernel = ({ inputs: [dy, indices], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
  const chosen = rows(indices!, dims[axis])
  const inner = sizeOf(dims.slice(axis + 1))
  const outer = sizeOf(dims.slice(0, axis))
  const dys = numbersOf(dy!)
  const dxs = new Float64Array(sizeOf(dims))
  for (let i = 0; i < outer; i++)
    chosen.forEach((index, j) => {
      for (let k = 0; k < inner; k++)
        dxs[(i * dims[axis] + index) * inner + k] += dys[(i * chosen.length + j) * inner + k]
    })
  return [tensorOf(dtype, dxs, dims)]
}

export const gradientKernels = {
  'lanewise.ReluGradient': binary((dy, y) => (y > 0 ? dy : 0)),
  'lanewise.SigmoidGradient': binary((dy, y) => dy * y * (1 - y)),
  'lanewise.TanhGradient': binary((dy, y) => dy * (1 - y * y)),
  'lanewise.GatherGradient': gatherGradient,
} as const satisfies Record<keyof typeof gradients, ReferenceKernel>
