import { row as anyRow, fed, given, held, type Operand, type Row, scalar } from './rows.js'

const row = (op: string, ...rest: Parameters<typeof anyRow> extends [unknown, ...infer R] ? R : never): Row =>
  anyRow(`com.microsoft.${op}`, ...rest)

const activations: readonly Row[] = [
  row('Gelu', [fed([3, 5], 'float32', -4, 4)]),
  row('BiasGelu', [fed([3, 5]), held([5])]),
  row('FastGelu', [fed([3, 5])]),
  row('FastGelu', [fed([3, 5]), held([5])]),
  row('QuickGelu', [fed([3, 5])]),
  row('QuickGelu', [fed([3, 5])], { alpha: { f: 1.2 } }),
]

const fused: readonly Row[] = [
  row('FusedConv', [fed([2, 3, 7, 5]), held([4, 3, 3, 3]), held([4])], {
    activation: { s: 'Relu' },
    pads: { ints: [1, 1, 1, 1] },
  }),
  row('FusedConv', [fed([2, 3, 7, 5]), held([4, 3, 3, 3]), held([4]), fed([2, 4, 5, 3])], {
    activation: { s: 'LeakyRelu' },
    activation_params: { floats: [0.1] },
  }),
  row('FusedConv', [fed([2, 3, 7, 5]), held([4, 3, 3, 3])], {
    activation: { s: 'Clip' },
    activation_params: { floats: [-1, 2] },
  }),
  row('FusedConv', [fed([2, 3, 7, 5]), held([4, 3, 3, 3])], {
    activation: { s: 'HardSigmoid' },
    activation_params: { floats: [0.3, 0.4] },
  }),
  row('FusedMatMul', [fed([2, 5, 3]), fed([2, 4, 3])], { transB: { i: 1 }, alpha: { f: 0.5 } }),
  row('FusedMatMul', [fed([2, 3, 5]), fed([3, 4])], { transA: { i: 1 } }),
  row('FusedMatMul', [fed([5, 2, 4]), fed([2, 5, 3])], { transA: { i: 1 }, transBatchA: { i: 1 } }),
  row('FusedMatMul', [fed([2, 4, 5]), fed([5, 2, 3])], { transBatchB: { i: 1 }, alpha: { f: 0.5 } }),
  ...['Softsign', 'ParametricSoftplus', 'ScaledTanh'].map((activation) =>
    row('FusedGemm', [fed([5, 3]), held([3, 4])], {
      activation: { s: activation },
      activation_alpha: { f: 0.7 },
      activation_beta: { f: 1.2 },
    }),
  ),
  row('FusedGemm', [fed([5, 3]), held([4, 3]), held([4])], {
    transB: { i: 1 },
    alpha: { f: 0.5 },
    activation: { s: 'Tanh' },
  }),
  row('FusedGemm', [fed([5, 3]), held([3, 4])], { activation: { s: 'LeakyRelu' }, activation_alpha: { f: 0.2 } }),
]

const epsilon = { epsilon: { f: 1e-5 } }
const embedding = (mask: boolean, positions: boolean): readonly (Operand | undefined)[] => [
  given([1, 4, 2, 0, 3, 1], 'int32', [2, 3]),
  given([0, 1, 0, 1, 1, 0], 'int32', [2, 3]),
  held([5, 8]),
  held([7, 8]),
  held([2, 8]),
  held([8]),
  held([8]),
  mask ? given([1, 1, 0, 1, 0, 0], 'int32', [2, 3]) : undefined,
  positions ? given([3, 4, 5, 0, 1, 2], 'int32', [2, 3]) : undefined,
]

const norms: readonly Row[] = [
  row('SkipLayerNormalization', [fed([2, 3, 8]), fed([2, 3, 8]), held([8]), held([8]), held([8])], epsilon, {
    outputs: [true, false, false, true],
  }),
  row('SkipLayerNormalization', [fed([2, 3, 8]), fed([2, 3, 8]), held([8])], epsilon),
  row('SkipSimplifiedLayerNormalization', [fed([2, 3, 8]), fed([2, 3, 8]), held([8]), held([8])], epsilon, {
    outputs: [true, false, false, true],
  }),
  anyRow('SimplifiedLayerNormalization', [fed([2, 3, 8]), held([8])], { axis: { i: -1 }, ...epsilon }),
  row('EmbedLayerNormalization', embedding(true, false), epsilon, { outputs: [true, true, true] }),
  row('EmbedLayerNormalization', embedding(false, true), epsilon, { outputs: [true, true, true] }),
  row(
    'QEmbedLayerNormalization',
    [
      held([2, 3], 'int32', 0, 9),
      held([2, 3], 'int32', 0, 2),
      ...[[9, 8], [5, 8], [2, 8], [8], [8]].map((dims) => held(dims, 'uint8', 0, 256)),
      held([2, 3], 'int32', 0, 2),
      ...[0.01, 0.02, 0.03, 0.04, 0.05].map((element) => scalar(element)),
      ...[99, 120, 128, 140, 150].map((element) => scalar(element, 'uint8')),
    ],
    epsilon,
    { outputs: [true, true] },
  ),
]

const heads = { num_heads: { i: 2 } }
const attention = (mask?: Operand, past?: Operand, bias?: Operand) => [
  fed([2, 3, 8]),
  held([8, 24], 'float32', -1, 1),
  held([24]),
  mask,
  past,
  bias,
]
const present = { outputs: [true, true] }

/** Quantized self-attention; scales and zero points of the weights are for all, or one a column. */
const quantizedAttention = (columns: number, mask?: Operand, past?: Operand) => [
  fed([2, 3, 8], 'uint8', 0, 255),
  held([8, 24], 'int8', -90, 90),
  held([24]),
  scalar(0.01),
  columns > 1 ? held([columns], 'float32', 0.005, 0.01) : scalar(0.008),
  mask,
  scalar(120, 'uint8'),
  columns > 1 ? held([columns], 'int8', -3, 3) : scalar(2, 'int8'),
  past,
]

const quantizedLstm = (directions: number, perColumn: boolean) => {
  const scales = () => held([directions, ...(perColumn ? [20] : [])], 'float32', 0.005, 0.01)
  const zeros = () =>
    given(new Array(directions * (perColumn ? 20 : 1)).fill(perColumn ? 0 : 3), 'int8', [
      directions,
      ...(perColumn ? [20] : []),
    ])
  return [
    fed([4, 2, 3]),
    held([directions, 3, 20], 'int8', -100, 100),
    held([directions, 5, 20], 'int8', -100, 100),
    held([directions, 40], 'float32', -1, 1),
    undefined,
    undefined,
    undefined,
    undefined,
    scales(),
    zeros(),
    scales(),
    zeros(),
  ]
}

const more: readonly Row[] = [
  row('QAttention', quantizedAttention(1), { num_heads: { i: 2 } }),
  row('QAttention', quantizedAttention(1), { num_heads: { i: 2 }, unidirectional: { i: 1 } }),
  row('QAttention', quantizedAttention(24, given([3, 2], 'int32')), { num_heads: { i: 2 } }),
  row(
    'QAttention',
    quantizedAttention(1, undefined, fed([2, 2, 2, 4, 4])),
    { num_heads: { i: 2 }, unidirectional: { i: 1 } },
    { outputs: [true, true] },
  ),
  // onnxruntime rounds x and h to 8 bits on the way.
  row(
    'DynamicQuantizeLSTM',
    quantizedLstm(1, false),
    { hidden_size: { i: 5 } },
    { outputs: [true, true, true], step: 0.02 },
  ),
  row(
    'DynamicQuantizeLSTM',
    quantizedLstm(2, true),
    { hidden_size: { i: 5 }, direction: { s: 'bidirectional' } },
    { outputs: [true, true, true], step: 0.02 },
  ),
  row('Inverse', [fed([2, 4, 4])]),
  row('Inverse', [fed([1, 1], 'float32', 1, 2)]),
]

const attentions: readonly Row[] = [
  row('Attention', attention(), heads),
  row('Attention', attention(), { ...heads, unidirectional: { i: 1 } }, present),
  row('Attention', attention(given([1, 1, 1, 1, 1, 0], 'int32', [2, 3])), heads),
  row('Attention', attention(given([3, 2], 'int32')), heads),
  row('Attention', attention(given([0, 1], 'int32', [2, 1])), heads),
  row('Attention', attention(undefined, fed([2, 2, 2, 5, 4])), { ...heads, unidirectional: { i: 1 } }, present),
  row(
    'Attention',
    attention(given(new Array<number>(16).fill(1).with(3, 0), 'int32', [2, 8]), fed([2, 2, 2, 5, 4])),
    { ...heads, unidirectional: { i: 1 } },
    present,
  ),
  row('Attention', attention(undefined, undefined, fed([2, 2, 3, 3])), { ...heads, scale: { f: 0.7 } }),
  row('MultiHeadAttention', [fed([2, 3, 8]), fed([2, 5, 8]), fed([2, 5, 8])], heads),
  row('MultiHeadAttention', [fed([2, 3, 8]), fed([2, 5, 8]), fed([2, 5, 6]), held([22])], heads),
  row('MultiHeadAttention', [fed([2, 3, 8]), fed([2, 2, 5, 4]), fed([2, 2, 5, 4])], heads),
  row(
    'MultiHeadAttention',
    [
      fed([2, 3, 8]),
      fed([2, 3, 8]),
      fed([2, 3, 8]),
      undefined,
      given([1, 1, 1, 1, 1, 0], 'int32', [2, 3]),
      fed([2, 2, 3, 3]),
    ],
    { ...heads, unidirectional: { i: 1 } },
  ),
  row(
    'MultiHeadAttention',
    [
      fed([2, 3, 8]),
      fed([2, 3, 8]),
      fed([2, 3, 8]),
      undefined,
      undefined,
      undefined,
      fed([2, 2, 5, 4]),
      fed([2, 2, 5, 4]),
    ],
    heads,
    { outputs: [true, true, true] },
  ),
  row('RotaryEmbedding', [fed([2, 3, 8]), given([2], 'int64'), held([9, 2]), held([9, 2])], {}),
  row('RotaryEmbedding', [fed([2, 2, 3, 4]), given([0, 1, 2, 5, 6, 7], 'int64', [2, 3]), held([9, 2]), held([9, 2])], {
    interleaved: { i: 1 },
  }),
  row(
    'GroupQueryAttention',
    [
      fed([1, 3, 64]),
      fed([1, 3, 32]),
      fed([1, 3, 32]),
      fed([1, 2, 0, 16]),
      fed([1, 2, 0, 16]),
      given([2], 'int32'),
      scalar(3, 'int32'),
      held([9, 8]),
      held([9, 8]),
    ],
    { num_heads: { i: 4 }, kv_num_heads: { i: 2 }, do_rotary: { i: 1 } },
    { outputs: [true, true, true] },
  ),
  row(
    'GroupQueryAttention',
    [
      fed([1, 1, 64]),
      undefined,
      undefined,
      fed([1, 2, 5, 8]),
      fed([1, 2, 5, 8]),
      given([5], 'int32'),
      scalar(6, 'int32'),
    ],
    { num_heads: { i: 4 }, kv_num_heads: { i: 2 }, softcap: { f: 3 } },
    { outputs: [true, true, true] },
  ),
]

const u8 = (dims: readonly number[]) => fed(dims, 'uint8', 0, 256)
const s8 = (dims: readonly number[]) => held(dims, 'int8', -128, 128)
const scale = scalar(0.03)
const zero = (at = 120) => scalar(at, 'uint8')
const near = { step: 1 }

const quantized: readonly Row[] = [
  row('QLinearAdd', [u8([3, 5]), scale, zero(), u8([3, 5]), scalar(0.05), zero(99), scalar(0.06), zero()], {}, near),
  row('QLinearMul', [u8([3, 5]), scale, zero(), u8([5]), scalar(0.05), zero(99), scalar(0.2), zero()], {}, near),
  row('QLinearSigmoid', [u8([3, 5]), scale, zero(), scalar(1 / 256), zero(0)], {}, near),
  row('QLinearLeakyRelu', [u8([3, 5]), scale, zero(), scalar(0.03), zero(80)], { alpha: { f: 0.2 } }, near),
  row(
    'QLinearSoftmax',
    [u8([3, 5]), scale, zero(), scalar(1 / 256), zero(0)],
    { axis: { i: -1 }, opset: { i: 13 } },
    near,
  ),
  row('QLinearGlobalAveragePool', [u8([2, 3, 4, 5]), scale, zero(), scalar(0.02), zero()], {}, near),
  row(
    'QLinearGlobalAveragePool',
    [u8([2, 4, 5, 3]), scale, zero(), scalar(0.02), zero()],
    { channels_last: { i: 1 } },
    near,
  ),
  row(
    'QLinearAveragePool',
    [u8([2, 3, 6, 5]), scale, zero(), scalar(0.02), zero()],
    { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } },
    near,
  ),
  row(
    'QLinearConcat',
    [scalar(0.05), zero(), u8([2, 3]), scale, zero(), u8([2, 4]), scalar(0.04), zero(9)],
    { axis: { i: 1 } },
    near,
  ),
  row(
    'QGemm',
    [
      u8([5, 9]),
      scale,
      zero(),
      s8([9, 4]),
      scalar(0.02),
      scalar(0, 'int8'),
      held([4], 'int32', -99, 99),
      scalar(0.5),
      zero(),
    ],
    {},
    near,
  ),
  row('QGemm', [u8([5, 9]), scale, zero(), s8([4, 9]), held([4], 'float32', 0.01, 0.03), held([4], 'int8', 0, 1)], {
    transB: { i: 1 },
  }),
  row('MatMulIntegerToFloat', [u8([5, 9]), s8([9, 4]), scale, scalar(0.02), zero(), scalar(3, 'int8'), held([4])]),
  row('DynamicQuantizeMatMul', [
    fed([5, 9]),
    s8([9, 4]),
    held([4], 'float32', 0.01, 0.03),
    held([4], 'int8', 0, 1),
    held([4]),
  ]),
  row('MatMulNBits', [fed([3, 40]), held([6, 2, 16], 'uint8', 0, 256), held([12], 'float32', 0.01, 0.1)], {
    K: { i: 40 },
    N: { i: 6 },
    bits: { i: 4 },
    block_size: { i: 32 },
  }),
  row(
    'MatMulNBits',
    [fed([2, 3, 64]), held([6, 2, 16], 'uint8', 0, 256), held([12], 'float32', 0.01, 0.1), held([6], 'uint8', 0, 256)],
    { K: { i: 64 }, N: { i: 6 }, bits: { i: 4 }, block_size: { i: 32 } },
  ),
  // onnxruntime takes no notice of zero points beside g_idx, so that this row has none.
  row(
    'MatMulNBits',
    [
      fed([2, 40]),
      held([5, 3, 8], 'uint8', 0, 256),
      held([15], 'float32', 0.01, 0.1),
      undefined,
      held([48], 'int32', 0, 3),
    ],
    { K: { i: 40 }, N: { i: 5 }, bits: { i: 4 }, block_size: { i: 16 } },
  ),
  row(
    'MatMulNBits',
    [
      fed([3, 40], 'float16'),
      held([6, 2, 16], 'uint8', 0, 256),
      held([12], 'float16', 0.01, 0.1),
      held([6], 'uint8', 0, 256),
      undefined,
      held([6], 'float16'),
    ],
    { K: { i: 40 }, N: { i: 6 }, bits: { i: 4 }, block_size: { i: 32 } },
    { note: 'float16' },
  ),
  ...[0, 1].map((type) =>
    row('MatMulBnb4', [fed([3, 40]), held([100], 'uint8', 0, 256), held([13], 'float32', 0.1, 1)], {
      K: { i: 40 },
      N: { i: 5 },
      block_size: { i: 16 },
      quant_type: { i: type },
    }),
  ),
  ...[4, 8].flatMap((bits) =>
    [true, false].map((zeros) =>
      row(
        'GatherBlockQuantized',
        [
          held([7, 4 * bits], 'uint8', 0, 256),
          held([2, 3], 'int64', 0, 7),
          held([7, 2], 'float32', 0.01, 0.1),
          zeros ? held([7, bits / 4], 'uint8', 0, 256) : undefined,
        ],
        { bits: { i: bits }, block_size: { i: 16 }, gather_axis: { i: 0 }, quantize_axis: { i: 1 } },
        { opset: 21, note: zeros ? 'zero points' : '' },
      ),
    ),
  ),
  row('QuantizeLinear', [fed([3, 5]), scale, zero()]),
  row('DequantizeLinear', [u8([3, 5]), scale, zero()]),
  anyRow(
    'QLinearConv',
    [
      u8([1, 3, 7, 5]),
      scale,
      zero(),
      s8([4, 3, 3, 3]),
      held([4], 'float32', 0.01, 0.03),
      held([4], 'int8', 0, 1),
      scalar(0.5),
      zero(),
      held([4], 'int32', -99, 99),
    ],
    { pads: { ints: [1, 1, 1, 1] } },
    near,
  ),
  anyRow(
    'QLinearMatMul',
    [
      u8([5, 9]),
      scale,
      zero(),
      s8([9, 4]),
      held([4], 'float32', 0.01, 0.03),
      held([4], 'int8', 0, 1),
      scalar(0.5),
      zero(),
    ],
    {},
    near,
  ),
  anyRow('MatMulInteger', [u8([5, 9]), s8([9, 4]), zero(), held([4], 'int8', -9, 9)]),
  anyRow('ConvInteger', [u8([1, 3, 7, 5]), held([4, 3, 3, 3], 'uint8', 0, 256), zero(), zero(99)], {
    strides: { ints: [2, 2] },
  }),
  anyRow('DynamicQuantizeLinear', [fed([3, 17])], {}, { outputs: [true, true, true] }),
]

/** A step of `length` tokens, a row of the batch for each of `lengths`, which are less by one, of at most `total`, over a past of `past` places. */
const grouped = (length: number, past: number | undefined, lengths: readonly number[], total: number) => [
  fed([lengths.length, length, 64]),
  fed([lengths.length, length, 32]),
  fed([lengths.length, length, 32]),
  past === undefined ? undefined : fed([lengths.length, 2, past, 16]),
  past === undefined ? undefined : fed([lengths.length, 2, past, 16]),
  given(lengths, 'int32'),
  given([total], 'int32', []),
]
const fewerHeads = { num_heads: { i: 4 }, kv_num_heads: { i: 2 } }
const rotaryTables = [held([32, 8]), held([32, 8])]
const allPresent = { outputs: [true, true, true] }
const ragged: readonly Row[] = [
  row('GroupQueryAttention', grouped(5, undefined, [4, 2], 5), fewerHeads, { ...allPresent, note: 'a ragged prompt' }),
  row('GroupQueryAttention', grouped(1, 5, [5, 3], 6), fewerHeads, { ...allPresent, note: 'a ragged step' }),
  row(
    'GroupQueryAttention',
    [...grouped(1, 5, [5, 3], 6), ...rotaryTables],
    { ...fewerHeads, do_rotary: { i: 1 } },
    { ...allPresent, note: 'a ragged step, turned' },
  ),
  row('GroupQueryAttention', grouped(1, 8, [5, 5], 6), fewerHeads, { ...allPresent, note: 'a past of fixed size' }),
  row('GroupQueryAttention', grouped(3, 4, [6], 7), fewerHeads, { ...allPresent, note: 'a chunk' }),
  row(
    'GroupQueryAttention',
    grouped(5, undefined, [4, 4], 5),
    { ...fewerHeads, smooth_softmax: { i: 1 } },
    { ...allPresent, note: 'a smooth softmax' },
  ),
  row(
    'GroupQueryAttention',
    [...grouped(1, 5, [5, 4], 6), undefined, undefined, undefined, undefined, held([4])],
    { ...fewerHeads, local_window_size: { i: 3 } },
    { ...allPresent, note: 'a sink beside a window' },
  ),
]

const boxes = [fed([2, 3, 5, 8]), fed([3, 4], 'float32', -0.2, 1.2), given([0, 1, 0], 'int32')]
const images: readonly Row[] = [
  row('CropAndResize', [...boxes, given([4, 3], 'int32')], { mode: { s: 'bilinear' } }),
  row('CropAndResize', [...boxes, given([1, 6], 'int32')], { extrapolation_value: { f: 7 } }),
  row('CropAndResize', [...boxes, given([5, 1], 'int32')], { mode: { s: 'nearest' }, extrapolation_value: { f: 7 } }),
  row('ConvTransposeWithDynamicPads', [fed([1, 2, 4, 4]), held([2, 3, 3, 3]), given([1, 0, 1, 2], 'int64')], {
    strides: { ints: [2, 2] },
  }),
  row('UnfoldTensor', [fed([3, 12, 5])], { dim: { i: 1 }, size: { i: 4 }, step: { i: 3 } }),
  row('UnfoldTensor', [fed([12])], { size: { i: 4 } }),
  ...['ParametricSoftplus', 'ScaledTanh', 'Affine'].map((op) =>
    anyRow(op, [fed([2, 5])], { alpha: { f: 0.5 }, beta: { f: 1.5 } }, { opset: 9 }),
  ),
  anyRow('Scale', [fed([2, 5])], { scale: { f: 3 } }, { opset: 9 }),
  anyRow('Crop', [fed([1, 3, 6, 6])], { border: { ints: [1, 0, 2, 3] } }, { opset: 9 }),
  anyRow('Crop', [fed([1, 3, 6, 6])], { border: { ints: [1, 2, 0, 0] }, scale: { ints: [3, 4] } }, { opset: 9 }),
]

const others: readonly Row[] = [
  row('CDist', [fed([3, 5]), fed([4, 5])], { metric: { s: 'euclidean' } }),
  row('Trilu', [fed([4, 5])], { upper: { i: 0 } }),
  row('ExpandDims', [fed([3, 5]), scalar(1, 'int32')]),
  row('Pad', [fed([3, 5]), given([1, 0, 0, 2], 'int64'), scalar(7)]),
  row('GatherND', [fed([3, 5]), given([0, 2], 'int64', [2, 1])]),
]

/** Ops of com.microsoft, and quantized ones of ONNX. */
export const contribRows: readonly Row[] = [
  ...activations,
  ...fused,
  ...norms,
  ...attentions,
  ...quantized,
  ...more,
  ...ragged,
  ...images,
  ...others,
]
