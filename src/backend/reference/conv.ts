import type { Attributes } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import type { conv } from '../../ops/conv.js'
import { intAttribute } from '../../ops/definition.js'
import { windowOf } from '../../ops/window.js'
import { activate } from './epilogue.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { dataLayout, forEachWindow, type Layout, type Order, type Taps, weightLayout } from './window.js'

interface Operands {
  readonly x: Layout
  readonly w: Layout
  readonly y: Layout
  readonly attributes: Attributes
}

/**
 * Visits, for every window, image, output channel and input channel of its group, the offsets of x's and w's planes
 * and of y's element; the taps add to the first two.
 */
export function forEachPlane(
  { x, w, y, attributes }: Operands,
  visit: (xOffset: number, wOffset: number, yOffset: number, taps: Taps) => void,
): void {
  const group = intAttribute(attributes, 'group') ?? 1
  const [outputs, inputs, ...kernel] = w.dims
  const perGroup = outputs / group
  const window = windowOf(attributes, kernel, x.dims.slice(2))
  forEachWindow(window, x, y, w.strides.slice(2), (taps) => {
    for (let n = 0; n < x.dims[0]; n++)
      for (let o = 0; o < outputs; o++) {
        const first = Math.floor(o / perGroup) * inputs
        const yOffset = n * y.strides[0] + o * y.strides[1] + taps.output
        for (let c = 0; c < inputs; c++)
          visit(n * x.strides[0] + (first + c) * x.strides[1], o * w.strides[0] + c * w.strides[1], yOffset, taps)
      }
  })
}

/** Adds bias [C] to the channels of `data`, which lies as `layout` says. */
export function addBias(data: Float64Array, bias: Float64Array, { dims, strides }: Layout): void {
  const channels = dims[1]
  const stride = strides[1]
  for (let i = 0; i < data.length; i++) data[i] += bias[Math.floor(i / stride) % channels]
}

const forward =
  (order: Order): ReferenceKernel =>
  ({ inputs: [x, w, bias], outputs: [{ dtype, shape }], attributes }) => {
    const dims = concrete(shape)
    const [xs, ws, ys] = [numbersOf(x!), numbersOf(w!), new Float64Array(sizeOf(dims))]
    const y = dataLayout(dims, order)
    const operands = { x: dataLayout(x!.dims, order), w: weightLayout(w!.dims, order), y, attributes }
    forEachPlane(operands, (xOffset, wOffset, yOffset, { input, kernel, count }) => {
      let sum = 0
      for (let t = 0; t < count; t++) sum += xs[xOffset + input[t]] * ws[wOffset + kernel[t]]
      ys[yOffset] += sum
    })
    if (bias) addBias(ys, numbersOf(bias), y)
    return [tensorOf(dtype, activate(ys, attributes), dims)]
  }

export const convKernels = {
  Conv: forward('first'),
  'lanewise.ConvNhwc': forward('last'),
} as const satisfies Record<keyof typeof conv, ReferenceKernel>
