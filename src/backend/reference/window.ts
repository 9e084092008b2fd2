import { sizeOf, stridesOf } from '../../core/shape.js'
import type { Window } from '../../ops/window.js'

/** Dims and element strides of an operand in the order [first, second, …spatial], whatever its layout in memory. */
export interface Layout {
  readonly dims: readonly number[]
  readonly strides: readonly number[]
}

/** How an operand lies in memory: ONNX's NC… and OI…, or channels-last N…C and …IO. */
export type Order = 'first' | 'last'

const select = (dims: readonly number[], axes: readonly number[]): Layout => {
  const strides = stridesOf(dims)
  return { dims: axes.map((axis) => dims[axis]), strides: axes.map((axis) => strides[axis]) }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** [N, C, …spatial] of a data operand. */
export const dataLayout = (dims: readonly number[], order: Order): Layout =>
  select(dims, order === 'first' ? range(0, dims.length) : [0, dims.length - 1, ...range(1, dims.length - 1)])

/** [O, I, …kernel] of a weight. */
export const weightLayout = (dims: readonly number[], order: Order): Layout =>
  select(
    dims,
    order === 'first' ? range(0, dims.length) : [dims.length - 1, dims.length - 2, ...range(0, dims.length - 2)],
  )

/** The multi-indices of `dims` in row-major order, flattened: `dims.length` numbers each. */
export function indicesOf(dims: readonly number[]): Int32Array {
  const rank = dims.length
  const count = sizeOf(dims)
  const indices = new Int32Array(count * rank)
  for (let i = 0; i < count; i++)
    for (let axis = rank - 1, rest = i; axis >= 0; axis--) {
      indices[i * rank + axis] = rest % dims[axis]
      rest = Math.floor(rest / dims[axis])
    }
  return indices
}

/** The kernel elements of one window that fall inside the input. */
export interface Taps {
  /** Offset of the window's element in the output. */
  output: number
  /** The first `count` entries: offsets in the input and in the kernel, in row-major order of the kernel. */
  readonly input: Int32Array
  readonly kernel: Int32Array
  count: number
  /** Kernel elements that fall inside the input or its explicit pads. */
  padded: number
}

/** Visits every window of one plane. Offsets are in elements; the taps are reused from visit to visit. */
export function forEachWindow(
  window: Window,
  input: Layout,
  output: Layout,
  kernelStrides: readonly number[],
  visit: (taps: Taps) => void,
): void {
  const { kernel, strides, dilations, padBegin, padEnd } = window
  const rank = kernel.length
  const inputDims = input.dims.slice(2)
  const inputStrides = input.strides.slice(2)
  const outputStrides = output.strides.slice(2)
  const outputs = indicesOf(output.dims.slice(2))
  const kernels = indicesOf(kernel)
  const size = sizeOf(kernel)
  const taps = { output: 0, input: new Int32Array(size), kernel: new Int32Array(size), count: 0, padded: 0 }
  for (let position = 0; position < outputs.length; position += rank) {
    taps.output = taps.count = taps.padded = 0
    for (let axis = 0; axis < rank; axis++) taps.output += outputs[position + axis] * outputStrides[axis]
    for (let k = 0; k < kernels.length; k += rank) {
      let from = 0
      let at = 0
      let inside = true
      let padded = true
      for (let axis = 0; axis < rank; axis++) {
        const index = outputs[position + axis] * strides[axis] - padBegin[axis] + kernels[k + axis] * dilations[axis]
        if (index < 0 || index >= inputDims[axis]) inside = false
        if (index >= inputDims[axis] + padEnd[axis]) padded = false
        from += index * inputStrides[axis]
        at += kernels[k + axis] * kernelStrides[axis]
      }
      if (padded) taps.padded++
      if (!inside) continue
      taps.input[taps.count] = from
      taps.kernel[taps.count++] = at
    }
    visit(taps)
  }
}
