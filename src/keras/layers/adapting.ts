import { sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'

export { quantiles } from './binning.js'

/** For each element of a tensor of the shape `dims`, its place in a table over `axes`. */
function placesOf(dims: readonly number[], axes: readonly number[]): Int32Array {
  const places = new Int32Array(sizeOf(dims))
  let inner = 1
  let stride = 1
  for (const axis of dims.map((_, i) => i).reverse()) {
    if (axes.includes(axis)) {
      for (let i = 0; i < places.length; i++) places[i] += (Math.floor(i / inner) % dims[axis]) * stride
      stride *= dims[axis]
    }
    inner *= dims[axis]
  }
  return places
}

/**
 * Mean and variance of all samples over `axesOf` each batch, computed in float64; undefined where there are none.
 */
export async function momentsOf(
  batches: AsyncIterable<Tensor>,
  axesOf: (batch: Tensor) => readonly number[],
): Promise<[mean: Float64Array, variance: Float64Array] | undefined> {
  let count = 0
  let means: Float64Array | undefined
  let squares: Float64Array | undefined
  for await (const batch of batches) {
    const axes = axesOf(batch)
    const size = sizeOf(axes.map((axis) => batch.dims[axis]))
    means ??= new Float64Array(size)
    squares ??= new Float64Array(size)
    const places = placesOf(batch.dims, axes)
    const rows = batch.size / means.length
    const sums = new Float64Array(means.length)
    const values = batch.toNumbers()
    for (const [i, value] of values.entries()) sums[places[i]] += value
    const deviations = new Float64Array(means.length)
    for (const [i, value] of values.entries()) deviations[places[i]] += (value - sums[places[i]] / rows) ** 2
    // Chan, Golub and LeVeque, 1979: sums of squares of two parts about their common mean.
    for (let i = 0; i < means.length; i++) {
      const delta = sums[i] / rows - means[i]
      squares[i] += deviations[i] + (delta ** 2 * count * rows) / (count + rows)
      means[i] += (delta * rows) / (count + rows)
    }
    count += rows
  }
  return means && squares && count > 0 ? [means, squares.map((sum) => sum / count)] : undefined
}

const text = new TextEncoder()
/** By the bytes of UTF-8, or by size. */
function compareTokens(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [x, y] = [text.encode(String(a)), text.encode(String(b))]
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i] - y[i]
  return x.length - y.length
}

/** How often each token is there, and in how many of the rows, which are the batches' last axis. */
export async function countTokens<Token>(
  batches: AsyncIterable<Tensor>,
  tokensOf: (batch: Tensor) => readonly Token[],
): Promise<{
  readonly counts: Map<Token, number>
  readonly documents: ReadonlyMap<Token, number>
  readonly rows: number
}> {
  const counts = new Map<Token, number>()
  const documents = new Map<Token, number>()
  let rows = 0
  for await (const batch of batches) {
    const tokens = tokensOf(batch)
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
    const width = batch.dims.length > 1 ? tokens.length / batch.dims[0] : tokens.length
    for (let from = 0; from < tokens.length; from += width, rows++)
      for (const token of new Set(tokens.slice(from, from + width)))
        documents.set(token, (documents.get(token) ?? 0) + 1)
  }
  return { counts, documents, rows }
}

/** The `most` tokens that are there most often; of those as frequent the last by their bytes, or the largest, come first. */
export const mostFrequent = <Token extends string | number>(
  counts: ReadonlyMap<Token, number>,
  most: number,
): Token[] =>
  [...counts]
    .sort(([a, m], [b, n]) => n - m || compareTokens(b, a))
    .slice(0, most)
    .map(([token]) => token)
