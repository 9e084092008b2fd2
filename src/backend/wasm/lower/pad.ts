import { arrayOf, bytesPerElement, type NumericDType } from '../../../core/dtype.js'
import type { ConstantOf, Node } from '../../../core/ir.js'
import { concrete, sizeOf, stridesOf } from '../../../core/shape.js'
import { stringAttribute } from '../../../ops/definition.js'
import { type PadMode, padsOf } from '../../../ops/ranges.js'
import type { KernelCall } from '../gen/kernels.js'
import { fill_bytes } from '../gen/movement.js'
import type { LoweringContext } from './lowering.js'
import { stridedCopy } from './strided.js'
import { cut } from './tiles.js'

const FILL_BYTES = 65536

/** Elements added before and after each axis; negative where the Pad crops. */
const constantPads = (node: Node, constant: ConstantOf) =>
  padsOf(
    node.inputs[0]!.shape.length,
    constant(node.inputs[1]!)!.toNumbers(),
    node.inputs[3] && constant(node.inputs[3])!.toNumbers(),
  )

/** The mode of a Pad that the kernels take; undefined where they do not (a reflection longer than the axis). Its pads are constant. */
export function padModeOf(node: Node, constant: ConstantOf): PadMode | undefined {
  const mode = stringAttribute(node.attributes, 'mode') as PadMode
  if (mode === 'constant') return mode
  if (mode !== 'edge' && mode !== 'reflect' && mode !== 'wrap') return undefined
  const { begin: before, end: after } = constantPads(node, constant)
  const fits = concrete(node.inputs[0]!.shape).every((size, axis) => {
    const reach = mode === 'edge' ? Number.POSITIVE_INFINITY : mode === 'wrap' ? size : size - 1
    return size > 0 && [before[axis], after[axis]].every((pad) => pad >= 0 && pad <= reach)
  })
  return fits ? mode : undefined
}

/** The element that a constant Pad adds, as eight bytes. */
function patternOf(node: Node, constant: ConstantOf): Int32Array {
  const dtype = node.inputs[0]!.dtype as NumericDType
  const pattern = new Int32Array(2)
  const given = node.inputs[2] && constant(node.inputs[2])
  if (given) new (arrayOf(dtype))(pattern.buffer).fill(given.data[0] as never)
  return pattern
}

/** The calls of a Pad: the middle, then each axis in turn from what is already there. */
export function padCalls(node: Node, { address, constant }: LoweringContext): readonly KernelCall[] {
  const x = node.inputs[0]!
  const y = node.outputs[0]
  const [shape, target] = [concrete(x.shape), concrete(y.shape)]
  if (sizeOf(target) === 0) return []
  const { begin: before, end: after } = constantPads(node, constant)
  const bytes = bytesPerElement(x.dtype)
  const [from, to] = [stridesOf(shape), stridesOf(target)]
  const mode = padModeOf(node, constant)
  const calls: KernelCall[] = []
  if (mode === 'constant') {
    const size = sizeOf(target) * bytes
    const { chunk, tiles } = cut(size, FILL_BYTES)
    const [low, high] = patternOf(node, constant)
    calls.push(fill_bytes({ y: address(y), bytes: size, chunk, low, high }, tiles))
  }
  const kept = shape.map((size, axis) => Math.max(0, size + Math.min(0, before[axis]) + Math.min(0, after[axis])))
  const margin = before.map((pad) => Math.max(0, pad))
  const skipped = before.reduce((sum, pad, axis) => sum + Math.max(0, -pad) * from[axis], 0)
  const offset = margin.reduce((sum, at, axis) => sum + at * to[axis], 0)
  const middle = kept.map((size, axis) => ({ size, from: from[axis], to: to[axis] }))
  calls.push(...stridedCopy(address(x) + skipped * bytes, address(y) + offset * bytes, bytes, middle))
  if (mode === 'constant') return calls

  /** Fills `count` elements of `axis` from `at` on with those from `source` on, `step` apart; axes before it are whole. */
  const border = (axis: number, at: number, count: number, source: number, step: number) => {
    const corner = margin.reduce((sum, first, i) => sum + (i > axis ? first * to[i] : 0), address(y) / bytes)
    const axes = target.map((size, i) =>
      i === axis
        ? { size: count, from: step * to[i], to: to[i] }
        : { size: i < axis ? size : kept[i], from: to[i], to: to[i] },
    )
    const start = (position: number) => (corner + position * to[axis]) * bytes
    calls.push(...stridedCopy(start(source), start(at), bytes, axes))
  }
  for (let axis = 0; axis < shape.length; axis++) {
    const first = margin[axis]
    const size = kept[axis]
    const last = first + size - 1
    if (mode === 'edge') {
      border(axis, 0, first, first, 0)
      border(axis, last + 1, after[axis], last, 0)
    } else if (mode === 'reflect') {
      border(axis, 0, first, 2 * first, -1)
      border(axis, last + 1, after[axis], last - 1, -1)
    } else {
      border(axis, 0, first, size, 1)
      border(axis, last + 1, after[axis], first, 1)
    }
  }
  return calls
}
