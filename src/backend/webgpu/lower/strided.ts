import { collapseAxes } from '../../../core/shape.js'
import { type Dispatch, mapKernel, type Place, seenAs, vec4 } from '../kernel.js'
import { offsetExpression } from '../wgsl/index.js'

/** Copies all elements of `from`, in order; none where both are one place. */
export function copyElements(from: Place, to: Place): Dispatch[] {
  if (from.buffer === to.buffer && from.offset === to.offset) return []
  const [x, y] = [vec4(seenAs(from, 'u32')), vec4(seenAs(to, 'u32'))]
  return mapKernel({
    name: 'copy',
    count: y.bytes / 16,
    dense: true,
    reads: { x },
    writes: { y },
    body: ({ x, y }) => `  ${y}[i] = ${x}[i];`,
  })
}

/** One axis of a copy: its size, and the steps in elements along it in the source and in the target. */
export interface CopyAxis {
  readonly size: number
  readonly from: number
  readonly to: number
}

/**
 * Copies elements along `axes`, outermost first, from `fromBase` of one place to `toBase` of another. Steps may be negative
 * or 0 in the source.
 */
export function stridedCopy(
  from: Place,
  to: Place,
  axes: readonly CopyAxis[],
  { fromBase = 0, toBase = 0, name = 'strided_copy' } = {},
): Dispatch[] {
  const { dims, strides } = collapseAxes(
    axes.map(({ size }) => size),
    [axes.map((axis) => axis.from), axes.map((axis) => axis.to)],
  )
  const count = dims.reduce((product, dim) => product * dim, 1)
  return mapKernel({
    name,
    count,
    reads: { x: seenAs(from, 'u32') },
    writes: { y: seenAs(to, 'u32') },
    body: ({ x, y }) =>
      `  ${y}[${offsetExpression('i', dims, strides[1], toBase)}] = ${x}[${offsetExpression('i', dims, strides[0], fromBase)}];`,
  })
}
