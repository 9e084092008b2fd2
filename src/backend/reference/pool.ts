import type { Attributes } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { intAttribute, intsAttribute } from '../../ops/definition.js'
import { limits } from '../../ops/granularity.js'
import type { pool } from '../../ops/pool.js'
import { windowOf } from '../../ops/window.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { dataLayout, forEachWindow, type Layout, type Order, type Taps } from './window.js'

/** Visits every window of every plane: offsets of the planes in the input and of the element in the output. */
export function forEachPlane(
  x: Layout,
  y: Layout,
  attributes: Attributes,
  visit: (xOffset: number, yOffset: number, taps: Taps) => void,
): void {
  const kernel = intsAttribute(attributes, 'kernel_shape')!
  const window = windowOf(attributes, kernel, x.dims.slice(2))
  forEachWindow(window, x, y, new Array<number>(kernel.length).fill(0), (taps) => {
    for (let n = 0; n < x.dims[0]; n++)
      for (let c = 0; c < x.dims[1]; c++)
        visit(n * x.strides[0] + c * x.strides[1], n * y.strides[0] + c * y.strides[1] + taps.output, taps)
  })
}

/** Where a window's first maximum lies in the input; -1 in a window of padding alone. NaN counts as the largest. */
export function argmax(data: Float64Array, offset: number, { input, count }: Taps): number {
  let best = -1
  for (let t = 0; t < count; t++) {
    const at = offset + input[t]
    if (best < 0 || data[at] > data[best] || (Number.isNaN(data[at]) && !Number.isNaN(data[best]))) best = at
  }
  return best
}

/** The offset of a channels-first element when its spatial axes are counted in column-major order. */
function columnMajor(offset: number, dims: readonly number[]): number {
  const spatial = dims.slice(2)
  const size = sizeOf(spatial)
  let rest = offset % size
  const index = spatial.map(() => 0)
  for (let axis = spatial.length - 1; axis >= 0; axis--) {
    index[axis] = rest % spatial[axis]
    rest = Math.floor(rest / spatial[axis])
  }
  return offset - (offset % size) + index.reduceRight((sum, at, axis) => sum * spatial[axis] + at, 0)
}

function maxPool(x: Tensor, attributes: Attributes, shape: readonly number[], order: Order) {
  const xs = numbersOf(x)
  const ys = new Float64Array(sizeOf(shape))
  const indices = new Float64Array(ys.length)
  const swap = intAttribute(attributes, 'storage_order') === 1
  const lowest = limits[x.type]?.[0] ?? Number.NEGATIVE_INFINITY
  forEachPlane(dataLayout(x.dims, order), dataLayout(shape, order), attributes, (xOffset, yOffset, taps) => {
    const best = argmax(xs, xOffset, taps)
    ys[yOffset] = best < 0 ? lowest : xs[best]
    indices[yOffset] = swap && best >= 0 ? columnMajor(best, x.dims) : best
  })
  return { ys, indices }
}

const max =
  (order: Order): ReferenceKernel =>
  ({ inputs: [x], outputs, attributes }) => {
    const dims = concrete(outputs[0].shape)
    const { ys, indices } = maxPool(x!, attributes, dims, order)
    return outputs.map(({ dtype }, index) => tensorOf(dtype, index === 0 ? ys : indices, dims))
  }

export const divisor = (attributes: Attributes, taps: Taps): number =>
  intAttribute(attributes, 'count_include_pad') === 1 ? taps.padded : taps.count

const average =
  (order: Order): ReferenceKernel =>
  ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
    const dims = concrete(shape)
    const [xs, ys] = [numbersOf(x!), new Float64Array(sizeOf(dims))]
    forEachPlane(dataLayout(x!.dims, order), dataLayout(dims, order), attributes, (xOffset, yOffset, taps) => {
      let sum = 0
      for (let t = 0; t < taps.count; t++) sum += xs[xOffset + taps.input[t]]
      ys[yOffset] = sum / divisor(attributes, taps)
    })
    return [tensorOf(dtype, ys, dims)]
  }

/** The pool whose kernel is the whole plane. */
const global =
  (kernel: ReferenceKernel): ReferenceKernel =>
  (context) =>
    kernel({ ...context, attributes: { kernel_shape: context.inputs[0]!.dims.slice(2) } })

export const poolKernels = {
  MaxPool: max('first'),
  'lanewise.MaxPoolNhwc': max('last'),
  AveragePool: average('first'),
  'lanewise.AveragePoolNhwc': average('last'),
  GlobalAveragePool: global(average('first')),
  GlobalMaxPool: global(max('first')),
} as const satisfies Record<keyof typeof pool, ReferenceKernel>
