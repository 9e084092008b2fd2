import { LanewiseError } from '../../../core/errors.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { broadcastStrides, normalizeAxis, permute, sizeOf, stridesOf } from '../../../core/shape.js'
import { intAttribute, stringAttribute } from '../../../ops/definition.js'
import { permutationOf } from '../../../ops/movement.js'
import { concreteSlices, padsOf } from '../../../ops/ranges.js'
import { mapKernel, type Place, seenAs } from '../kernel.js'
import { coordinates } from '../wgsl/index.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'
import { type CopyAxis, stridedCopy } from './strided.js'

const axesOf = (shape: readonly number[], from: readonly number[], to: readonly number[]): CopyAxis[] =>
  shape.map((size, axis) => ({ size, from: from[axis], to: to[axis] }))

const axisOf = (node: Node, rank: number): number => normalizeAxis(intAttribute(node.attributes, 'axis'), rank)

const isConstant = (input: Value | undefined, constant: ConstantOf): boolean =>
  input === undefined || constant(input) !== undefined

const areConstant = (node: Node, from: number, constant: ConstantOf): boolean =>
  node.inputs.slice(from).every((input) => isConstant(input, constant))

const numbersAt = (node: Node, index: number, constant: ConstantOf): readonly number[] | undefined => {
  const input = node.inputs[index]
  return input && constant(input)?.toNumbers()
}

export const isIndex = ({ dtype }: Value): boolean => dtype === 'int32' || dtype === 'int64'

/** Throws SHAPE_MISMATCH when constant indices leave the axis; others are checked by the kernel. */
export function checkIndices(node: Node, indices: Value, axis: number, constant: ConstantOf): void {
  const bad = constant(indices)
    ?.toNumbers()
    .find((index) => index < -axis || index >= axis)
  if (bad !== undefined)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${node.op} '${node.name}': index ${bad} is out of range for an axis of ${axis}`,
    )
}

/** The bits of what a Gather gives where an index is out of range: NaN, or -1 in integers. */
export const outOfRange = ({ dtype }: Value): string => (dtype === 'float32' ? '0x7fc00000u' : '0xffffffffu')

/** Copies inputs into, or outputs out of, stretches of `axis` of a whole. */
function parts(whole: Value, pieces: readonly Value[], axis: number) {
  const steps = stridesOf(shapeOf(whole))
  let offset = 0
  return pieces.map((piece) => {
    const shape = shapeOf(piece)
    const base = offset * steps[axis]
    offset += shape[axis]
    return { piece, shape, steps, base }
  })
}

const padModes = ['constant', 'edge', 'reflect', 'wrap'] as const

/** WGSL for where position `p: i32`, relative to an axis of `size`, reads. */
const folded: Readonly<Record<(typeof padModes)[number], (p: string, size: number) => string>> = {
  constant: (p) => p,
  edge: (p, size) => `clamp(${p}, 0, ${size - 1})`,
  reflect: (p, size) =>
    size === 1
      ? '0'
      : `${size - 1} - abs(((${p}) % ${2 * size - 2} + ${2 * size - 2}) % ${2 * size - 2} - ${size - 1})`,
  wrap: (p, size) => `((${p}) % ${size} + ${size}) % ${size}`,
}

/** What pads leave of each axis of a Pad: from which element on how many, and how many come before them. */
function keptOf(node: Node, constant: ConstantOf): { first: number; size: number; margin: number }[] {
  const shape = shapeOf(node.inputs[0]!)
  const { begin, end } = padsOf(shape.length, numbersAt(node, 1, constant)!, numbersAt(node, 3, constant))
  return shape.map((size, axis) => ({
    first: Math.max(0, -begin[axis]),
    size: size + Math.min(0, begin[axis]) + Math.min(0, end[axis]),
    margin: Math.max(0, begin[axis]),
  }))
}

const pad: Lowering = {
  accelerates: (node, constant) =>
    isConstant(node.inputs[1], constant) &&
    isConstant(node.inputs[3], constant) &&
    padModes.some((mode) => mode === stringAttribute(node.attributes, 'mode')) &&
    (stringAttribute(node.attributes, 'mode') === 'constant' || keptOf(node, constant).every(({ size }) => size > 0)),
  lower(node, { place, constant }) {
    const [x, , value] = node.inputs
    const [y] = node.outputs
    const [shape, target] = [shapeOf(x!), shapeOf(y)]
    const mode = stringAttribute(node.attributes, 'mode') as (typeof padModes)[number]
    const kept = keptOf(node, constant)
    const steps = stridesOf(shape)
    const names = shape.map((_, axis) => `c${axis}`)
    const fill: Readonly<Record<string, Place>> =
      mode === 'constant' && value ? { value: seenAs(place(value), 'u32') } : {}
    return mapKernel({
      name: `pad_${mode}`,
      count: sizeOf(target),
      reads: { x: seenAs(place(x!), 'u32'), ...fill },
      writes: { y: seenAs(place(y), 'u32') },
      body(bound: Readonly<Record<string, string>>) {
        const places = kept.map(
          ({ first, size, margin }, axis) =>
            `let p${axis} = ${first} + ${folded[mode](`i32(c${axis}) - ${margin}`, size)};`,
        )
        const inside = shape.map((size, axis) => `p${axis} >= 0 && p${axis} < ${size}`).join(' && ') || 'true'
        const index = shape.map((_, axis) => `p${axis} * ${steps[axis]}`).join(' + ') || '0'
        return `  ${coordinates('i', names, target)} ${places.join(' ')}
  var bits = ${bound['value'] ? `${bound['value']}[0]` : '0u'};
  if (${inside}) { bits = ${bound['x']}[${index}]; }
  ${bound['y']}[i] = bits;`
      },
    })
  },
}

/** Ops that move elements of any type. */
export const movementLowerings = {
  Transpose: {
    lower(node, { place }) {
      const [x, y] = [node.inputs[0]!, node.outputs[0]]
      const shape = shapeOf(y)
      const source = permute(stridesOf(shapeOf(x)), permutationOf(node, shape.length))
      return stridedCopy(place(x), place(y), axesOf(shape, source, stridesOf(shape)), { name: 'transpose' })
    },
  },
  Concat: {
    lower(node, { place }) {
      const [y] = node.outputs
      const inputs = node.inputs.map((input) => input!)
      return parts(y, inputs, axisOf(node, y.shape.length)).flatMap(({ piece, shape, steps, base }) =>
        stridedCopy(place(piece), place(y), axesOf(shape, stridesOf(shape), steps), { toBase: base, name: 'concat' }),
      )
    },
  },
  Split: {
    lower(node, { place }) {
      const x = node.inputs[0]!
      return parts(x, node.outputs, axisOf(node, x.shape.length)).flatMap(({ piece, shape, steps, base }) =>
        stridedCopy(place(x), place(piece), axesOf(shape, steps, stridesOf(shape)), { fromBase: base, name: 'split' }),
      )
    },
  },
  Slice: {
    accelerates: (node, constant) => areConstant(node, 1, constant),
    lower(node, { place, constant }) {
      const [x, y] = [node.inputs[0]!, node.outputs[0]]
      const steps = stridesOf(shapeOf(x))
      const [starts, ends, axes, strides] = [1, 2, 3, 4].map((index) => numbersAt(node, index, constant))
      const slices = concreteSlices(shapeOf(x), starts!, ends!, axes, strides)
      const shape = shapeOf(y)
      const source = steps.map((step, axis) => step * slices[axis].step)
      const fromBase = slices.reduce((sum, { start }, axis) => sum + start * steps[axis], 0)
      return stridedCopy(place(x), place(y), axesOf(shape, source, stridesOf(shape)), { fromBase, name: 'slice' })
    },
  },
  Expand: {
    lower({ inputs: [x], outputs: [y] }, { place }) {
      const shape = shapeOf(y)
      const source = broadcastStrides(shapeOf(x!), shape)
      return stridedCopy(place(x!), place(y), axesOf(shape, source, stridesOf(shape)), { name: 'expand' })
    },
  },
  Tile: {
    lower({ inputs: [x], outputs: [y] }, { place }) {
      const shape = shapeOf(x!)
      const [from, to] = [stridesOf(shape), stridesOf(shapeOf(y))]
      const axes = shapeOf(y).flatMap((size, axis) => [
        { size: size === 0 ? 0 : size / shape[axis], from: 0, to: to[axis] * shape[axis] },
        { size: shape[axis], from: from[axis], to: to[axis] },
      ])
      return stridedCopy(place(x!), place(y), axes, { name: 'tile' })
    },
  },
  Pad: pad,

  /** Constant indices out of range are refused; others give rows of NaN (integers: -1). */
  Gather: {
    accelerates: ({ inputs }) => isIndex(inputs[1]!),
    lower(node, { place, constant }) {
      const [x, indices, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      const shape = shapeOf(x)
      const axis = axisOf(node, shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const inner = sizeOf(shape.slice(axis + 1))
      const count = elementsOf(indices)
      return mapKernel({
        name: 'gather',
        count: elementsOf(y),
        reads: { x: seenAs(place(x), 'u32'), indices: place(indices) },
        writes: { y: seenAs(place(y), 'u32') },
        body: ({ x, indices, y }) => `  ${coordinates('i', ['outer', 'k', 'c'], [0, count, inner])}
  let at = ${indices}[k];
  let row = select(at, at + ${shape[axis]}, at < 0);
  var bits = ${outOfRange(node.outputs[0])};
  if (row >= 0 && row < ${shape[axis]}) { bits = ${x}[(outer * ${shape[axis]}u + u32(row)) * ${inner}u + c]; }
  ${y}[i] = bits;`,
      })
    },
  },

  /** Adds in the order of the indices: each thread of dx looks for its own. Indices out of range are passed over. */
  'lanewise.GatherGradient': {
    accelerates: ({ inputs }) => inputs[0]!.dtype === 'float32' && isIndex(inputs[1]!),
    lower(node, { place, constant }) {
      const [dy, indices, dx] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      const shape = shapeOf(dx)
      const axis = axisOf(node, shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const inner = sizeOf(shape.slice(axis + 1))
      const count = elementsOf(indices)
      return mapKernel({
        name: 'gather_gradient',
        count: elementsOf(dx),
        reads: { dy: place(dy), indices: place(indices) },
        writes: { dx: place(dx) },
        body: ({ dy, indices, dx }) => `  ${coordinates('i', ['outer', 'row', 'c'], [0, shape[axis], inner])}
  var total = 0.0;
  for (var k = 0u; k < ${count}u; k++) {
    let at = ${indices}[k];
    if (select(at, at + ${shape[axis]}, at < 0) == i32(row)) { total += ${dy}[(outer * ${count}u + k) * ${inner}u + c]; }
  }
  ${dx}[i] = total;`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
