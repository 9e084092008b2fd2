import { bytesPerElement, type DType } from '../../../core/dtype.js'
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
import { scalarType } from './scalar-types.js'
import { CHUNK, cut } from './tiles.js'

/** Bytes of rows in a tile. */
const TILE_BYTES = 65536

const bytesOf = (value: Value): number => bytesPerElement(value.dtype)
const takesIndices = ({ inputs: [x, indices] }: Node): boolean => x!.dtype !== 'string' && isIndex(indices!)

/** The reductions of `assembly/indexing.ts`. */
const reductions = ['none', 'add', 'mul', 'max', 'min']

const reductionOf = ({ attributes }: Node): number => reductions.indexOf(attributes['reduction'] as string)

/** Scatters overwrite elements of any type, and combine those that `reduced` of the kernels has. */
const combined: readonly DType[] = ['float32', 'float64', 'int32', 'int64']
const takesUpdates = (node: Node): boolean =>
  takesIndices(node) && (reductionOf(node) === 0 || (reductionOf(node) > 0 && combined.includes(node.inputs[0]!.dtype)))

/** The fields and the list of a kernel over element indices, and how many of them belong to one place along the axes before the indexed one. */
function elementsOf({ inputs: [x, indices], attributes }: Node) {
  const [shape, picks] = [concrete(x!.shape), concrete(indices!.shape)]
  const at = normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
  const strides = stridesOf(shape)
  const last = shape.length - 1
  const fields = {
    indexBytes: bytesOf(indices!),
    elementBytes: bytesOf(x!),
    axis: shape[at],
    stride: strides[at],
    step: at === last ? 0 : 1,
    inner: picks[last],
    rank: last,
    size: sizeOf(picks),
  }
  return {
    fields,
    list: [...picks.slice(0, last), ...strides.with(at, 0).slice(0, last)],
    block: sizeOf(picks.slice(at)),
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
    accelerates: takesIndices,
    lower(node, { address, constant }) {
      const [x, indices] = node.inputs as readonly Value[]
      const { fields, list } = elementsOf(node)
      checkIndices(node, indices, fields.axis, constant)
      if (fields.size === 0) return []
      const { chunk, tiles } = cut(fields.size, CHUNK)
      const places = { x: address(x), indices: address(indices), y: address(node.outputs[0]) }
      return [gather_elements({ ...places, ...fields, chunk }, tiles, list)]
    },
  },

  ScatterElements: {
    accelerates: takesUpdates,
    lower(node, { address, constant }) {
      const [x, indices, updates] = node.inputs as readonly Value[]
      const y = address(node.outputs[0])
      const { fields, list, block } = elementsOf(node)
      checkIndices(node, indices, fields.axis, constant)
      const copy = copied(address(x), y, sizeOf(concrete(x.shape)) * bytesOf(x))
      if (fields.size === 0) return copy
      const { chunk, tiles } = cut(fields.size, block * Math.max(1, Math.floor(CHUNK / block)))
      const places = { updates: address(updates), indices: address(indices), y }
      const reduction = reductionOf(node)
      const type = scalarType(x.dtype) ?? 0
      return [...copy, scatter_elements({ ...places, ...fields, reduction, type, chunk }, tiles, list)]
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
      const type = scalarType(x.dtype) ?? 0
      const p = { ...places, indexBytes: bytesOf(indices), depth, rowBytes, rows, reduction, type, chunk }
      return [...copy, scatter_nd(p, tiles, [...sizes, ...strides])]
    },
  },
} as const satisfies Record<keyof typeof indexing, Lowering>
