import type { Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { pool_planes_f32 } from '../gen/rare-plane-pool.js'
import { max_pool_indices_f32 } from '../gen/rare-pool-indices.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'
import { isPool, windowFields } from './pool-window.js'

/** Columns that a row of taps has at most, unless one window takes more: a quarter of a first-level cache. */
const COLUMNS = 2048
/** Columns that the kernel may read behind a row of taps, besides three strides. */
const OVERHANG = 16

function fieldsOf(node: Node) {
  const isLast = node.op.endsWith('Nhwc')
  const planes = ({ shape }: Value): readonly number[] => {
    const spatial = concrete(isLast ? shape.slice(1, -1) : shape.slice(2))
    return [sizeOf(concrete(shape)) / sizeOf(spatial), ...spatial, 1]
  }
  const { fields, tiles } = windowFields(node, planes(node.inputs[0]!), planes(node.outputs[0]))
  const reach = (fields.kW - 1) * fields.dW + 1
  const segment = Math.max(1, Math.floor((COLUMNS - reach) / fields.sW))
  return { fields: { ...fields, segment }, tiles, columns: (segment + 3) * fields.sW + reach + OVERHANG }
}

/** Pools of images channels-first, or of one channel: f32, one to three spatial axes, without indices. */
export const planePoolLowering: Lowering = {
  accelerates: (node) =>
    isPool(node) &&
    (!node.op.endsWith('Nhwc') || node.inputs[0]!.shape.at(-1) === 1) &&
    fieldsOf(node).columns * 4 <= SCRATCH_BYTES,
  lower(node, { address, scratch }) {
    const { fields, tiles } = fieldsOf(node)
    const pointers = { x: address(node.inputs[0]!), y: address(node.outputs[0]), scratch: scratch() }
    const isMax = node.op.includes('Max') ? 1 : 0
    return [pool_planes_f32({ ...pointers, scratchBytes: SCRATCH_BYTES, isMax, ...fields }, tiles)]
  },
}

/** Max-pools of images channels-first with the places of the maxima in row-major order. */
export const poolIndicesLowering: Lowering = {
  accelerates: (node) =>
    node.outputs.length === 2 &&
    isPool({ ...node, outputs: [node.outputs[0]] }) &&
    intAttribute(node.attributes, 'storage_order') !== 1,
  lower(node, { address }) {
    const { fields, tiles } = fieldsOf(node)
    const pointers = { x: address(node.inputs[0]!), y: address(node.outputs[0]), indices: address(node.outputs[1]!) }
    return [max_pool_indices_f32({ ...pointers, ...fields }, tiles)]
  },
}
