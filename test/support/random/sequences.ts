import { Tensor } from '../../../src/core/tensor.js'
import type { Draft, NodeDraft } from './draft.js'
import type { Attributes, Drawing, Drawings } from './elementwise.js'

function recurrent(op: 'RNN' | 'GRU' | 'LSTM'): Drawing {
  return (draft) => {
    const gates = { RNN: 1, GRU: 3, LSTM: 4 }[op]
    const direction = draft.pick(['forward', 'reverse', 'bidirectional'])
    const directions = direction === 'bidirectional' ? 2 : 1
    const layout = draft.opset >= 14 && draft.chance(0.2) ? 1 : 0
    const [time, batch, size, hidden] = [
      draft.between(1, 5),
      draft.between(1, 4),
      draft.between(1, 6),
      draft.pick([1, 2, 3, 4, 8]),
    ]
    const type = draft.pick(['float32', 'float32', 'float32', 'float64'] as const)
    const state = layout ? [batch, directions, hidden] : [directions, batch, hidden]
    const weight = (dims: number[]) => draft.operand({ types: [type], dims, low: -1, high: 1, held: draft.chance(0.8) })
    const optional = (probability: number, make: () => string) => (draft.chance(probability) ? make() : '')
    const inputs = [
      draft.operand({ types: [type], dims: layout ? [batch, time, size] : [time, batch, size] }),
      weight([directions, gates * hidden, size]),
      weight([directions, gates * hidden, hidden]),
      optional(0.7, () => weight([directions, 2 * gates * hidden])),
      optional(0.3, () =>
        draft.ints(
          Array.from({ length: batch }, () => draft.between(1, time)),
          'int32',
        ),
      ),
      optional(0.4, () => weight(state)),
      ...(op === 'LSTM'
        ? [optional(0.4, () => weight(state)), optional(0.3, () => weight([directions, 3 * hidden]))]
        : []),
    ]
    while (inputs.at(-1) === '') inputs.pop()
    const names = { RNN: ['Tanh'], GRU: ['Sigmoid', 'Tanh'], LSTM: ['Sigmoid', 'Tanh', 'Tanh'] }[op]
    const attributes: Attributes = { hidden_size: { i: hidden }, direction: { s: direction } }
    if (layout) attributes.layout = { i: 1 }
    if (draft.chance(0.25)) attributes.clip = { f: draft.pick([0.5, 1, 3]) }
    if (op === 'GRU' && draft.chance(0.5)) attributes.linear_before_reset = { i: draft.between(0, 1) }
    if (op === 'LSTM' && draft.chance(0.15)) attributes.input_forget = { i: 1 }
    if (draft.chance(0.25))
      attributes.activations = {
        strings: Array.from({ length: directions }, () =>
          names.map(() => draft.pick(['Tanh', 'Sigmoid', 'Relu', 'Softsign'])),
        ).flat(),
      }
    return { op, inputs, attributes, outputs: draft.between(1, op === 'LSTM' ? 3 : 2) }
  }
}

function windowed(draft: Draft, op: string): NodeDraft | undefined {
  if (draft.opset < 17) return undefined
  return {
    op,
    inputs: [draft.ints([draft.between(1, 12)], draft.pick(['int64', 'int32'] as const), [])],
    attributes: { ...(draft.chance(0.5) ? { periodic: { i: draft.between(0, 1) } } : {}) },
  }
}

export const sequences: Drawings = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
  DFT: (draft) => {
    if (draft.opset < 17) return undefined
    const complex = draft.chance(0.4)
    const dims = [
      draft.between(1, 3),
      draft.between(1, 8),
      ...(draft.chance(0.4) ? [draft.between(1, 6)] : []),
      complex ? 2 : 1,
    ]
    const x = draft.operand({ types: ['float32', 'float64'], dims, fresh: true })
    const axis = draft.between(1, dims.length - 2)
    const length = draft.chance(0.4) ? draft.ints([draft.between(1, 9)], 'int64', []) : ''
    const oneSided = !complex && draft.chance(0.3)
    const attributes: Attributes = {
      ...(oneSided ? { onesided: { i: 1 } } : draft.chance(0.3) && complex ? { inverse: { i: 1 } } : {}),
    }
    if (draft.opset < 20)
      return { op: 'DFT', inputs: length ? [x, length] : [x], attributes: { ...attributes, axis: { i: axis } } }
    return { op: 'DFT', inputs: [x, length, draft.ints([axis], 'int64', [])], attributes }
  },
  STFT: (draft) => {
    if (draft.opset < 17) return undefined
    const frame = draft.between(2, 8)
    const x = draft.operand({ dims: [draft.between(1, 2), frame + draft.between(0, 12), 1], fresh: true })
    return {
      op: 'STFT',
      inputs: [
        x,
        draft.ints([draft.between(1, 4)], 'int64', []),
        draft.chance(0.6) ? draft.operand({ dims: [frame], fresh: true }) : '',
        draft.ints([frame], 'int64', []),
      ],
      attributes: draft.chance(0.5) ? { onesided: { i: draft.between(0, 1) } } : {},
    }
  },
  HannWindow: (draft) => windowed(draft, 'HannWindow'),
  HammingWindow: (draft) => windowed(draft, 'HammingWindow'),
  BlackmanWindow: (draft) => windowed(draft, 'BlackmanWindow'),
  MelWeightMatrix: (draft) => {
    if (draft.opset < 17) return undefined
    const scalar = (value: number) => draft.ints([value], 'int64', [])
    return {
      op: 'MelWeightMatrix',
      inputs: [
        scalar(draft.between(2, 10)),
        scalar(draft.pick([16, 32, 64])),
        scalar(8192),
        draft.hold(Tensor.scalar(draft.pick([0, 20]))),
        draft.hold(Tensor.scalar(4096)),
      ],
    }
  },
  Attention: (draft) => {
    if (draft.opset < 23) return undefined
    const [batch, heads, length, keys, size, out] = [
      draft.between(1, 2),
      draft.pick([1, 2, 4]),
      draft.between(1, 5),
      draft.between(1, 6),
      draft.pick([2, 4, 8]),
      draft.pick([2, 4]),
    ]
    const groups = draft.chance(0.2) && heads > 1 ? heads / 2 : heads
    const flat = draft.chance(0.4)
    const make = (count: number, time: number, width: number) =>
      draft.operand({ types: ['float32'], dims: flat ? [batch, time, count * width] : [batch, count, time, width] })
    const mask = draft.chance(0.4)
      ? draft.operand({
          types: draft.pick([['float32'], ['bool']] as const),
          dims: draft.pick([
            [length, keys],
            [batch, 1, length, keys],
            [1, heads, length, keys],
          ]),
        })
      : ''
    const attributes: Attributes = {
      ...(flat ? { q_num_heads: { i: heads }, kv_num_heads: { i: groups } } : {}),
      ...(draft.chance(0.3) ? { is_causal: { i: 1 } } : {}),
      ...(draft.chance(0.3) ? { scale: { f: 0.3 } } : {}),
      ...(draft.chance(0.2) ? { softcap: { f: 2 } } : {}),
    }
    return {
      op: 'Attention',
      inputs: [make(heads, length, size), make(groups, keys, size), make(groups, keys, out), ...(mask ? [mask] : [])],
      attributes,
    }
  },
  RotaryEmbedding: (draft) => {
    if (draft.opset < 23) return undefined
    const [batch, heads, length, size] = [
      draft.between(1, 2),
      draft.between(1, 3),
      draft.between(1, 4),
      draft.pick([2, 4, 8]),
    ]
    const partial = draft.chance(0.3) && size > 2
    const half = partial ? size / 4 : size / 2
    const flat = draft.chance(0.4)
    const x = draft.operand({ dims: flat ? [batch, length, heads * size] : [batch, heads, length, size] })
    const ids = draft.chance(0.5)
    const cache = () => draft.operand({ dims: ids ? [6, half] : [batch, length, half] })
    return {
      op: 'RotaryEmbedding',
      inputs: [
        x,
        cache(),
        cache(),
        ...(ids
          ? [
              draft.ints(
                Array.from({ length: batch * length }, () => draft.random.integer(6)),
                'int64',
                [batch, length],
              ),
            ]
          : []),
      ],
      attributes: {
        ...(flat ? { num_heads: { i: heads } } : {}),
        ...(partial ? { rotary_embedding_dim: { i: size / 2 } } : {}),
        ...(draft.chance(0.5) ? { interleaved: { i: draft.between(0, 1) } } : {}),
      },
    }
  },
}
