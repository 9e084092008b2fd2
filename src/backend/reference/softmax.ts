import { normalizeAxis, sizeOf } from '../../core/shape.js'
import { intAttribute } from '../../ops/definition.js'
import type { softmax } from '../../ops/softmax.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** Calls `visit` with the start of each line along `axis`; its elements are `stride` apart. */
export function eachLine(
  dims: readonly number[],
  axis: number,
  visit: (start: number, length: number, stride: number) => void,
) {
  const length = dims[axis] ?? 1
  const stride = sizeOf(dims.slice(axis + 1))
  const block = length * stride
  for (let outer = 0; outer < sizeOf(dims.slice(0, axis)); outer++)
    for (let inner = 0; inner < stride; inner++) visit(outer * block + inner, length, stride)
}

/** log softmax of a line of `x` into `y`. */
export function logSoftmaxLine(x: Float64Array, y: Float64Array, start: number, length: number, stride: number) {
  let highest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < length; i++) highest = Math.max(highest, x[start + i * stride])
  let total = 0
  for (let i = 0; i < length; i++) total += Math.exp(x[start + i * stride] - highest)
  const shift = highest + Math.log(total)
  for (let i = 0; i < length; i++) y[start + i * stride] = x[start + i * stride] - shift
}

const logarithm =
  (finish: (y: Float64Array) => Float64Array): ReferenceKernel =>
  ({ inputs, outputs, attributes }) => {
    const { dims } = inputs[0]!
    const x = numbersOf(inputs[0]!)
    const y = new Float64Array(x.length)
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
    eachLine(dims, axis, (start, length, stride) => logSoftmaxLine(x, y, start, length, stride))
    return [tensorOf(outputs[0].dtype, finish(y), outputs[0].shape)]
  }

export const softmaxKernels = {
  Softmax: logarithm((y) => y.map(Math.exp)),
  LogSoftmax: logarithm((y) => y),
} as const satisfies Record<keyof typeof softmax, ReferenceKernel>
