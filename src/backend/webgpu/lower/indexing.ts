import { LanewiseError } from '../../../core/errors.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { normalizeAxis, sizeOf, stridesOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { elementTypeOf } from '../elements.js'
import { mapKernel, seenAs } from '../kernel.js'
import { coordinates, offsetExpression } from '../wgsl/index.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'
import { checkIndices, isIndex, outOfRange } from './movement.js'
import { copyElements } from './strided.js'

/** WGSL that joins what was at a place with an update. */
const reductions: Readonly<Record<string, (old: string, update: string) => string>> = {
  none: (_, update) => update,
  add: (old, update) => `${old} + ${update}`,
  mul: (old, update) => `${old} * ${update}`,
  max: (old, update) => `max(${old}, ${update})`,
  min: (old, update) => `min(${old}, ${update})`,
}

const reductionOf = ({ attributes }: Node): string => attributes['reduction'] as string

const takesIndices = ({ inputs }: Node): boolean => isIndex(inputs[1]!)

/** Scatters overwrite elements of any type, and combine those that lie as they compute. */
const takesUpdates = (node: Node): boolean =>
  takesIndices(node) &&
  (reductionOf(node) === 'none' || ['float32', 'int32', 'int64', 'uint32'].includes(node.inputs[0]!.dtype))

/** Refuses constant rows of indices that are out of range. Throws SHAPE_MISMATCH. */
function checkRows(node: Node, dims: readonly number[], constant: ConstantOf): void {
  const bad = constant(node.inputs[1]!)
    ?.toNumbers()
    .find((at, i) => at < -dims[i % dims.length] || at >= dims[i % dims.length])
  if (bad !== undefined)
    throw new LanewiseError('SHAPE_MISMATCH', `${node.op} '${node.name}': index ${bad} is out of range for ${dims}`)
}

/** What rows of indices name in a tensor: leading sizes after the batch, their strides, and how long a run is. */
function rowsOf(x: Value, indices: Value, batchDims: number) {
  const [shape, picks] = [shapeOf(x), shapeOf(indices)]
  const depth = picks[picks.length - 1]
  return {
    sizes: shape.slice(batchDims, batchDims + depth),
    strides: stridesOf(shape).slice(batchDims, batchDims + depth),
    depth,
    rows: sizeOf(picks.slice(0, -1)),
    perBatch: sizeOf(picks.slice(batchDims, -1)),
    batch: sizeOf(shape.slice(batchDims)),
    run: sizeOf(shape.slice(batchDims + depth)),
  }
}

/** Declares `offset` of what row `row` names, counted from its batch, and `inside`. */
const rowOffset = (indices: string, { sizes, strides, depth }: ReturnType<typeof rowsOf>): string =>
  `var offset = 0u; var inside = true;
${sizes
  .map(
    (size, at) =>
      `  { let given = ${indices}[row * ${depth}u + ${at}u]; let place = select(given, given + ${size}, given < 0); inside = inside && place >= 0 && place < ${size}; offset += u32(place) * ${strides[at]}u; }`,
  )
  .join('\n')}`

/**
 * Gathers and scatters by element and by row. Constant indices out of range are refused; others read NaN (integers: -1), and
 * write nothing. Scatters go in the order of the indices.
 */
export const indexingLowerings = {
  GatherElements: {
    accelerates: takesIndices,
    lower(node, { place, constant }) {
      const [x, indices, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      const [shape, picks] = [shapeOf(x), shapeOf(indices)]
      const axis = normalizeAxis(intAttribute(node.attributes, 'axis'), shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const strides = stridesOf(shape)
      const others = strides.map((stride, at) => (at === axis ? 0 : stride))
      return mapKernel({
        name: 'gather_elements',
        count: elementsOf(y),
        reads: { x: seenAs(place(x), 'u32'), indices: place(indices) },
        writes: { y: seenAs(place(y), 'u32') },
        body: ({ x, indices, y }) => `  let given = ${indices}[i];
  let at = select(given, given + ${shape[axis]}, given < 0);
  var bits = ${outOfRange(node.outputs[0])};
  if (at >= 0 && at < ${shape[axis]}) { bits = ${x}[${offsetExpression('i', picks, others)} + u32(at) * ${strides[axis]}u]; }
  ${y}[i] = bits;`,
      })
    },
  },

  ScatterElements: {
    accelerates: takesUpdates,
    lower(node, { place, constant }) {
      const [x, indices, updates] = node.inputs.map((input) => input!)
      const [y] = node.outputs
      const [shape, picks] = [shapeOf(x), shapeOf(indices)]
      const axis = normalizeAxis(intAttribute(node.attributes, 'axis'), shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const lines = picks.map((size, at) => (at === axis ? 1 : size))
      const [from, to] = [stridesOf(picks), stridesOf(shape)]
      return [
        ...copyElements(place(x), place(y)),
        ...mapKernel({
          name: `scatter_elements_${reductionOf(node)}`,
          count: elementsOf(indices) === 0 ? 0 : sizeOf(lines),
          reads: { indices: place(indices), updates: place(updates) },
          writes: { y: place(y) },
          body: (names) => `  let first = ${offsetExpression('i', lines, from)};
  let line = ${offsetExpression('i', lines, to)};
  for (var k = 0u; k < ${picks[axis] ?? 1}u; k++) {
    let source = first + k * ${from[axis] ?? 1}u;
    let given = ${names.indices}[source];
    let place = select(given, given + ${shape[axis] ?? 1}, given < 0);
    if (place >= 0 && place < ${shape[axis] ?? 1}) {
      let at = line + u32(place) * ${to[axis] ?? 1}u;
      ${names.y}[at] = ${reductions[reductionOf(node)](`${names.y}[at]`, `${names.updates}[source]`)};
    }
  }`,
        }),
      ]
    },
  },

  GatherND: {
    accelerates: takesIndices,
    lower(node, { place, constant }) {
      const [x, indices, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      const table = rowsOf(x, indices, intAttribute(node.attributes, 'batch_dims'))
      checkRows(node, table.sizes, constant)
      return mapKernel({
        name: 'gather_nd',
        count: table.rows * table.run,
        reads: { x: seenAs(place(x), 'u32'), indices: place(indices) },
        writes: { y: seenAs(place(y), 'u32') },
        body: ({ x, indices, y }) => `  ${coordinates('i', ['row', 'c'], [0, table.run])}
  ${rowOffset(indices, table)}
  var bits = ${outOfRange(node.outputs[0])};
  if (inside) { bits = ${x}[row / ${table.perBatch}u * ${table.batch}u + offset + c]; }
  ${y}[i] = bits;`,
      })
    },
  },

  ScatterND: {
    accelerates: takesUpdates,
    lower(node, { place, constant }) {
      const [x, indices, updates] = node.inputs.map((input) => input!)
      const [y] = node.outputs
      const table = rowsOf(x, indices, 0)
      checkRows(node, table.sizes, constant)
      return [
        ...copyElements(place(x), place(y)),
        ...mapKernel({
          name: `scatter_nd_${reductionOf(node)}`,
          count: table.rows === 0 ? 0 : table.run,
          reads: { indices: place(indices), updates: place(updates) },
          writes: { y: place(y) },
          body: (names) => `  for (var row = 0u; row < ${table.rows}u; row++) {
  ${rowOffset(names.indices, table)}
    if (inside) {
      let at = offset + i;
      ${names.y}[at] = ${reductions[reductionOf(node)](`${names.y}[at]`, `${names.updates}[row * ${table.run}u + i]`)};
    }
  }`,
        }),
      ]
    },
  },

  OneHot: {
    accelerates: takesIndicesFirst,
    lower({ inputs: [indices, , values], outputs: [y], attributes }, { place }) {
      const shape = shapeOf(y)
      const axis = normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
      const [depth, inner] = [shape[axis], sizeOf(shape.slice(axis + 1))]
      return mapKernel({
        name: 'one_hot',
        count: sizeOf(shape),
        reads: { indices: place(indices!), values: seenAs(place(values!), 'u32') },
        writes: { y: seenAs(place(y), 'u32') },
        body: ({ indices, values, y }) => `  ${coordinates('i', ['outer', 'at', 'c'], [0, depth, inner])}
  let given = ${indices}[outer * ${inner}u + c];
  ${y}[i] = ${values}[select(0u, 1u, select(given, given + ${depth}, given < 0) == i32(at))];`,
      })
    },
  },
} as const satisfies Record<string, Lowering>

function takesIndicesFirst({ inputs }: Node): boolean {
  return isIndex(inputs[0]!) && elementTypeOf(inputs[2]!.dtype) !== undefined
}
