import type { Node, Value } from '../../../core/ir.js'
import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import type { KernelCall } from '../gen/kernels.js'
import { softmax_f32 } from '../gen/softmax.js'
import { log_softmax_f32 } from '../gen/training-log-softmax.js'
import type { Lowering } from './lowering.js'
import { cut } from './tiles.js'

/** Elements of a tile: less than of a plain elementwise kernel, as each costs an exponential. */
const SOFTMAX_CHUNK = 4096
/** What a part costs beside its elements, in elements. */
const PART_COST = 54

/** The cut of `outer` parts of `elements` elements each. */
const cutParts = (outer: number, elements: number) =>
  cut(outer, Math.max(1, Math.floor(SOFTMAX_CHUNK / (elements + PART_COST))))

/** `value` as [outer, length, inner] around `axis`, and the cut of `outer` into tiles. */
export function linesOf(value: Value, axis: number) {
  const shape = concrete(value.shape)
  const at = normalizeAxis(axis, shape.length)
  const outer = sizeOf(shape.slice(0, at))
  const length = shape[at] ?? 1
  const inner = sizeOf(shape.slice(at + 1))
  return { outer, length, inner, ...cutParts(outer, length * inner), empty: outer * length * inner === 0 }
}

/** The calls for y = softmax(x) along the rows of [rows, length], which are not empty. */
export function softmaxCalls(x: number, y: number, rows: number, length: number): KernelCall[] {
  const { chunk, tiles } = cutParts(rows, length)
  return [softmax_f32({ x, y, outer: rows, length, inner: 1, chunk }, tiles)]
}

export const isFloat32 = ({ inputs }: Node): boolean => inputs[0]!.dtype === 'float32'

const softmax = (kernel: typeof softmax_f32): Lowering => ({
  accelerates: isFloat32,
  lower({ inputs, outputs, attributes }, { address }) {
    const { outer, length, inner, chunk, tiles, empty } = linesOf(inputs[0]!, attributes['axis'] as number)
    if (empty) return []
    return [kernel({ x: address(inputs[0]!), y: address(outputs[0]), outer, length, inner, chunk }, tiles)]
  },
})

/** Softmax of float32. */
export const softmaxLowerings = {
  Softmax: softmax(softmax_f32),
  LogSoftmax: softmax(log_softmax_f32),
} as const satisfies Record<string, Lowering>
