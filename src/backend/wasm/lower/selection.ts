import { bytesPerElement } from '../../../core/dtype.js'
import type { Node, Value } from '../../../core/ir.js'
import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { one_hot, top_k, trilu } from '../gen/rare-selection.js'
import { cumulative as cumulativeKernel } from '../gen/rare-wide-scan.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'
import { isWhole, scalarType, scalarTypes } from './scalar-types.js'
import { CHUNK, cut } from './tiles.js'
import { wideLines } from './wide-lines.js'

/** Lines of `shape` along `axis`: their number, their length, and the distance of neighbours in elements. */
function linesOf(shape: readonly number[], axis: number) {
  const length = shape[axis] ?? 1
  const step = sizeOf(shape.slice(axis + 1))
  return { lines: sizeOf(shape.slice(0, axis)) * step, length, step }
}

const bytesOf = (value: Value): number => bytesPerElement(value.dtype)

/** Lines of which `length` elements are read, so many that a tile reads about a chunk. */
const cutLines = (lines: number, length: number) => cut(lines, Math.max(1, Math.floor(CHUNK / Math.max(1, length))))

const topKShape = ({ inputs: [x], outputs: [values], attributes }: Node) => {
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), x!.shape.length)
  return { ...linesOf(concrete(x!.shape), axis), k: concrete(values.shape)[axis] ?? 1 }
}

const cumulative = (product: 0 | 1): Lowering => ({
  accelerates: ({ inputs: [x, axis] }, constant) => scalarType(x!.dtype) !== undefined && constant(axis!) !== undefined,
  lower({ inputs: [x, axisInput], outputs: [y], attributes }, { address, constant, scratch }) {
    const shape = concrete(x!.shape)
    if (sizeOf(shape) === 0) return []
    const axis = normalizeAxis(constant(axisInput!)!.toNumbers()[0], shape.length)
    const { tiles, ...lines } = wideLines(shape, axis)
    const places = { x: address(x!), y: address(y), scratch: scratch(), scratchBytes: SCRATCH_BYTES }
    const [exclusive, reverse] = ['exclusive', 'reverse'].map((name) => intAttribute(attributes, name)!)
    const type = scalarType(x!.dtype)!
    return [cumulativeKernel({ ...places, ...lines, type, product, exclusive, reverse }, tiles)]
  },
})

/** Diagonals lie within a matrix of at most this many rows and columns. */
const FAR = 2 ** 30

export const selectionLowerings = {
  TopK: {
    accelerates: ({ inputs: [x] }) => {
      const type = scalarType(x!.dtype)
      return type !== undefined && type <= scalarTypes.float64
    },
    workspace(node) {
      const { lines, length, k } = topKShape(node)
      return cutLines(lines, length).tiles * k * 16
    },
    lower(node, { address, workspace }) {
      const { lines, length, step, k } = topKShape(node)
      if (lines * k === 0) return []
      const { chunk, tiles } = cutLines(lines, length)
      const x = node.inputs[0]!
      const [values, indices] = node.outputs.map(address)
      const largest = intAttribute(node.attributes, 'largest')
      const type = scalarType(x.dtype)!
      const places = { x: address(x), values, indices, workspace }
      return [top_k({ ...places, lines, chunk, length, step, k, type, largest }, tiles)]
    },
  },

  CumSum: cumulative(0),
  CumProd: cumulative(1),

  Trilu: {
    accelerates: ({ inputs: [x, k] }, constant) =>
      x!.dtype !== 'string' && (k === undefined || constant(k) !== undefined),
    lower({ inputs: [x, k], outputs: [y], attributes }, { address, constant }) {
      const shape = concrete(x!.shape)
      const [height, columns] = shape.slice(-2)
      const rows = sizeOf(shape.slice(0, -1))
      if (rows * columns === 0) return []
      const { chunk, tiles } = cutLines(rows, columns)
      const offset = (k && constant(k)!.toNumbers()[0]) ?? 0
      const diagonal = Math.max(-FAR, Math.min(FAR, offset))
      const places = { x: address(x!), y: address(y) }
      const upper = intAttribute(attributes, 'upper')
      const elementBytes = bytesOf(y)
      return [trilu({ ...places, rows, chunk, height, columns, elementBytes, diagonal, upper }, tiles)]
    },
  },

  OneHot: {
    accelerates: ({ inputs: [indices], outputs: [y] }) =>
      (indices!.dtype === 'float32' || isWhole(indices!.dtype)) && y.dtype !== 'string',
    lower({ inputs: [indices, , values], outputs: [y], attributes }, { address }) {
      const shape = concrete(y.shape)
      const axis = normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
      const { lines: size, length: depth, step: inner } = linesOf(shape, axis)
      if (size * depth === 0) return []
      const { chunk, tiles } = cutLines(size, depth)
      const places = { indices: address(indices!), values: address(values!), y: address(y) }
      const types = { type: scalarType(indices!.dtype)!, elementBytes: bytesOf(y) }
      return [one_hot({ ...places, size, chunk, depth, inner, ...types }, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
