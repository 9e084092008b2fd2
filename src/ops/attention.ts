import { dtypeOfCode, isFloat, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, Graph, Node, TensorType, Value } from '../core/ir.js'
import { concrete, type Dim, formatShape, type Shape } from '../core/shape.js'
import { inputShape, positions, slice, split, unsqueeze } from './compose.js'
import { floatAttribute, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat, sameAsFloatInput } from './infer.js'

const quotient = (dim: Dim, heads: number): Dim => {
  if (typeof dim !== 'number') return `${dim} / ${heads}`
  if (dim % heads !== 0)
    throw new LanewiseError('SHAPE_MISMATCH', `${heads} heads do not divide a hidden size of ${dim}`)
  return dim / heads
}

/** [N, heads, length, size] of an operand [N, heads, length, size] or [N, length, heads * size]. */
function headShape(shape: Shape, heads: number | undefined, what: string): Shape {
  if (shape.length === 4) return shape
  if (shape.length !== 3)
    throw new LanewiseError('SHAPE_MISMATCH', `${what} ${formatShape(shape)} must have 3 or 4 axes`)
  if (!heads)
    throw new LanewiseError('INVALID_MODEL', 'q_num_heads and kv_num_heads are needed with operands of 3 axes')
  return [shape[0], heads, shape[1], quotient(shape[2], heads)]
}

const headsOf = (attributes: Attributes, name: 'q_num_heads' | 'kv_num_heads') => attributes[name] as number | undefined

const plus = (a: Dim, b: Dim): Dim => (typeof a === 'number' && typeof b === 'number' ? a + b : `${a} + ${b}`)

function inferAttention(context: InferenceContext): TensorType[] {
  const { attributes, inputs } = context
  const [q, k, v] = [0, 1, 2].map((index) => requireFloat(required(context, index)))
  const [pastKey, pastValue] = [inputs[4], inputs[5]]
  if (q.shape.length !== k.shape.length || k.shape.length !== v.shape.length)
    throw new LanewiseError('SHAPE_MISMATCH', 'Q, K and V need the same number of axes')
  if (Boolean(pastKey) !== Boolean(pastValue))
    throw new LanewiseError('INVALID_MODEL', 'past_key and past_value come together')
  if (pastKey && inputs[6]) throw new LanewiseError('INVALID_MODEL', 'nonpad_kv_seqlen does not go with past_key')
  const mode = intAttribute(attributes, 'qk_matmul_output_mode')
  if (!(mode >= 0 && mode <= 3))
    throw new LanewiseError('INVALID_MODEL', `qk_matmul_output_mode ${mode} is none of 0 to 3`)
  const query = headShape(q.shape, headsOf(attributes, 'q_num_heads'), 'Q')
  const key = headShape(k.shape, headsOf(attributes, 'kv_num_heads'), 'K')
  const value = headShape(v.shape, headsOf(attributes, 'kv_num_heads'), 'V')
  if (typeof query[1] === 'number' && typeof key[1] === 'number' && query[1] % key[1] !== 0)
    throw new LanewiseError('SHAPE_MISMATCH', `${query[1]} heads of Q are no multiple of the ${key[1]} heads of K`)
  const total = pastKey ? plus(pastKey.shape[2], key[2]) : key[2]
  const [batch, heads, length] = query
  const size = value[3]
  const hidden = typeof heads === 'number' && typeof size === 'number' ? heads * size : `${heads} * ${size}`
  return [
    { dtype: q.dtype, shape: q.shape.length === 3 ? [batch, length, hidden] : [batch, heads, length, size] },
    { dtype: k.dtype, shape: [key[0], key[1], total, key[3]] },
    { dtype: v.dtype, shape: [value[0], value[1], total, value[3]] },
    { dtype: q.dtype, shape: [batch, heads, length, total] },
  ]
}

/** [N, length, heads * size] as [N, heads, length, size]. */
export function splitHeads(emit: Emitter, x: Value, heads: number): Value {
  const [batch, length, hidden] = concrete(x.shape, x.name)
  return emit.transpose(emit.reshape(x, [batch, length, heads, hidden / heads]), [0, 2, 1, 3])
}

/** [N, heads, length, size] as [N, length, heads * size]. */
export function joinHeads(emit: Emitter, x: Value): Value {
  const [batch, heads, length, size] = concrete(x.shape, x.name)
  return emit.reshape(emit.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size])
}

/** Each head of axis 1 `times` times in a row. */
export function repeatHeads(emit: Emitter, x: Value, times: number): Value {
  if (times === 1) return x
  const [batch, heads, ...rest] = concrete(x.shape, x.name)
  return emit.reshape(emit.expand(unsqueeze(emit, x, 2), [batch, heads, times, ...rest]), [
    batch,
    heads * times,
    ...rest,
  ])
}

/** What is added to the scores [N, heads, queries, keys]: 0 where a query may look, -inf where not; undefined where all may. */
function biasOf(emit: Emitter, node: Node, queries: number, keys: number, past: number, dtype: NumericDType) {
  const [mask, lengths] = [node.inputs[3], node.inputs[6]]
  const blocked = (allowed: Value) => emit.where(allowed, emit.scalar(0, dtype), Number.NEGATIVE_INFINITY)
  const terms: Value[] = []
  if (mask) {
    const given = mask.dtype === 'bool' ? blocked(mask) : emit.cast(mask, dtype)
    const missing = keys - Number(mask.shape.at(-1))
    const pads = [
      ...given.shape.map(() => 0),
      ...given.shape.map((_, axis) => (axis === given.shape.length - 1 ? missing : 0)),
    ]
    terms.push(
      missing > 0 && mask.shape.at(-1) !== 1
        ? emit.op('Pad', [given, emit.ints(pads), emit.scalar(Number.NEGATIVE_INFINITY, dtype)])
        : given,
    )
  }
  const key = positions(emit, keys, 3, 4, 'int64')
  const column = lengths ? emit.reshape(emit.cast(lengths, 'int64'), [-1, 1, 1, 1]) : undefined
  const query = positions(emit, queries, 2, 4, 'int64')
  const place = column ? emit.add(query, emit.sub(column, queries)) : emit.add(query, past)
  const [left, right] = ['left_window_size', 'right_window_size'].map((name) => intAttribute(node.attributes, name))
  if (intAttribute(node.attributes, 'is_causal') === 1) terms.push(blocked(emit.lessOrEqual(key, place)))
  if (left >= 0) terms.push(blocked(emit.greaterOrEqual(key, emit.sub(place, left))))
  if (right >= 0) terms.push(blocked(emit.lessOrEqual(key, emit.add(place, right))))
  if (column) terms.push(blocked(emit.less(key, column)))
  return terms.length ? terms.reduce((sum, term) => emit.add(sum, term)) : undefined
}

/** Softmax over the last axis; rows that the bias blocks altogether give zeros. */
function maskedSoftmax(emit: Emitter, scores: Value, bias: Value | undefined): Value {
  if (!bias) return emit.softmax(scores)
  const dead = emit.equal(emit.max(bias, [-1], true), Number.NEGATIVE_INFINITY)
  return emit.where(dead, 0, emit.softmax(emit.where(dead, 0, scores)))
}

function attentionBody(emit: Emitter, node: Node): readonly Value[] {
  const { attributes, inputs, outputs } = node
  const flat = inputs[0]!.shape.length === 3
  const heads = (index: number, name: 'q_num_heads' | 'kv_num_heads') =>
    flat ? splitHeads(emit, inputs[index]!, headsOf(attributes, name)!) : inputs[index]!
  const query = heads(0, 'q_num_heads')
  const [pastKey, pastValue] = [inputs[4], inputs[5]]
  const key = heads(1, 'kv_num_heads')
  const value = heads(2, 'kv_num_heads')
  const presentKey = pastKey ? emit.concat([pastKey, key], 2) : key
  const presentValue = pastValue ? emit.concat([pastValue, value], 2) : value
  const [, queryHeads, queries, size] = concrete(query.shape, 'Q')
  const [, keyHeads, keys] = concrete(presentKey.shape, 'K')
  const repeats = queryHeads / keyHeads
  const scale = Math.sqrt((attributes['scale'] as number | undefined) ?? 1 / Math.sqrt(size))
  const dtype = query.dtype as NumericDType
  const transposed = emit.transpose(repeatHeads(emit, presentKey, repeats), [0, 1, 3, 2])
  const raw = emit.matMul(emit.mul(query, scale), emit.mul(transposed, scale))
  const softcap = floatAttribute(attributes, 'softcap')
  const capped = softcap > 0 ? emit.mul(emit.tanh(emit.div(raw, softcap)), softcap) : raw
  const bias = biasOf(emit, node, queries, keys, pastKey ? Number(pastKey.shape[2]) : 0, dtype)
  const biased = bias ? emit.add(capped, bias) : capped
  const type = floatType(attributes, dtype)
  const weights = emit.cast(maskedSoftmax(emit, emit.cast(biased, type), bias), dtype)
  const y = emit.matMul(weights, emit.cast(repeatHeads(emit, presentValue, repeats), dtype))
  const shown = [raw, capped, biased, weights][intAttribute(attributes, 'qk_matmul_output_mode')]
  return [flat ? joinHeads(emit, y) : y, presentKey, presentValue, shown].slice(0, Math.max(1, outputs.length))
}

/** `graph` written in place, its inputs being `inputs`; the values of its outputs. */
function inlined(emit: Emitter, graph: Graph, inputs: readonly Value[]): readonly Value[] {
  const values = new Map(graph.inputs.map((input, index) => [input, inputs[index]] as const))
  for (const [value, tensor] of graph.constants) values.set(value, emit.constant(tensor))
  for (const node of graph.nodes) {
    const operands = node.inputs.map((input) => input && values.get(input)!)
    const results = emit.emit(node.op, operands, node.attributes, node.outputs.length)
    node.outputs.forEach((output, index) => {
      values.set(output, results[index])
    })
  }
  return graph.outputs.map((output) => values.get(output)!)
}

function flexAttentionBody(emit: Emitter, { inputs, attributes }: Node): readonly Value[] {
  const [query, key, value, ...captured] = inputs as readonly Value[]
  const [, heads, , size] = concrete(query.shape, 'Q')
  const repeats = heads / Number(key.shape[1])
  const scale = Math.sqrt((attributes['scale'] as number | undefined) ?? 1 / Math.sqrt(size))
  const transposed = emit.transpose(repeatHeads(emit, key, repeats), [0, 1, 3, 2])
  const raw = emit.matMul(emit.mul(query, scale), emit.mul(transposed, scale))
  const type = floatType(attributes, raw.dtype as NumericDType)
  const modified = (name: 'score_mod' | 'prob_mod', x: Value) => {
    const graph = attributes[name] as Graph | undefined
    if (!graph) return x
    const [result] = inlined(emit, graph, [x, ...captured])
    if (!result) throw new LanewiseError('INVALID_MODEL', `an input of the graph ${name} is left out`)
    return emit.cast(result, type)
  }
  const scores = modified('score_mod', emit.cast(raw, type))
  const weights = modified('prob_mod', emit.softmax(scores))
  const y = emit.matMul(weights, emit.cast(repeatHeads(emit, value, repeats), type))
  return [emit.cast(y, value.dtype as NumericDType)]
}

/** The type that softmax_precision names, or `otherwise`. Throws INVALID_MODEL. */
function floatType(attributes: Attributes, otherwise: NumericDType): NumericDType {
  const precision = attributes['softmax_precision'] as number | undefined
  const type = precision === undefined ? otherwise : (dtypeOfCode(precision) as NumericDType | undefined)
  if (!type || !isFloat(type))
    throw new LanewiseError('INVALID_MODEL', `softmax_precision ${precision} is no float type`)
  return type
}

/** Pairs of elements turned by the angles whose cosines and sines are given. */
function rotaryBody(emit: Emitter, node: Node): readonly Value[] {
  const [x, cosines, sines, ids] = node.inputs as [Value, Value, Value, Value | undefined]
  const shape = inputShape(node)
  const heads = intAttribute(node.attributes, 'num_heads')
  const rows =
    shape.length === 4
      ? emit.transpose(x, [0, 2, 1, 3])
      : emit.reshape(x, [shape[0], shape[1], heads, shape[2] / heads])
  const size = Number(rows.shape[3])
  const turned = intAttribute(node.attributes, 'rotary_embedding_dim') || size
  const half = turned / 2
  const [front, rest] = turned < size ? split(emit, rows, 3, [turned, size - turned]) : [rows, undefined]
  const table = (cache: Value) => unsqueeze(emit, ids ? emit.gather(cache, ids) : cache, 2)
  const [cosine, sine] = [table(cosines), table(sines)]
  const interleaved = intAttribute(node.attributes, 'interleaved') === 1
  const dims = concrete(front.shape)
  const pairs = interleaved ? emit.reshape(front, [...dims.slice(0, 3), half, 2]) : front
  const part = (index: number) =>
    interleaved
      ? emit.reshape(slice(emit, pairs, 4, index, index + 1), [...dims.slice(0, 3), half])
      : slice(emit, front, 3, index * half, (index + 1) * half)
  const [a, b] = [part(0), part(1)]
  const real = emit.sub(emit.mul(cosine, a), emit.mul(sine, b))
  const imaginary = emit.add(emit.mul(sine, a), emit.mul(cosine, b))
  const rotated = interleaved
    ? emit.reshape(emit.concat([unsqueeze(emit, real, 4), unsqueeze(emit, imaginary, 4)], 4), dims)
    : emit.concat([real, imaginary], 3)
  const whole = rest ? emit.concat([rotated, rest], 3) : rotated
  return [shape.length === 4 ? emit.transpose(whole, [0, 2, 1, 3]) : emit.reshape(whole, shape)]
}

/** Attention over whole score matrices, and rotary positions. */
export const attention = {
  /**
   * Q, K, V ([N, heads, length, size] or [N, length, heads * size]), mask?, past_key?, past_value?, nonpad_kv_seqlen?
   * -> Y, present_key, present_value, scores. K and V may have fewer heads, each for a group of Q's.
   */
  Attention: {
    since: 23,
    inputs: [3, 7],
    outputs: [1, 4],
    attributes: {
      is_causal: { type: 'int', default: 0 },
      kv_num_heads: { type: 'int' },
      left_window_size: { type: 'int', default: -1, since: 25 },
      q_num_heads: { type: 'int' },
      qk_matmul_output_mode: { type: 'int', default: 0 },
      right_window_size: { type: 'int', default: -1, since: 25 },
      scale: { type: 'float' },
      softcap: { type: 'float', default: 0 },
      softmax_precision: { type: 'int' },
    },
    infer: inferAttention,
    decompose: attentionBody,
  },

  /** Q, K, V [N, heads, length, size] -> Y; the graphs `score_mod` and `prob_mod` change scores and probabilities. */
  'ai.onnx.preview.FlexAttention': {
    since: 1,
    inputs: [3, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    attributes: {
      captures: { type: 'int', default: 0, internal: true },
      prob_mod: { type: 'graph' },
      scale: { type: 'float' },
      score_mod: { type: 'graph' },
      softmax_precision: { type: 'int' },
    },
    infer: (context) => {
      const [q, k, v] = [0, 1, 2].map((index) => requireFloat(required(context, index)))
      for (const name of ['score_mod', 'prob_mod']) {
        const graph = context.attributes[name] as Graph | undefined
        const taken = context.inputs.length - 2
        if (graph && (graph.inputs.length !== taken || graph.outputs.length !== 1))
          throw new LanewiseError(
            'INVALID_MODEL',
            `${name} must have ${taken} inputs and 1 output, it has ${graph.inputs.length} and ${graph.outputs.length}`,
          )
      }
      for (const { shape } of [q, k, v])
        if (shape.length !== 4)
          throw new LanewiseError('SHAPE_MISMATCH', `takes [N, heads, length, size], got ${formatShape(shape)}`)
      if (typeof q.shape[1] === 'number' && typeof k.shape[1] === 'number' && q.shape[1] % k.shape[1] !== 0)
        throw new LanewiseError('SHAPE_MISMATCH', `${q.shape[1]} heads of Q are no multiple of ${k.shape[1]} of K`)
      return [{ dtype: v.dtype, shape: [...q.shape.slice(0, 3), v.shape[3]] }]
    },
    decompose: flexAttentionBody,
  },

  /** x [N, heads, length, size] or [N, length, hidden], cosines and sines [positions or N, …, turned / 2], position_ids? -> y. */
  RotaryEmbedding: {
    since: 23,
    inputs: [3, 4],
    outputs: [1, 1],
    attributes: {
      interleaved: { type: 'int', default: 0 },
      num_heads: { type: 'int', default: 0 },
      rotary_embedding_dim: { type: 'int', default: 0 },
    },
    infer: (context) => {
      const { shape } = required(context, 0)
      if (shape.length !== 4 && !(shape.length === 3 && intAttribute(context.attributes, 'num_heads') > 0))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `takes [N, heads, length, size], or [N, length, hidden] with num_heads, got ${formatShape(shape)}`,
        )
      return sameAsFloatInput(context)
    },
    decompose: rotaryBody,
  },
} as const satisfies Record<string, OpDefinition>
