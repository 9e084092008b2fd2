import type { Tensor } from '../../src/core/tensor.js'

/** Numbers on a grid, row by row: the plain form of what layers compute. */
export interface Grid {
  readonly dims: readonly number[]
  readonly data: readonly number[]
}

type Index = readonly number[]

export const grid = (tensor: Tensor): Grid => ({ dims: tensor.dims, data: tensor.toNumbers() })

/** The element at an index; `outside` where there is none. */
export function at({ dims, data }: Grid, index: Index, outside = 0): number {
  let place = 0
  for (const [axis, size] of dims.entries()) {
    if (index[axis] < 0 || index[axis] >= size) return outside
    place = place * size + index[axis]
  }
  return data[place]
}

/** All indices of a grid of these sizes, in order. */
export const indices = (dims: readonly number[]): Index[] =>
  dims.reduce<Index[]>(
    (all, size) => all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  )

export const make = (dims: readonly number[], value: (index: Index) => number): Grid => ({
  dims,
  data: indices(dims).map(value),
})

export interface Window {
  readonly kernel: readonly number[]
  readonly strides?: readonly number[]
  readonly dilation?: readonly number[]
  readonly padding?: string
}

/** Sizes of the output along the axes of the window, and how many places come before the input. */
export function placement(sizes: readonly number[], { kernel, strides, dilation, padding = 'valid' }: Window) {
  const along = sizes.map((size, i) => {
    const stride = strides?.[i] ?? 1
    const extent = (kernel[i] - 1) * (dilation?.[i] ?? 1) + 1
    if (padding === 'causal') return { out: Math.ceil(size / stride), before: extent - 1 }
    if (padding === 'valid') return { out: Math.floor((size - extent) / stride) + 1, before: 0 }
    const out = Math.ceil(size / stride)
    return { out, before: Math.floor(Math.max(0, (out - 1) * stride + extent - size) / 2) }
  })
  return { out: along.map(({ out }) => out), before: along.map(({ before }) => before) }
}

const from = (window: Window, before: readonly number[], place: Index, offset: Index): Index =>
  place.map((item, i) => item * (window.strides?.[i] ?? 1) + offset[i] * (window.dilation?.[i] ?? 1) - before[i])

/** Convolution of [n, …, c] with [k…, c / groups, f]. */
export function convolve(x: Grid, kernel: Grid, bias: Grid | undefined, window: Window, groups = 1): Grid {
  const [n, ...rest] = x.dims
  const { out, before } = placement(rest.slice(0, -1), window)
  const [width, filters] = kernel.dims.slice(-2)
  return make([n, ...out, filters], (index) => {
    const [b, ...place] = index.slice(0, -1)
    const f = index.at(-1)!
    const group = Math.floor(f / (filters / groups))
    let sum = bias?.data[f] ?? 0
    for (const offset of indices(window.kernel))
      for (let c = 0; c < width; c++)
        sum += at(x, [b, ...from(window, before, place, offset), group * width + c]) * at(kernel, [...offset, c, f])
    return sum
  })
}

/** Each channel with filters of its own, [k…, c, m]. */
export function convolveDepthwise(x: Grid, kernel: Grid, window: Window): Grid {
  const [n, ...rest] = x.dims
  const { out, before } = placement(rest.slice(0, -1), window)
  const [channels, multiplier] = kernel.dims.slice(-2)
  return make([n, ...out, channels * multiplier], (index) => {
    const [b, ...place] = index.slice(0, -1)
    const [c, m] = [Math.floor(index.at(-1)! / multiplier), index.at(-1)! % multiplier]
    return indices(window.kernel).reduce(
      (sum, offset) => sum + at(x, [b, ...from(window, before, place, offset), c]) * at(kernel, [...offset, c, m]),
      0,
    )
  })
}

/** Each input spread over a window of [k…, f, c]. */
export function convolveTransposed(x: Grid, kernel: Grid, bias: Grid, window: Window): Grid {
  const [n, ...rest] = x.dims
  const sizes = rest.slice(0, -1)
  const [filters, channels] = kernel.dims.slice(-2)
  const along = sizes.map((size, i) => {
    const stride = window.strides?.[i] ?? 1
    const extent = (window.kernel[i] - 1) * (window.dilation?.[i] ?? 1) + 1
    const excess = Math.max(0, extent - stride)
    return window.padding === 'same'
      ? { out: size * stride, before: Math.floor(excess / 2) }
      : { out: size * stride + excess, before: 0 }
  })
  const dims = [n, ...along.map(({ out }) => out), filters]
  const sums = make(dims, (index) => bias.data[index.at(-1)!]).data.slice()
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1))
  for (const [b, ...place] of indices([n, ...sizes]))
    for (const offset of indices(window.kernel)) {
      const target = from(
        window,
        along.map(({ before }) => before),
        place,
        offset,
      )
      if (target.some((item, i) => item < 0 || item >= along[i].out)) continue
      for (let f = 0; f < filters; f++)
        for (let c = 0; c < channels; c++) {
          const index = [b, ...target, f]
          const to = index.reduce((sum, item, i) => sum + item * strides[i], 0)
          sums[to] += at(x, [b, ...place, c]) * at(kernel, [...offset, f, c])
        }
    }
  return { dims, data: sums }
}

/** The largest, or the mean of those within the input, of each window. */
export function pool(x: Grid, window: Window, kind: 'max' | 'mean'): Grid {
  const [n, ...rest] = x.dims
  const { out, before } = placement(rest.slice(0, -1), window)
  return make([n, ...out, rest.at(-1)!], (index) => {
    const [b, ...place] = index.slice(0, -1)
    const all = indices(window.kernel)
      .map((offset) => at(x, [b, ...from(window, before, place, offset), index.at(-1)!], Number.NaN))
      .filter((value) => !Number.isNaN(value))
    return kind === 'max' ? Math.max(...all) : all.reduce((a, b) => a + b, 0) / all.length
  })
}

/** Reduces the axes, which stay with length 1. */
export function reduce(x: Grid, axes: readonly number[], combine: (values: readonly number[]) => number): Grid {
  const dims = x.dims.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const inner = axes.map((axis) => x.dims[axis])
  return make(dims, (index) =>
    combine(
      indices(inner).map((offset) =>
        at(
          x,
          index.map((item, axis) => (axes.includes(axis) ? offset[axes.indexOf(axis)] : item)),
        ),
      ),
    ),
  )
}

/** The element of a grid with axes of length 1 that stands for an index. */
export const spread = (x: Grid, index: Index): number =>
  at(
    x,
    index.map((item, axis) => (x.dims[axis] === 1 ? 0 : item)),
  )

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
