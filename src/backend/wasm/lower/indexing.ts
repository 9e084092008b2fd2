import { bytesPerElement } from '../../../core/dtype.js'
import { LanewiseError } from '../../../core/errors.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { concrete, normalizeAxis, sizeOf, stridesOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import type { indexing } from '../../../ops/indexing.js'
import type { KernelCall } from '../gen/kernels.js'
import { copy_bytes } from '../gen/movement.js'
import { gather_elements, gather_nd, scatter_elements, scatter_nd } from '../gen/rare-indexing.js'
import type { Lowering } from './lowering.js'
import { checkIndices, isIndex } from './movement.js'
import { CHUNK, cut } from './tiles.js'

/** Bytes of rows in a tile. */
const TILE_BYTES = 65536

const bytesOf = (value: Value): number => bytesPerElement(value.dtype)
const takesIndices = ({ inputs: [x, indices] }: Node): boolean => x!.dtype !== 'string' && isIndex(indices!)

/** The reductions of `assembly/indexing.ts`. */
const reductions = ['none', 'add', 'mul', 'max', 'min']

const reductionOf = ({ attributes }: Node): number => reductions.indexOf(attributes['reduction'] as string)

/** Scatters overwrite elements of any type, and combine float32. */
const takesUpdates = (node: Node): boolean =>
  takesIndices(node) && (reductionOf(node) === 0 || (reductionOf(node) > 0 && node.inputs[0]!.dtype === 'float32'))

/** How element indices cut the data: [outer, axis, inner]; undefined where they leave out places beside the axis. */
function blocksOf({ inputs: [x, indices], attributes }: Node) {
  const [shape, picks] = [concrete(x!.shape), concrete(indices!.shape)]
  const at = normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
  if (picks.some((dim, axis) => axis !== at && dim !== shape[axis])) return undefined
  return {
    outer: sizeOf(shape.slice(0, at)),
    axis: shape[at],
    count: picks[at],
    inner: sizeOf(shape.slice(at + 1)),
  }
}

/** Refuses constant rows of indices that are out of range. Throws SHAPE_MISMATCH. */
function checkRows(node: Node, dims: readonly number[], constant: ConstantOf): void {
  const index = constant(node.inputs[1]!)
  const bad = index?.toNumbers().find((at, i) => at < -dims[i % dims.length] || at >= dims[i % dims.length])
  if (bad !== undefined)
    throw new LanewiseError('SHAPE_MISMATCH', `${node.op} '${node.name}': index ${bad} is out of range for ${dims}`)
}

/** y = data, where they do not share memory. */
function copied(from: number, to: number, bytes: number): KernelCall[] {
  if (from === to || bytes === 0) return []
  const { chunk, tiles } = cut(bytes, TILE_BYTES)
  return [copy_bytes({ x: from, y: to, bytes, chunk }, tiles)]
}

/** What rows of indices name in a tensor: its leading sizes, their strides, and the rest of a row, in bytes. */
function rowsOf(x: Value, indices: Value, batchDims: number) {
  const [shape, picks] = [concrete(x.shape), concrete(indices.shape)]
  const depth = picks[picks.length - 1]
  const strides = stridesOf(shape).map((stride) => stride * bytesOf(x))
  return {
    sizes: shape.slice(batchDims, batchDims + depth),
    strides: strides.slice(batchDims, batchDims + depth),
    depth,
    rows: sizeOf(picks.slice(0, -1)),
    perBatch: sizeOf(picks.slice(batchDims, -1)),
    batchBytes: sizeOf(shape.slice(batchDims)) * bytesOf(x),
    rowBytes: sizeOf(shape.slice(batchDims + depth)) * bytesOf(x),
  }
}

export const indexingLowerings = {
  GatherElements: {
    accelerates: (node) => takesIndices(node) && blocksOf(node) !== undefined,
    lower(node, { address, constant }) {
      const [x, indices] = node.inputs as readonly Value[]
      const { axis, count, inner } = blocksOf(node)!
      checkIndices(node, indices, axis, constant)
      const size = sizeOf(concrete(indices.shape))
      if (size === 0) return []
      const { chunk, tiles } = cut(size, CHUNK)
      const places = { x: address(x), indices: address(indices), y: address(node.outputs[0]) }
      const types = { indexBytes: bytesOf(indices), elementBytes: bytesOf(x) }
      return [gather_elements({ ...places, ...types, axis, count, inner, size, chunk }, tiles)]
    },
  },

  ScatterElements: {
    accelerates: (node) => takesUpdates(node) && blocksOf(node) !== undefined,
    lower(node, { address, constant }) {
      const [x, indices, updates] = node.inputs as readonly Value[]
      const y = address(node.outputs[0])
      const { outer, axis, count, inner } = blocksOf(node)!
      checkIndices(node, indices, axis, constant)
      const copy = copied(address(x), y, sizeOf(concrete(x.shape)) * bytesOf(x))
      if (outer * count * inner === 0) return copy
      const { chunk, tiles } = cut(outer, Math.max(1, Math.floor(CHUNK / (count * inner))))
      const places = { updates: address(updates), indices: address(indices), y }
      const types = { indexBytes: bytesOf(indices), elementBytes: bytesOf(x) }
      const reduction = reductionOf(node)
      return [...copy, scatter_elements({ ...places, ...types, axis, count, inner, outer, reduction, chunk }, tiles)]
    },
  },

  GatherND: {
    accelerates: takesIndices,
    lower(node, { address, constant }) {
      const [x, indices] = node.inputs as readonly Value[]
      const { sizes, strides, ...table } = rowsOf(x, indices, intAttribute(node.attributes, 'batch_dims'))
      checkRows(node, sizes, constant)
      if (table.rows * table.rowBytes === 0) return []
      const { chunk, tiles } = cut(table.rows, Math.max(1, Math.floor(TILE_BYTES / table.rowBytes)))
      const places = { x: address(x), indices: address(indices), y: address(node.outputs[0]) }
      return [gather_nd({ ...places, ...table, indexBytes: bytesOf(indices), chunk }, tiles, [...sizes, ...strides])]
    },
  },

  ScatterND: {
    accelerates: takesUpdates,
    lower(node, { address, constant }) {
      const [x, indices, updates] = node.inputs as readonly Value[]
      const y = address(node.outputs[0])
      const { sizes, strides, depth, rows, rowBytes } = rowsOf(x, indices, 0)
      checkRows(node, sizes, constant)
      const copy = copied(address(x), y, sizeOf(concrete(x.shape)) * bytesOf(x))
      if (rows * rowBytes === 0) return copy
      const { chunk, tiles } = cut(rowBytes, TILE_BYTES)
      const reduction = reductionOf(node)
      const places = { updates: address(updates), indices: address(indices), y }
      const p = { ...places, indexBytes: bytesOf(indices), depth, rowBytes, rows, reduction, chunk }
      return [...copy, scatter_nd(p, tiles, [...sizes, ...strides])]
    },
  },
} as const satisfies Record<keyof typeof indexing, Lowering>
