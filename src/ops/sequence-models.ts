import type { NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { concrete, formatShape, normalizeAxis, sameShape } from '../core/shape.js'
import { joinHeads, repeatHeads, splitHeads } from './attention.js'
import { concatAll, inputShape, pick, slice, zeros } from './compose.js'
import {
  floatAttribute,
  type InferenceContext,
  intAttribute,
  type OpDefinition,
  stringAttribute,
} from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat, sameDType } from './infer.js'

const rules = ['linear', 'gated', 'delta', 'gated_delta']

function inferLinearAttention(context: InferenceContext): TensorType[] {
  const { attributes, inputs } = context
  const [query, key, value] = [0, 1, 2].map((index) => requireFloat(required(context, index)))
  const rule = stringAttribute(attributes, 'update_rule')
  if (!rules.includes(rule))
    throw new LanewiseError('INVALID_MODEL', `update_rule '${rule}' is none of ${rules.join(', ')}`)
  const [queryHeads, heads] = [intAttribute(attributes, 'q_num_heads'), intAttribute(attributes, 'kv_num_heads')]
  if (!(heads > 0 && queryHeads > 0 && queryHeads % heads === 0))
    throw new LanewiseError(
      'INVALID_MODEL',
      `q_num_heads ${queryHeads} is no positive multiple of kv_num_heads ${heads}`,
    )
  if (rule.startsWith('gated') !== Boolean(inputs[4]) || rule.endsWith('delta') !== Boolean(inputs[5]))
    throw new LanewiseError('INVALID_MODEL', `update_rule '${rule}' takes other inputs: decay if gated, beta if delta`)
  for (const { shape } of [query, key, value])
    if (shape.length !== 3)
      throw new LanewiseError('SHAPE_MISMATCH', `takes [N, length, heads * size], got ${formatShape(shape)}`)
  const width = concrete([query.shape[2], value.shape[2]], 'the last axis of query and value')
  const [keySize, valueSize] = [width[0] / queryHeads, width[1] / heads]
  return [
    { dtype: query.dtype, shape: [query.shape[0], query.shape[1], queryHeads * valueSize] },
    { dtype: inputs[3]?.dtype ?? query.dtype, shape: [query.shape[0], heads, keySize, valueSize] },
  ]
}

/** The recurrence, step by step. */
function linearAttentionBody(emit: Emitter, node: Node): readonly Value[] {
  const { attributes, inputs } = node
  const [queryHeads, heads] = [intAttribute(attributes, 'q_num_heads'), intAttribute(attributes, 'kv_num_heads')]
  const dtype = inputs[0]!.dtype as NumericDType
  const [batch, length, width] = inputShape(node)
  const query = splitHeads(emit, inputs[0]!, queryHeads)
  const key = splitHeads(emit, inputs[1]!, heads)
  const value = splitHeads(emit, inputs[2]!, heads)
  const decay = inputs[4] && emit.exp(splitHeads(emit, inputs[4], heads))
  const beta = inputs[5] && splitHeads(emit, inputs[5], Number(inputs[5].shape[2]))
  const keySize = width / queryHeads
  const scale = floatAttribute(attributes, 'scale') || 1 / Math.sqrt(keySize)
  const past = inputs[3]
  let state = past ? emit.cast(past, dtype) : zeros(emit, query, [batch, heads, keySize, Number(value.shape[3])])
  const results: Value[] = []
  for (let step = 0; step < length; step++) {
    const at = (x: Value) => slice(emit, x, 2, step, step + 1)
    const row = at(key)
    const column = emit.transpose(row, [0, 1, 3, 2])
    if (decay) state = emit.mul(state, emit.transpose(at(decay), [0, 1, 3, 2]))
    const update = beta ? emit.mul(at(beta), emit.sub(at(value), emit.matMul(row, state))) : at(value)
    state = emit.add(state, emit.mul(column, update))
    results.push(emit.matMul(at(query), repeatHeads(emit, state, queryHeads / heads)))
  }
  const y = emit.mul(concatAll(emit, results, 2), scale)
  return [joinHeads(emit, y), emit.cast(state, (past?.dtype ?? dtype) as NumericDType)]
}

/** Ops of recurrent and state-space language models. */
export const sequenceModels = {
  /** query [N, T, Hq K], key [N, T, H K], value [N, T, H V], state? [N, H, K, V], decay?, beta? -> y [N, T, Hq V], state. */
  LinearAttention: {
    since: 27,
    inputs: [3, 6],
    outputs: [1, 2],
    attributes: {
      chunk_size: { type: 'int', default: 64 },
      kv_num_heads: { type: 'int', required: true },
      q_num_heads: { type: 'int', required: true },
      scale: { type: 'float', default: 0 },
      update_rule: { type: 'string', default: 'gated_delta' },
    },
    infer: inferLinearAttention,
    decompose: linearAttentionBody,
  },

  /** x [N, C, L], weight [C, 1, k], bias? [C], state? [N, C, k - 1] -> y [N, C, L] and the last k - 1 elements seen. */
  CausalConvWithState: {
    since: 27,
    inputs: [2, 4],
    outputs: [1, 2],
    attributes: { activation: { type: 'string', default: 'none' } },
    infer: (context) => {
      const [x, weight] = [requireFloat(required(context, 0)), required(context, 1)]
      if (x.shape.length !== 3 || weight.shape.length !== 3)
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `takes [N, C, L] and [C, 1, k], got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
        )
      const activation = stringAttribute(context.attributes, 'activation')
      if (!['none', 'silu', 'swish'].includes(activation))
        throw new LanewiseError('INVALID_MODEL', `activation '${activation}' is none of none, silu, swish`)
      const [taps] = concrete([weight.shape[2]], 'the kernel size')
      return [x, { dtype: x.dtype, shape: [x.shape[0], x.shape[1], taps - 1] }]
    },
    decompose: (emit, node) => {
      const [x, weight, bias, state] = node.inputs as [Value, Value, Value | undefined, Value | undefined]
      const [batch, channels, length] = inputShape(node)
      const [taps] = concrete([weight.shape[2]], 'the kernel size')
      const padded = taps === 1 ? x : emit.concat([state ?? zeros(emit, x, [batch, channels, taps - 1]), x], 2)
      const y = emit.op('Conv', [padded, weight, bias], { group: channels })
      const active = stringAttribute(node.attributes, 'activation') === 'none' ? y : emit.op('Swish', [y])
      return [active, slice(emit, padded, 2, length, length + taps - 1)]
    },
  },

  /** gate, x of one shape -> gate sigmoid(alpha gate) x (Shazeer, 2020). */
  SwiGLU: {
    since: 28,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { alpha: { type: 'float', default: 1 } },
    infer: (context) => {
      const [gate, x] = [requireFloat(required(context, 0)), required(context, 1)]
      sameDType([gate, x])
      if (
        gate.shape.length !== x.shape.length ||
        (!sameShape(gate.shape, x.shape) && [...gate.shape, ...x.shape].every((dim) => typeof dim === 'number'))
      )
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `takes operands of one shape, got ${formatShape(gate.shape)} and ${formatShape(x.shape)}`,
        )
      return [gate]
    },
    decompose: (emit, { inputs: [gate, x], attributes }) => [
      emit.mul(emit.op('Swish', [gate], { alpha: floatAttribute(attributes, 'alpha') }), x!),
    ],
  },

  /** cache [N, …], update, write_indices? [N] -> the cache with `update` written at each row's index along `axis`. */
  TensorScatter: {
    since: 24,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: -2 }, mode: { type: 'string', default: 'linear' } },
    infer: (context) => {
      const [cache, update] = [required(context, 0), required(context, 1)]
      const mode = stringAttribute(context.attributes, 'mode')
      if (mode !== 'linear' && mode !== 'circular')
        throw new LanewiseError('INVALID_MODEL', `mode must be linear or circular, got '${mode}'`)
      sameDType([cache, update])
      const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), cache.shape.length)
      if (axis === 0 || cache.shape.length !== update.shape.length)
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `an update ${formatShape(update.shape)} does not fit a cache ${formatShape(cache.shape)} along axis ${axis}`,
        )
      return [{ dtype: cache.dtype, shape: cache.shape }]
    },
    decompose: tensorScatterBody,
  },
} as const satisfies Record<string, OpDefinition>

/** Row by row of the batch: the element that each place of the cache takes, from the update or from what it held. */
function tensorScatterBody(emit: Emitter, node: Node): readonly Value[] {
  const [cache, update, indices] = node.inputs as [Value, Value, Value | undefined]
  const shape = inputShape(node)
  const axis = normalizeAxis(intAttribute(node.attributes, 'axis'), shape.length)
  const [capacity, length] = [shape[axis], inputShape(node, 1)[axis]]
  if (length > capacity)
    throw new LanewiseError('SHAPE_MISMATCH', `an update of ${length} places does not fit a cache of ${capacity}`)
  const places = emit.op('Range', [emit.scalar(0, 'int64'), emit.scalar(capacity, 'int64'), emit.scalar(1, 'int64')])
  const circular = stringAttribute(node.attributes, 'mode') === 'circular'
  const lines = Array.from({ length: shape[0] }, (_, line) => {
    const start = indices ? emit.cast(pick(emit, indices, 0, line), 'int64') : emit.scalar(0, 'int64')
    const offset = emit.sub(places, start)
    const source = circular ? emit.op('Mod', [offset, emit.scalar(capacity, 'int64')]) : offset
    const taken = emit.and(emit.greaterOrEqual(source, 0), emit.less(source, length))
    const along = (x: Value) => slice(emit, x, 0, line, line + 1)
    const moved = emit.gather(along(update), emit.where(taken, source, 0), axis)
    const column = emit.reshape(taken, [capacity, ...new Array<number>(shape.length - 1 - axis).fill(1)])
    return emit.where(column, moved, along(cache))
  })
  return [concatAll(emit, lines, 0)]
}
