import type { Node, Value } from '../../../core/ir.js'
import type { Activation } from '../activations.js'
import { pack_panels_f32 } from '../gen/gemm-pack.js'
import type { KernelCall } from '../gen/kernels.js'
import type { LoweringContext } from './lowering.js'

/** The calls of one node and the scratch memory that they share. */
export interface NodePlan {
  readonly workspaceBytes: number
  calls(context: LoweringContext): readonly KernelCall[]
}

/** Hands out stretches of a workspace, 64-byte aligned, with 64 bytes between them that kernels may read. */
export class Workspace {
  bytes = 0

  /** The offset of `bytes` new bytes. */
  take(bytes: number): number {
    const offset = this.bytes
    this.bytes += Math.ceil((bytes + 64) / 64) * 64
    return offset
  }
}

export const floatBytes = 4
export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b)
const roundUp = (size: number, multiple: number): number => ceilDiv(size, multiple) * multiple

export const isFloat32 = (node: Node): boolean =>
  [...node.inputs, ...node.outputs].every((value?: Value) => value === undefined || value.dtype === 'float32')

/** Relu is a bound that the register tile applies; other activations run over the finished tile. */
export function epilogueFields({ activation, alpha, beta }: Activation, relu: number) {
  const isRelu = activation === relu
  return { lower: isRelu ? 0 : Number.NEGATIVE_INFINITY, activation: isRelu ? 0 : activation, alpha, beta }
}

/** Multiply-adds below which a step is not worth sharing between threads. */
export const minimumTileWork = 50_000
const maximumTiles = 64

export interface Tiling {
  readonly tileRows: number
  readonly tileColumns: number
  readonly tiles: number
}

/**
 * Cuts `batches` products of `rows` x `columns` elements, `work` multiply-adds in all, by their sizes alone. Tiles have at least
 * `rowGrain` rows: more than 24 where there are rows enough, as each tile reads all of its columns of B. A few tiles are an even number.
 */
export function tilingOf(
  batches: number,
  rows: number,
  columns: number,
  work: number,
  rowGrain = rows < 8 * 48 ? 24 : 48,
): Tiling {
  const wanted = Math.max(1, Math.min(maximumTiles, Math.floor(work / minimumTileWork)) / Math.max(1, batches))
  const most = Math.max(1, Math.min(Math.floor(wanted), Math.floor(rows / rowGrain)))
  const rowTiles = most > 1 && most < 8 ? most - (most % 2) : most
  const tileRows = Math.max(12, roundUp(ceilDiv(rows, rowTiles), rows < 8 * 48 ? 4 : 12))
  const columnTiles = Math.max(1, Math.min(Math.floor(wanted / rowTiles), Math.floor(columns / 24)))
  const tileColumns = Math.max(8, roundUp(ceilDiv(columns, columnTiles), 8))
  return { tileRows, tileColumns, tiles: batches * ceilDiv(rows, tileRows) * ceilDiv(columns, tileColumns) }
}

/** Bytes of B that stay in the first-level cache while rows of A pass by. */
const slabBytes = 36 * 1024

/** Columns of B, a multiple of 8, that are multiplied with all rows of a tile before the next ones. */
export const slabColumns = (depth: number): number =>
  Math.max(8, Math.floor(slabBytes / (Math.max(1, depth) * floatBytes * 8)) * 8)

export const panelBytes = (depth: number, columns: number): number => ceilDiv(columns, 8) * depth * 8 * floatBytes

/**
 * Whether a row-major B of `depth` x `columns` is worth packing for `rows` rows: it fills a third of a first-level cache and
 * is read often enough. Measured on a Xeon with 48 kB: 512x512x512 gains a fifth (baseline) to a third (relaxed),
 * 128x1000x100 a tenth.
 */
export const worthPacking = (rows: number, columns: number, depth: number): boolean =>
  rows >= 32 && depth * columns >= 4096

type PackFields = Parameters<typeof pack_panels_f32>[0]

/** Packs panels for each of `offsets` (bytes: source, target). `depth`: rows of a whole panel, `taps` times `k` unless told. */
export const packPanels = (
  { depth, ...fields }: Omit<PackFields, 'depth'> & { readonly depth?: number },
  offsets: readonly (readonly [number, number])[],
): KernelCall =>
  pack_panels_f32(
    { ...fields, depth: depth ?? fields.taps * fields.k },
    offsets.length * ceilDiv(fields.columns, 8),
    offsets.flat(),
  )
