import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { pick, positions, slice, split, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { indexing } from '../../ops/indexing.js'
import { ranking } from '../../ops/ranking.js'
import { selection } from '../../ops/selection.js'
import { invalid } from '../config.js'
import { axesOf, listed, type Operation, type Options, tensor, unary } from './operation.js'

const rankOf = (x: Value): number => x.shape.length
/** A list, or the one item for it. */
export const listOf = <T>(value: unknown): readonly T[] => (Array.isArray(value) ? value : [value]) as readonly T[]

/** x and the axis of it that an option names; without one, x as a list. */
function onAxis(emit: Emitter, x: Value, axis: unknown): readonly [x: Value, axis: number] {
  if (axis === null || axis === undefined) return [emit.reshape(x, [-1]), 0]
  return [x, normalizeAxis(Number(axis), rankOf(x))]
}

function sizeOn(x: Value, axis: number): number {
  const size = x.shape[axis]
  if (typeof size !== 'number')
    throw invalid(`this operation needs the size of axis ${axis}, which is known only when the model runs`)
  return size
}

/** x with its elements along axes moved by `shift`, what leaves at one end coming in at the other. */
function rolled(x: Value, emit: Emitter, { shift, axis }: Options): Value {
  const [shifts, axes] = [listOf<number>(shift), listOf<number>(axis)]
  if (axes.some((axis) => axis === null)) throw invalid('roll needs an axis here')
  return axes.reduce((y, axis, i) => {
    const at = normalizeAxis(axis, rankOf(y))
    const size = sizeOn(y, at)
    const by = (((shifts[i] ?? shifts[0]) % size) + size) % size
    return by === 0 ? y : emit.concat([slice(emit, y, at, size - by, size), slice(emit, y, at, 0, size - by)], at)
  }, x)
}

const flipped = (x: Value, emit: Emitter, options: Options): Value =>
  (axesOf(options) ?? x.shape.map((_, axis) => axis)).reduce((y, axis) => {
    const lists = [[-1], [-Number.MAX_SAFE_INTEGER], [axis], [-1]]
    return emit.op('Slice', [y, ...lists.map((list) => emit.ints(list))])
  }, x)

function tiled(x: Value, emit: Emitter, { repeats }: Options): Value {
  const times = [...listOf<number>(repeats)]
  while (times.length < rankOf(x)) times.unshift(1)
  const y =
    times.length > rankOf(x) ? unsqueeze(emit, x, ...Array.from({ length: times.length - rankOf(x) }, (_, i) => i)) : x
  return emit.op('Tile', [y, emit.ints(times)])
}

function repeated(x: Value, emit: Emitter, { repeats, axis }: Options): Value {
  const [y, at] = onAxis(emit, x, axis)
  const times = listOf<number>(repeats)
  const places = Array.from({ length: sizeOn(y, at) }, (_, i) => i).flatMap((i) =>
    Array.from({ length: times[i] ?? times[0] }, () => i),
  )
  return emit.gather(y, emit.constant(new Tensor('int32', places, [places.length])), at)
}

function moved(x: Value, emit: Emitter, { source, destination }: Options): Value {
  const places = (axes: unknown) => listOf<number>(axes).map((axis) => normalizeAxis(axis, rankOf(x)))
  const [from, to] = [places(source), places(destination)]
  const others = x.shape.flatMap((_, axis) => (from.includes(axis) ? [] : [axis]))
  return emit.transpose(
    x,
    x.shape.map((_, axis) => (to.includes(axis) ? from[to.indexOf(axis)] : others.shift()!)),
  )
}

/** Parts of equal sizes, or cut at places. */
function parts(x: Value, emit: Emitter, { indicesOrSections, axis }: Options): readonly Value[] {
  const at = normalizeAxis(Number(axis ?? 0), rankOf(x))
  const size = sizeOn(x, at)
  const cuts = Array.isArray(indicesOrSections)
    ? (indicesOrSections as number[])
    : Array.from({ length: Number(indicesOrSections) - 1 }, (_, i) => ((i + 1) * size) / Number(indicesOrSections))
  const ends = [...cuts, size]
  return split(
    emit,
    x,
    at,
    ends.map((end, i) => end - (ends[i - 1] ?? 0)),
  )
}

const padModes: Readonly<Record<string, string | undefined>> = {
  constant: 'constant',
  reflect: 'reflect',
  edge: 'edge',
}

const padded: Operation = {
  takes: ['x', 'constant_values'],
  write(emit, [operand, value], { padWidth, mode }) {
    const x = tensor(emit, operand)
    const kind = padModes[String(mode ?? 'constant')]
    if (!kind) throw invalid(`pad has the modes ${Object.keys(padModes).join(', ')} here, not '${mode}'`)
    const given = listOf<unknown>(padWidth)
    const pairs = (Array.isArray(given[0]) ? given : [given]).map((pair) => listOf<number>(pair))
    const widths = x.shape.map((_, axis) => pairs[axis] ?? pairs[0])
    const pads = [...widths.map(([before]) => before), ...widths.map(([before, after = before]) => after)]
    const fill = kind === 'constant' ? [emit.cast(tensor(emit, value ?? 0), x.dtype as NumericDType)] : []
    return emit.op('Pad', [x, emit.ints(pads), ...fill], { mode: kind })
  },
}

const sorted = (output: 0 | 1): Operation => ({
  ...unary((x, emit, { axis }) => {
    const [y, at] = onAxis(emit, x, axis)
    const both = emit.emit('TopK', [y, emit.ints([sizeOn(y, at)])], { axis: at, largest: 0 }, 2)
    return output === 0 ? both[0] : emit.cast(both[1], 'int32')
  }),
  needs: ranking,
})

/** The middle of the sorted elements along the axes, or the mean of the two in the middle. */
function median(x: Value, emit: Emitter, options: Options): Value {
  const rank = rankOf(x)
  const axes = (axesOf(options) ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(axis, rank))
  const others = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
  const sizes = (list: readonly number[]) =>
    list.map((axis) => (typeof x.shape[axis] === 'number' ? x.shape[axis] : -1))
  const count = axes.reduce((n, axis) => n * sizeOn(x, axis), 1)
  const rows = emit.reshape(emit.transpose(x, [...others, ...axes]), [...sizes(others), count])
  const [least] = emit.emit('TopK', [rows, emit.ints([Math.floor(count / 2) + 1])], { axis: -1, largest: 0 }, 2)
  const middle = slice(emit, least, others.length, Math.floor((count - 1) / 2), Math.floor(count / 2) + 1)
  const result = emit.mean(emit.cast(middle, 'float32'), [-1])
  return options.keepdims === true ? unsqueeze(emit, result, ...axes) : result
}

const triangle = (upper: 0 | 1): Operation => ({
  ...unary((x, emit, { k }) => emit.op('Trilu', [x, emit.scalar(Number(k ?? 0), 'int64')], { upper })),
  needs: selection,
})

const oneHot = unary((x, emit, { numClasses, axis, dtype }) => {
  const rank = rankOf(x) + 1
  const at = normalizeAxis(Number(axis ?? -1), rank)
  const classes = positions(emit, Number(numClasses), at, rank, 'int32')
  const hits = emit.equal(unsqueeze(emit, emit.cast(x, 'int32'), at), classes)
  return emit.cast(hits, ((dtype as string | null) ?? 'float32') as NumericDType)
})

/** Elements named by integers, which count from the end where negative. */
const taken = (op: 'Gather' | 'GatherElements'): Operation => ({
  takes: ['x', 'indices'],
  ...(op === 'GatherElements' ? { needs: indexing } : {}),
  write(emit, [x, indices], { axis }) {
    const [y, at] = onAxis(emit, tensor(emit, x), axis)
    const places = typeof indices === 'number' ? emit.scalar(indices, 'int32') : emit.cast(indices, 'int32')
    return emit.op(op, [y, places], { axis: at })
  },
})

/** Operations that move, repeat and order elements. */
export const arrayOperations: Readonly<Record<string, Operation>> = {
  BroadcastTo: unary((x, emit, { shape }) => emit.expand(x, shape as number[])),
  Flip: unary(flipped),
  Roll: unary(rolled),
  Tile: unary(tiled),
  Repeat: unary(repeated),
  Moveaxis: unary(moved),
  Ravel: unary((x, emit) => emit.reshape(x, [-1])),
  Hstack: listed('xs', (emit, list) => emit.concat(list, rankOf(list[0]) === 1 ? 0 : 1)),
  Vstack: listed('xs', (emit, list) => emit.concat(list, 0)),
  Split: unary(parts),
  Unstack: {
    ...unary((x, emit, { axis }) => {
      const at = normalizeAxis(Number(axis ?? 0), rankOf(x))
      return Array.from({ length: sizeOn(x, at) }, (_, i) => pick(emit, x, at, i))
    }),
    module: 'core',
  },
  Pad: padded,
  Take: taken('Gather'),
  TakeAlongAxis: taken('GatherElements'),
  OneHot: { ...oneHot, module: 'nn' },
  Cumsum: {
    ...unary((x, emit, { axis }) => {
      const [y, at] = onAxis(emit, x, axis)
      return emit.op('CumSum', [y, emit.scalar(at, 'int64')])
    }),
    needs: ranking,
  },
  Diff: {
    takes: ['a'],
    write(emit, [a], { n, axis }) {
      let y = tensor(emit, a)
      const at = normalizeAxis(Number(axis ?? -1), rankOf(y))
      for (let i = 0; i < Number(n ?? 1); i++) {
        const size = sizeOn(y, at)
        y = emit.sub(slice(emit, y, at, 1, size), slice(emit, y, at, 0, size - 1))
      }
      return y
    },
  },
  Tril: triangle(0),
  Triu: triangle(1),
  Sort: sorted(0),
  Argsort: sorted(1),
  Median: { ...unary(median), needs: ranking },
  TopK: {
    ...unary((x, emit, { k }) => {
      const [largest, places] = emit.emit('TopK', [x, emit.ints([Number(k)])], { axis: -1 }, 2)
      return [largest, emit.cast(places, 'int32')]
    }),
    needs: ranking,
    module: 'math',
  },
}
