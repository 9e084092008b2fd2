import type { Node, Value } from '../../../core/ir.js'
import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import type { KernelCall } from '../gen/kernels.js'
import { normalize_f32 } from '../gen/norm.js'
import { isFloat32 } from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { cut } from './tiles.js'

/** Elements of a tile: each is read three times. */
const NORM_CHUNK = 8192

interface Rows {
  readonly rows: number
  readonly width: number
  /** Channels, where scale and bias hold an element a row; 0 where they hold one a column. */
  readonly period: number
  readonly centred: 0 | 1
}

function normalize(node: Node, { address }: LoweringContext, { rows, width, period, centred }: Rows): KernelCall[] {
  if (rows * width === 0) return []
  const [x, scale, bias] = node.inputs
  const [y, means, inverses] = node.outputs
  const place = (value: Value | undefined) => (value ? address(value) : 0)
  const { chunk, tiles } = cut(rows, Math.max(1, Math.floor(NORM_CHUNK / width)))
  const epsilon = node.attributes['epsilon'] as number
  const operands = { x: place(x), y: place(y), scale: place(scale), bias: place(bias) }
  const statistics = { means: place(means), inverses: place(inverses) }
  return [normalize_f32({ ...operands, ...statistics, rows, width, period, centred, chunk, epsilon }, tiles)]
}

/** The rows of a normalisation over the axes from `axis` on. */
function rowsOf({ inputs, attributes }: Node): { readonly rows: number; readonly row: readonly number[] } {
  const shape = concrete(inputs[0]!.shape)
  const axis = normalizeAxis(attributes['axis'] as number, shape.length)
  return { rows: sizeOf(shape.slice(0, axis)), row: shape.slice(axis) }
}

/** Whether scale and bias hold an element for each of a row. */
function isWhole(node: Node): boolean {
  const { row } = rowsOf(node)
  return node.inputs.slice(1).every((vector) => !vector || sizeOf(concrete(vector.shape)) === sizeOf(row))
}

const alongRows = (centred: 0 | 1): Lowering => ({
  accelerates: (node) => isFloat32(node) && node.attributes['stash_type'] === 1 && isWhole(node),
  lower(node, context) {
    const { rows, row } = rowsOf(node)
    return normalize(node, context, { rows, width: sizeOf(row), period: 0, centred })
  },
})

/** Normalisations of float32 rows. */
export const normLowerings = {
  LayerNormalization: alongRows(1),
  RMSNormalization: alongRows(0),
  InstanceNormalization: {
    accelerates: isFloat32,
    lower(node, context) {
      const [batch, channels, ...plane] = concrete(node.inputs[0]!.shape)
      return normalize(node, context, { rows: batch * channels, width: sizeOf(plane), period: channels, centred: 1 })
    },
  },
} as const satisfies Record<string, Lowering>
