import { concrete, sizeOf } from '../../core/shape.js'
import type { poolGradients } from '../../ops/pool-gradients.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { argmax, divisor, forEachPlane } from './pool.js'
import { dataLayout, type Order } from './window.js'

const maxGradient =
  (order: Order): ReferenceKernel =>
  ({ inputs: [dy, x], outputs: [{ dtype }], attributes }) => {
    const [dys, xs] = [numbersOf(dy!), numbersOf(x!)]
    const dxs = new Float64Array(xs.length)
    forEachPlane(dataLayout(x!.dims, order), dataLayout(dy!.dims, order), attributes, (xOffset, yOffset, taps) => {
      const best = argmax(xs, xOffset, taps)
      if (best >= 0) dxs[best] += dys[yOffset]
    })
    return [tensorOf(dtype, dxs, x!.dims)]
  }

const averageGradient =
  (order: Order): ReferenceKernel =>
  ({ inputs: [dy], outputs: [{ dtype, shape }], attributes }) => {
    const dims = concrete(shape)
    const [dys, dxs] = [numbersOf(dy!), new Float64Array(sizeOf(dims))]
    forEachPlane(dataLayout(dims, order), dataLayout(dy!.dims, order), attributes, (xOffset, yOffset, taps) => {
      for (let t = 0; t < taps.count; t++) dxs[xOffset + taps.input[t]] += dys[yOffset] / divisor(attributes, taps)
    })
    return [tensorOf(dtype, dxs, dims)]
  }

export const poolGradientKernels = {
  'lanewise.MaxPoolGradient': maxGradient('first'),
  'lanewise.MaxPoolGradientNhwc': maxGradient('last'),
  'lanewise.AveragePoolGradient': averageGradient('first'),
  'lanewise.AveragePoolGradientNhwc': averageGradient('last'),
} as const satisfies Record<keyof typeof poolGradients, ReferenceKernel>
