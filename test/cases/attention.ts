import type { Attributes, Graph } from '../../src/core/ir.js'
import { GraphBuilder } from '../../src/graph/builder.js'
import { bool, f32, type OpCase, type OperandCase } from './case.js'

const lengths = (data: readonly number[]): OperandCase => ({ shape: [data.length], dtype: 'int64', data })

/** Attention on [2, heads, 3, 4] queries and [2, 2, 5, 4] keys; values are wider. */
const attentionRow = (
  attributes: Attributes,
  extra: readonly (OperandCase | undefined)[] = [],
  { heads = 2, outputs = 1, note = '' } = {},
): OpCase => {
  const inputs = [f32([2, heads, 3, 4]), f32([2, 2, 5, 4]), f32([2, 2, 5, 6]), ...extra]
  const gradient = inputs.flatMap((operand, index) =>
    operand && (operand.dtype ?? 'float32') === 'float32' ? [index] : [],
  )
  return { op: 'Attention', inputs, attributes, outputs, gradient, note }
}

/** x -> tanh(x) * 1.5. */
function squashing(): Graph {
  const builder = new GraphBuilder('score_mod')
  const x = builder.input('x', 'float32', ['n', 'heads', 'queries', 'keys'])
  builder.output(builder.mul(builder.tanh(x), 1.5))
  return builder.build()
}

export const attentionCases: readonly OpCase[] = [
  {
    op: 'ai.onnx.preview.FlexAttention',
    inputs: [f32([2, 4, 3, 4]), f32([2, 2, 5, 4]), f32([2, 2, 5, 6])],
    gradient: [0, 1, 2],
  },
  {
    op: 'ai.onnx.preview.FlexAttention',
    note: 'squashed',
    inputs: [f32([2, 2, 3, 4]), f32([2, 2, 5, 4]), f32([2, 2, 5, 6])],
    attributes: { score_mod: squashing() },
  },
  attentionRow({}),
  attentionRow({ is_causal: 1 }, [], { note: 'causal' }),
  attentionRow({ softcap: 1.5, scale: 0.3 }, [f32([3, 5])]),
  attentionRow({}, [bool([2, 1, 3, 5])]),
  attentionRow({}, [f32([2, 1, 3, 4])], { note: 'short mask' }),
  attentionRow({}, [], { heads: 4, note: 'grouped' }),
  attentionRow({ is_causal: 1 }, [undefined, f32([2, 2, 2, 4]), f32([2, 2, 2, 6])], { outputs: 3, note: 'past' }),
  attentionRow({ is_causal: 1 }, [undefined, undefined, undefined, lengths([5, 2])], {
    note: 'lengths, a blocked row',
  }),
  attentionRow({ left_window_size: 1, right_window_size: 0 }, []),
  ...[0, 1, 2, 3].map((mode) =>
    attentionRow({ qk_matmul_output_mode: mode, softcap: 2 }, [f32([3, 5])], { outputs: 4, note: `mode ${mode}` }),
  ),
  {
    op: 'Attention',
    note: '3 axes',
    inputs: [f32([2, 3, 8]), f32([2, 5, 4]), f32([2, 5, 6])],
    attributes: { q_num_heads: 4, kv_num_heads: 2, is_causal: 1 },
    gradient: [0, 1, 2],
  },
  ...[0, 1].flatMap((interleaved): OpCase[] => [
    {
      op: 'RotaryEmbedding',
      inputs: [
        f32([2, 3, 4, 8]),
        f32([10, 4]),
        f32([10, 4]),
        { shape: [2, 4], dtype: 'int64', data: [0, 1, 2, 3, 5, 6, 7, 9] },
      ],
      attributes: { interleaved },
      gradient: [0, 1, 2],
    },
    {
      op: 'RotaryEmbedding',
      inputs: [f32([2, 4, 24]), f32([2, 4, 3]), f32([2, 4, 3])],
      attributes: { interleaved, num_heads: 3, rotary_embedding_dim: 6 },
      gradient: [0, 1, 2],
    },
  ]),
  ...['linear', 'gated', 'delta', 'gated_delta'].map((update_rule): OpCase => {
    const gated = update_rule.startsWith('gated')
    const delta = update_rule.endsWith('delta')
    const inputs = [
      f32([2, 3, 8]),
      f32([2, 3, 4], { range: [-0.7, 0.7] }),
      f32([2, 3, 6]),
      f32([2, 2, 2, 3]),
      gated ? f32([2, 3, 2], { range: [-1, 0] }) : undefined,
      ...(delta ? [f32([2, 3, 2], { range: [0, 1] })] : []),
    ]
    return {
      op: 'LinearAttention',
      inputs: gated || delta ? inputs : inputs.slice(0, 4),
      attributes: { q_num_heads: 4, kv_num_heads: 2, update_rule },
      outputs: 2,
      gradient: inputs.flatMap((operand, index) => (operand ? [index] : [])),
    }
  }),
  {
    op: 'CausalConvWithState',
    inputs: [f32([2, 3, 5]), f32([3, 1, 4]), f32([3]), f32([2, 3, 3])],
    attributes: { activation: 'silu' },
    outputs: 2,
    gradient: [0, 1, 2, 3],
  },
  { op: 'CausalConvWithState', inputs: [f32([2, 3, 2]), f32([3, 1, 4])], outputs: 2, gradient: [0, 1] },
  { op: 'SwiGLU', inputs: [f32([3, 7]), f32([3, 7])], attributes: { alpha: 1.3 }, gradient: [0, 1] },
  { op: 'TensorScatter', inputs: [f32([2, 3, 5, 4]), f32([2, 3, 2, 4]), lengths([1, 3])], gradient: [0, 1] },
  {
    op: 'TensorScatter',
    inputs: [f32([2, 5, 4]), f32([2, 3, 4]), lengths([4, 0])],
    attributes: { axis: 1, mode: 'circular' },
    gradient: [0, 1],
  },
]
