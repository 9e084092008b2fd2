import type { Node } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { average_pool_f32, global_average_pool_f32, global_max_pool_f32, max_pool_f32 } from '../gen/pool.js'
import { firstOf, type Lowering } from './lowering.js'
import { planePoolLowering, poolIndicesLowering } from './plane-pool.js'
import { isPool, windowFields } from './pool-window.js'
import { CHUNK, cut } from './tiles.js'

const poolLowering = (kernel: typeof max_pool_f32 | typeof average_pool_f32): Lowering => ({
  accelerates: isPool,
  lower(node, { address }) {
    const x = node.inputs[0]!
    const y = node.outputs[0]
    const { fields, tiles } = windowFields(node, concrete(x.shape), concrete(y.shape))
    return [kernel({ x: address(x), y: address(y), dy: 0, dx: 0, ...fields }, tiles)]
  },
})

/** Maxima along rows, then along columns, where that takes fewer looks than whole windows; undefined where it does not. */
function maximaByAxis(node: Node) {
  const shape = concrete(node.inputs[0]!.shape)
  const { fields } = windowFields(node, shape, concrete(node.outputs[0].shape))
  const { kH, kW, kD, inD, inH, inW, outW, outH, c, sH } = fields
  if (inD > 1 || kD > 1 || kW * sH + kH + 4 >= kW * kH) return undefined
  const along = (rows: number, changed: Partial<typeof fields>) => {
    const { chunk, tiles } = cut(rows, Math.max(1, Math.floor(CHUNK / (inW * c))))
    return { fields: { ...fields, ...changed, rows, chunk }, tiles }
  }
  const across = along(shape[0] * inH, { kH: 1, sH: 1, dH: 1, pH: 0, outH: inH, paddedH: inH })
  const down = along(shape[0] * outH, { kW: 1, sW: 1, dW: 1, pW: 0, inW: outW, paddedW: outW })
  return { across, down, bytes: shape[0] * inH * outW * c * 4 }
}

const maxPool = poolLowering(max_pool_f32)

const maxPoolLowering: Lowering = {
  ...maxPool,
  workspace: (node) => maximaByAxis(node)?.bytes ?? 0,
  lower(node, context) {
    const parts = maximaByAxis(node)
    if (!parts) return maxPool.lower(node, context)
    const { across, down } = parts
    const [x, y] = [node.inputs[0]!, node.outputs[0]].map(context.address)
    const between = context.workspace
    return [
      max_pool_f32({ x, y: between, dy: 0, dx: 0, ...across.fields }, across.tiles),
      max_pool_f32({ x: between, y, dy: 0, dx: 0, ...down.fields }, down.tiles),
    ]
  },
}

const globalLowering = (kernel: typeof global_max_pool_f32 | typeof global_average_pool_f32): Lowering => ({
  accelerates: (node) => node.inputs[0]!.dtype === 'float32' && sizeOf(concrete(node.inputs[0]!.shape)) > 0,
  lower(node, { address }) {
    const x = node.inputs[0]!
    const y = node.outputs[0]
    const shape = concrete(x.shape)
    const planes = shape[0] * shape[1]
    const size = sizeOf(shape.slice(2))
    const { chunk, tiles } = cut(planes, Math.max(1, Math.floor(CHUNK / size)))
    return [kernel({ x: address(x), y: address(y), planes, size, chunk }, tiles)]
  },
})

export const poolLowerings = {
  MaxPool: firstOf(planePoolLowering, poolIndicesLowering),
  AveragePool: planePoolLowering,
  'lanewise.MaxPoolNhwc': firstOf(planePoolLowering, maxPoolLowering),
  'lanewise.AveragePoolNhwc': firstOf(planePoolLowering, poolLowering(average_pool_f32)),
  GlobalMaxPool: globalLowering(global_max_pool_f32),
  GlobalAveragePool: globalLowering(global_average_pool_f32),
} as const satisfies Record<string, Lowering>
