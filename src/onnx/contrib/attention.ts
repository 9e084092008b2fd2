import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { numericOf } from './activations.js'
import { alias, number, numbers, support, swapped, type Writer, written } from './rule.js'

/** [batch, length, heads * size] -> [batch, heads, length, size]. */
const splitHeads = (k: GraphBuilder, x: Value, heads: number): Value =>
  k.transpose(k.reshape(x, [0, 0, heads, -1]), [0, 2, 1, 3])

const joinHeads = (k: GraphBuilder, x: Value): Value => k.reshape(k.transpose(x, [0, 2, 1, 3]), [0, 0, -1])

/** The size of an axis as an int64 scalar. */
const sizeOfAxis = (k: GraphBuilder, x: Value, axis: number): Value =>
  k.op('Squeeze', [k.op('Shape', [x], { start: axis, end: axis + 1 })])

/** 0 … size - 1, int64. */
const range = (k: GraphBuilder, size: Value): Value => k.op('Range', [k.scalar(0, 'int64'), size, k.scalar(1, 'int64')])

const unsqueeze = (k: GraphBuilder, x: Value, axes: readonly number[]): Value => k.op('Unsqueeze', [x, k.ints(axes)])

const lowest = (x: Value): number =>
  x.dtype === 'float16' ? -65504 : x.dtype === 'bfloat16' ? -3.3895313892515355e38 : -3.4028234663852886e38

/** 0 where `allowed`, `low` elsewhere, to be added to scores. */
const penalty = (k: GraphBuilder, allowed: Value, scores: Value, low: number): Value => {
  const dtype = numericOf(scores)
  return k.op('Where', [allowed, k.scalar(0, dtype), k.scalar(Math.max(low, lowest(scores)), dtype)])
}

/** Whether query i of the last S of T positions may see key j: j <= i + T - S, and j > i + T - S - window. */
function causal(k: GraphBuilder, query: Value, key: Value, window: number): Value {
  const [length, total] = [sizeOfAxis(k, query, 2), sizeOfAxis(k, key, 2)]
  const rows = unsqueeze(k, k.add(range(k, length), k.sub(total, length)), [1])
  const columns = unsqueeze(k, range(k, total), [0])
  const seen = k.lessOrEqual(columns, rows)
  return window > 0 ? k.and(seen, k.greater(columns, k.sub(rows, window))) : seen
}

/** A mask of 1 and 0 over keys, [batch, total] or [batch, length, total], or the number of valid keys [batch]. [batch, 1] masks nothing. */
function keyMask(k: GraphBuilder, mask: Value, key: Value): Value {
  if (mask.shape.length === 1) {
    const columns = unsqueeze(k, range(k, sizeOfAxis(k, key, 2)), [0, 1, 2])
    return k.less(columns, unsqueeze(k, k.cast(mask, 'int64'), [1, 2, 3]))
  }
  support(mask.shape.length < 4, 'a mask of 4 dimensions')
  if (mask.shape.length === 3) return k.not(k.equal(unsqueeze(k, mask, [1]), 0))
  const seen = k.not(k.equal(unsqueeze(k, mask, [1, 2]), 0))
  const dummy = k.equal(sizeOfAxis(k, mask, 1), 1)
  return k.op('Or', [seen, dummy])
}

interface Heads {
  readonly query: Value
  readonly key: Value
  readonly value: Value
}

interface Options {
  readonly scale: number
  readonly masks: readonly ((scores: Value) => Value)[]
  readonly softcap?: number
  /** The logit of a key of each head that takes its share of the softmax and gives nothing, [heads] or a scalar. */
  readonly sink?: Value | undefined
}

/** Scaled dot-product attention of heads [batch, heads, length, size] -> [batch, length, heads * size]. */
function attend(k: GraphBuilder, { query, key, value }: Heads, { scale, masks, softcap = 0, sink }: Options): Value {
  let scores = k.mul(k.matMul(query, swapped(k, key)), scale)
  if (softcap > 0) scores = k.mul(k.tanh(k.div(scores, softcap)), softcap)
  for (const mask of masks) scores = k.add(scores, mask(scores))
  return joinHeads(k, k.matMul(sink ? softmaxBesideSink(k, scores, sink) : k.softmax(scores), value))
}

/** The softmax of scores [batch, heads, length, total] and one further column, which is left out of the result. */
function softmaxBesideSink(k: GraphBuilder, scores: Value, sink: Value): Value {
  const column = k.add(k.mul(k.max(scores, [3], true), 0), k.reshape(k.cast(sink, numericOf(scores)), [-1, 1, 1]))
  const shares = k.softmax(k.concat([scores, column], 3))
  return k.op('Slice', [shares, k.ints([0]), k.ints([-1]), k.ints([3])])
}

/** 1 / sqrt(size of a head), unless given. */
function scaleOf(draft: Draft, head: Value): number {
  const given = number(draft, 'scale', 0)
  if (given !== 0) return given
  const size = head.shape[3]
  support(typeof size === 'number', 'attention with heads of unknown size')
  return 1 / Math.sqrt(size)
}

const split = (k: GraphBuilder, x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
  k.emit('Split', [x, k.ints(sizes)], { axis }, sizes.length)

/** Past [2, batch, heads, length, size], if there is one, before keys and values; and the present, made the same way. */
function withPast(k: GraphBuilder, heads: Heads, past: Value | undefined): { heads: Heads; present: Value } {
  const at = (index: number, x: Value) => (past ? k.concat([k.gather(past, k.scalar(index, 'int64')), x], 2) : x)
  const [key, value] = [at(0, heads.key), at(1, heads.value)]
  const present = k.concat([unsqueeze(k, key, [0]), unsqueeze(k, value, [0])], 0)
  return { heads: { ...heads, key, value }, present }
}

/** What self-attention takes behind its projection. */
interface SelfAttention {
  readonly sizes: readonly number[]
  readonly mask: Value | undefined
  readonly past: Value | undefined
  readonly scoreBias?: Value | undefined
}

/** Self-attention of queries, keys and values beside each other, [batch, length, …sizes] -> y, present. */
function selfAttention(
  k: GraphBuilder,
  draft: Draft,
  projected: Value,
  { sizes, mask, past, scoreBias }: SelfAttention,
): readonly (Value | undefined)[] {
  const count = number(draft, 'num_heads', 0)
  const parts = split(k, projected, sizes, 2)
  const [query, key, value] = parts.map((part) => splitHeads(k, part, count))
  const { heads, present } = withPast(k, { query, key, value }, past)
  const filter = number(draft, 'mask_filter_value', -10000)
  const masks = [
    ...(mask ? [(scores: Value) => penalty(k, keyMask(k, mask, heads.key), scores, filter)] : []),
    ...(number(draft, 'unidirectional', 0)
      ? [(scores: Value) => penalty(k, causal(k, query, heads.key, 0), scores, lowest(scores))]
      : []),
    ...(scoreBias ? [() => scoreBias] : []),
  ]
  const y = attend(k, heads, { scale: scaleOf(draft, query), masks })
  return [y, draft.outputs > 1 ? present : undefined]
}

/** The columns of the weights [hidden, columns] of a self-attention. */
function columnsOf(weights: Value): number {
  const columns = weights.shape[1]
  support(typeof columns === 'number', 'Attention with weights of unknown shape')
  return columns
}

/** Self-attention with its projections: input [batch, length, hidden], weights, bias, mask, past, bias of the scores. */
const attention: Writer = (k, draft) => {
  const [input, weights] = [inputOf(draft, 0), inputOf(draft, 1)]
  const [, , bias, mask, past, scoreBias] = draft.inputs
  support(number(draft, 'do_rotary', 0) === 0 && !draft.inputs[6], 'Attention with rotary positions or a shared buffer')
  const third = columnsOf(weights) / 3
  const sizes = numbers(draft, 'qkv_hidden_sizes') ?? [third, third, third]
  const projected = k.matMul(input, weights)
  return selfAttention(k, draft, bias ? k.add(projected, bias) : projected, { sizes, mask, past, scoreBias })
}

/** Self-attention of quantized input and weights: input, weights, bias, their scales, mask, their zero points, past. */
const quantizedAttention: Writer = (k, draft) => {
  const [input, weights, bias, inputScale, weightScale] = [0, 1, 2, 3, 4].map((index) => inputOf(draft, index))
  const [mask, inputZero, weightZero, past] = draft.inputs.slice(5)
  support(number(draft, 'do_rotary', 0) === 0, 'QAttention with rotary positions')
  const third = columnsOf(weights) / 3
  const sums = k.op('MatMulInteger', [input, weights, inputZero, weightZero])
  const projected = k.add(k.mul(k.cast(sums, numericOf(inputScale)), k.mul(inputScale, weightScale)), bias)
  return selfAttention(k, draft, projected, { sizes: [third, third, third], mask, past })
}

/** Queries, keys and values as heads, from any of the layouts that MultiHeadAttention takes. */
function headsOf(k: GraphBuilder, draft: Draft, count: number): Heads {
  const [query, key, value, bias] = [inputOf(draft, 0), ...draft.inputs.slice(1, 4)]
  const packed = (x: Value, parts: number) =>
    split(k, x, new Array<number>(parts).fill(1), 3).map((part) =>
      k.transpose(k.op('Squeeze', [part, k.ints([3])]), [0, 2, 1, 3]),
    )
  if (query.shape.length === 5) {
    support(!bias, 'packed queries with a bias')
    const [q, kk, v] = packed(query, 3)
    return { query: q, key: kk, value: v }
  }
  const [width, valueWidth] = [query.shape[2], value ? value.shape[2] : query.shape[2]]
  let biases: readonly (Value | undefined)[] = []
  if (bias) {
    support(typeof width === 'number' && typeof valueWidth === 'number', 'a bias of unknown parts')
    const rest = value?.shape.length === 3 ? valueWidth : width
    biases = split(k, bias, [width, width, rest], 0)
  }
  const head = (x: Value, index: number) => {
    const part = biases[index]
    return splitHeads(k, part ? k.add(x, part) : x, count)
  }
  if (key?.shape.length === 5) {
    const [kk, v] = packed(key, 2)
    return { query: head(query, 0), key: kk, value: v }
  }
  support(key !== undefined && value !== undefined, 'MultiHeadAttention without keys or values')
  const ready = (x: Value, index: number) => (x.shape.length === 4 ? x : head(x, index))
  return { query: head(query, 0), key: ready(key, 1), value: ready(value, 2) }
}

const appended = (k: GraphBuilder, past: Value | undefined, x: Value): Value => (past ? k.concat([past, x], 2) : x)

const multiHead: Writer = (k, draft) => {
  const [, , , , mask, scoreBias, pastKey, pastValue] = draft.inputs
  support(!draft.inputs[8], 'MultiHeadAttention with a shared buffer')
  const { query, ...rest } = headsOf(k, draft, number(draft, 'num_heads', 0))
  const [key, value] = [appended(k, pastKey, rest.key), appended(k, pastValue, rest.value)]
  const filter = number(draft, 'mask_filter_value', -10000)
  const masks = [
    ...(mask ? [(scores: Value) => penalty(k, keyMask(k, mask, key), scores, filter)] : []),
    ...(number(draft, 'unidirectional', 0)
      ? [(scores: Value) => penalty(k, causal(k, query, key, 0), scores, lowest(scores))]
      : []),
    ...(scoreBias ? [() => scoreBias] : []),
  ]
  const y = attend(k, { query, key, value }, { scale: scaleOf(draft, query), masks })
  return [y, draft.outputs > 1 ? key : undefined, draft.outputs > 2 ? value : undefined]
}

/** Rotates pairs of elements of heads [batch, heads, length, size] by the angles at `positions` [batch or 1, length]. */
function rotate(k: GraphBuilder, x: Value, positions: Value, cos: Value, sin: Value, interleaved: boolean): Value {
  const [size, half] = [x.shape[3], cos.shape[1]]
  support(typeof size === 'number' && typeof half === 'number', 'rotary positions of unknown size')
  const [c, s] = [cos, sin].map((table) => unsqueeze(k, k.gather(table, positions), [1]))
  const [turned, kept] = 2 * half < size ? split(k, x, [2 * half, size - 2 * half], 3) : [x, undefined]
  const pairs = interleaved
    ? split(k, k.reshape(turned, [0, 0, 0, half, 2]), [1, 1], 4).map((part) => k.op('Squeeze', [part, k.ints([4])]))
    : split(k, turned, [half, half], 3)
  const [a, b] = [k.sub(k.mul(pairs[0], c), k.mul(pairs[1], s)), k.add(k.mul(pairs[1], c), k.mul(pairs[0], s))]
  const rotated = interleaved
    ? k.reshape(k.concat([unsqueeze(k, a, [4]), unsqueeze(k, b, [4])], 4), [0, 0, 0, 2 * half])
    : k.concat([a, b], 3)
  return kept ? k.concat([rotated, kept], 3) : rotated
}

/** Input [batch, length, hidden] or heads, positions [1] (the first) or [batch, length], tables of cosines and sines. */
const rotary: Writer = (k, draft) => {
  const [x, positions, cos, sin] = [0, 1, 2, 3].map((index) => inputOf(draft, index))
  const flat = x.shape.length === 3
  const rotated = number(draft, 'rotary_embedding_dim', 0)
  const [half, width] = [cos.shape[1], x.shape[2]]
  support(typeof half === 'number' && (!flat || typeof width === 'number'), 'rotary positions of unknown size')
  const count = number(draft, 'num_heads', 0) || (rotated === 0 ? Number(width) / (2 * half) : 0)
  support(!flat || count > 0, 'a RotaryEmbedding of part of each head without num_heads')
  const heads = flat ? splitHeads(k, x, count) : x
  const places =
    positions.shape.length === 1 ? unsqueeze(k, k.add(positions, range(k, sizeOfAxis(k, heads, 2))), [0]) : positions
  const y = rotate(k, heads, places, cos, sin, number(draft, 'interleaved', 0) !== 0)
  return [flat ? joinHeads(k, y) : y]
}

/** Each head of keys or values, `times` over. */
const repeated = (k: GraphBuilder, x: Value, heads: number, times: number): Value =>
  times === 1 ? x : k.gather(x, k.ints(Array.from({ length: heads * times }, (_, head) => Math.floor(head / times))), 1)

/**
 * `past` [batch, heads, P, size] up to each row's `start` [batch, 1], then `x` [batch, heads, length, size], then zeros:
 * [batch, heads, total, size].
 */
function placed(k: GraphBuilder, past: Value, x: Value, start: Value, total: Value): Value {
  const [length, kept] = [sizeOfAxis(k, x, 2), sizeOfAxis(k, past, 2)]
  const blank = k.mul(k.op('Slice', [x, k.ints([0]), k.ints([1]), k.ints([2])]), 0)
  const all = k.concat([past, x, blank], 2)
  const places = unsqueeze(k, range(k, total), [0])
  const fresh = k.sub(places, start)
  const rest = k.where(k.less(fresh, length), k.add(fresh, kept), k.add(kept, length))
  const sources = k.where(k.less(fresh, 0), places, rest)
  const heads = Number(x.shape[1])
  const blocks = k.mul(range(k, k.mul(sizeOfAxis(k, x, 0), heads)), sizeOfAxis(k, all, 2))
  const flat = k.add(k.reshape(blocks, [-1, heads, 1]), unsqueeze(k, sources, [1]))
  return k.gather(k.reshape(all, [-1, Number(x.shape[3])]), flat)
}

/**
 * Attention whose keys and values have fewer heads; causal, over the past and the present. Each row of the batch has a length of its
 * own: its new keys follow its past ones, whatever the past's tensor holds behind them.
 */
const groupQuery: Writer = (k, draft) => {
  const [packed, key, value, pastKey, pastValue, lengths, total, cos, sin, givenPositions, scoreBias] = draft.inputs
  const [count, shared] = [number(draft, 'num_heads', 0), number(draft, 'kv_num_heads', 0)]
  const sink = draft.inputs[11] ?? (number(draft, 'smooth_softmax', 0) > 0 ? k.scalar(0) : undefined)
  support(draft.outputs < 4, 'GroupQueryAttention that gives its scores out')
  support(lengths !== undefined && total !== undefined, 'GroupQueryAttention without lengths')
  const input = inputOf(draft, 0)
  const width = packed?.shape[2]
  support(typeof width === 'number', 'GroupQueryAttention of unknown width')
  const size = key && value ? width / count : width / (count + 2 * shared)
  const parts = key && value ? [input, key, value] : split(k, input, [count * size, shared * size, shared * size], 2)
  const heads = (x: Value, those: number) => k.transpose(k.reshape(x, [0, 0, those, size]), [0, 2, 1, 3])
  let [query, keys, values] = parts.map((part, index) => heads(part, index === 0 ? count : shared))
  const length = sizeOfAxis(k, query, 2)
  const ends = unsqueeze(k, k.add(k.reshape(k.cast(lengths, 'int64'), [-1]), 1), [1])
  const start = k.maximum(k.sub(ends, length), 0)
  const places = k.add(start, unsqueeze(k, range(k, length), [0]))
  if (number(draft, 'do_rotary', 0)) {
    support(cos !== undefined && sin !== undefined, 'rotary positions without their tables')
    const interleaved = number(draft, 'rotary_interleaved', 0) !== 0
    ;[query, keys] = [query, keys].map((x) => rotate(k, x, givenPositions ?? places, cos, sin, interleaved))
  }
  if (pastKey && pastValue) {
    const whole = k.maximum(sizeOfAxis(k, pastKey, 2), k.op('Squeeze', [k.cast(total, 'int64')]))
    keys = placed(k, pastKey, keys, start, whole)
    values = placed(k, pastValue, values, start, whole)
  }
  const window = Math.max(0, number(draft, 'local_window_size', -1))
  const columns = unsqueeze(k, range(k, sizeOfAxis(k, keys, 2)), [0, 1, 2])
  const rows = unsqueeze(k, places, [1, 3])
  const seen = k.and(k.lessOrEqual(columns, rows), k.less(columns, unsqueeze(k, ends, [2, 3])))
  const near = window > 0 ? k.and(seen, k.greater(columns, k.sub(rows, window))) : seen
  const masks = [(scores: Value) => penalty(k, near, scores, lowest(scores)), ...(scoreBias ? [() => scoreBias] : [])]
  const times = count / shared
  const grouped = { query, key: repeated(k, keys, shared, times), value: repeated(k, values, shared, times) }
  const softcap = number(draft, 'softcap', 0)
  return [attend(k, grouped, { scale: scaleOf(draft, query), masks, softcap, sink }), keys, values]
}

/** Distances between the rows of A [M, K] and of B [N, K]. */
const distances: Writer = (k, draft) => {
  const difference = k.sub(unsqueeze(k, inputOf(draft, 0), [1]), unsqueeze(k, inputOf(draft, 1), [0]))
  const squares = k.sum(k.square(difference), [2])
  const metric = draft.attributes['metric'] ?? 'sqeuclidean'
  support(metric === 'sqeuclidean' || metric === 'euclidean', `the metric '${metric}'`)
  return [metric === 'euclidean' ? k.sqrt(squares) : squares]
}

/** Attention and movement of com.microsoft. */
export const attentionWriters: AdapterTable = {
  'com.microsoft.Attention': written(attention),
  'com.microsoft.MultiHeadAttention': written(multiHead),
  'com.microsoft.QAttention': written(quantizedAttention),
  'com.microsoft.GroupQueryAttention': written(groupQuery),
  'com.microsoft.RotaryEmbedding': written(rotary),
  'com.microsoft.CDist': written(distances),
  'com.microsoft.Trilu': alias('Trilu'),
  'com.microsoft.Unique': alias('Unique'),
  'com.microsoft.GridSample': alias('GridSample'),
  'com.microsoft.GatherND': alias('GatherND'),
  'com.microsoft.Range': alias('Range'),
  'com.microsoft.Pad': written((k, draft) => [
    k.op('Pad', [inputOf(draft, 0), k.reshape(inputOf(draft, 1), [-1]), draft.inputs[2]], {
      mode: draft.attributes['mode'] ?? 'constant',
    }),
  ]),
  'com.microsoft.ExpandDims': written((k, draft) => [
    k.op('Unsqueeze', [inputOf(draft, 0), k.reshape(k.cast(inputOf(draft, 1), 'int64'), [1])]),
  ]),
}
