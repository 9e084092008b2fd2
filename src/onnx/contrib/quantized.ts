import { onnxTypeCode } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Attributes, Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { numericOf, windowOf } from './activations.js'
import { alias, channelsFirst, number, numbers, support, swapped, type Writer, written } from './rule.js'

/** The real numbers that input `index` stands for, with the scale and zero point that follow it. */
const real = (k: GraphBuilder, draft: Draft, index: number): Value =>
  k.op('DequantizeLinear', [inputOf(draft, index), inputOf(draft, index + 1), draft.inputs[index + 2]])

/** `y` quantized by the scale and zero point that are inputs `index` and `index + 1`; of the type of `like` without one. */
const quantized = (k: GraphBuilder, draft: Draft, y: Value, index: number, like: Value): Value => {
  const zeroPoint = draft.inputs[index + 1]
  const attributes = zeroPoint ? {} : { output_dtype: onnxTypeCode[like.dtype] }
  return k.op('QuantizeLinear', [y, inputOf(draft, index), zeroPoint], attributes)
}

/** One operand x, its scale and zero point, then those of the result. */
const unary =
  (write: (k: GraphBuilder, x: Value, draft: Draft) => Value): Writer =>
  (k, draft) => [quantized(k, draft, write(k, real(k, draft, 0), draft), 3, inputOf(draft, 0))]

const binary =
  (op: string): Writer =>
  (k, draft) => [quantized(k, draft, k.op(op, [real(k, draft, 0), real(k, draft, 3)]), 6, inputOf(draft, 0))]

const pooled =
  (op: string, attributes: (draft: Draft) => Attributes): Writer =>
  (k, draft) =>
    unary((_, x) => {
      const pool = (value: Value) => k.op(op, [value], attributes(draft))
      return number(draft, 'channels_last', 0) ? channelsFirst(k, x, pool) : pool(x)
    })(k, draft, draft)

const softmax: Writer = unary((k, x, draft) => {
  const axis = number(draft, 'axis', -1)
  const rank = x.shape.length
  const last = axis === -1 || axis === rank - 1
  support(last || number(draft, 'opset', 13) >= 13, `a QLinearSoftmax over the axes from ${axis} on`)
  return k.softmax(x, axis)
})

const concat: Writer = (k, draft) => {
  const count = Math.floor((draft.inputs.length - 2) / 3)
  const parts = Array.from({ length: count }, (_, part) => real(k, draft, 2 + 3 * part))
  const joined = k.concat(parts, number(draft, 'axis', 0))
  return [quantized(k, draft, joined, 0, inputOf(draft, 2))]
}

const where: Writer = (k, draft) => {
  const chosen = k.op('Where', [inputOf(draft, 0), real(k, draft, 1), real(k, draft, 4)])
  return [quantized(k, draft, chosen, 7, inputOf(draft, 1))]
}

const transposedIf = (k: GraphBuilder, x: Value, swap: boolean): Value => (swap ? swapped(k, x) : x)

/** int32 sums times the scales; one scale, or one a column. */
const scaled = (k: GraphBuilder, sums: Value, aScale: Value, bScale: Value, bias: Value | undefined): Value => {
  const y = k.mul(k.cast(sums, numericOf(aScale)), k.mul(aScale, bScale))
  return bias ? k.add(y, bias) : y
}

const gemm: Writer = (k, draft) => {
  const [a, aScale, aZero, b, bScale, bZero, c, yScale] = draft.inputs
  const left = transposedIf(k, inputOf(draft, 0), number(draft, 'transA', 0) !== 0)
  const right = transposedIf(k, inputOf(draft, 3), number(draft, 'transB', 0) !== 0)
  if (!a || !b || !aScale || !bScale) throw new LanewiseError('INVALID_MODEL', 'operands and scales are required')
  const sums = k.op('MatMulInteger', [left, right, aZero, bZero])
  const y = scaled(k, c ? k.add(sums, c) : sums, aScale, bScale, undefined)
  const alpha = number(draft, 'alpha', 1)
  const result = alpha === 1 ? y : k.mul(y, alpha)
  return [yScale ? quantized(k, draft, result, 7, a) : result]
}

const toFloat: Writer = (k, draft) => {
  const [aScale, bScale] = [inputOf(draft, 2), inputOf(draft, 3)]
  const sums = k.op('MatMulInteger', [inputOf(draft, 0), inputOf(draft, 1), draft.inputs[4], draft.inputs[5]])
  return [scaled(k, sums, aScale, bScale, draft.inputs[6])]
}

const dynamic: Writer = (k, draft) => {
  const [a, aScale, aZero] = k.emit('DynamicQuantizeLinear', [inputOf(draft, 0)])
  const sums = k.op('MatMulInteger', [a, inputOf(draft, 1), aZero, draft.inputs[3]])
  return [scaled(k, sums, aScale, inputOf(draft, 2), draft.inputs[4])]
}

/**
 * LSTM of quantized weights W [directions, input, 4 hidden] and R [directions, hidden, 4 hidden], with one scale a direction
 * or a column. It computes with the weights' real numbers, where onnxruntime rounds x and h to 8 bits in each step.
 */
const lstm: Writer = (k, draft) => {
  const weight = (index: number, scaleAt: number): Value => {
    const [w, scale, zero] = [inputOf(draft, index), inputOf(draft, scaleAt), draft.inputs[scaleAt + 1]]
    const spread = (x: Value) => k.reshape(x, x.shape.length === 1 ? [0, 1, 1] : [0, 1, -1])
    const dtype = numericOf(scale)
    const elements = k.cast(w, dtype)
    const shifted = zero ? k.sub(elements, k.cast(spread(zero), dtype)) : elements
    return k.transpose(k.mul(shifted, spread(scale)), [0, 2, 1])
  }
  const operands = [inputOf(draft, 0), weight(1, 8), weight(2, 10), ...draft.inputs.slice(3, 8)]
  return k.emit('LSTM', operands, draft.attributes, draft.outputs)
}

/** Conv with the x, w and y of QLinearConv, whose channels may be last. */
const conv: Writer = (k, draft) => {
  const convolve = (x: Value) => k.op('QLinearConv', [x, ...draft.inputs.slice(1)], windowOf(draft))
  const x = inputOf(draft, 0)
  return [number(draft, 'channels_last', 0) ? channelsFirst(k, x, convolve) : convolve(x)]
}

const reduceMean: Writer = unary((k, x, draft) => k.mean(x, numbers(draft, 'axes'), number(draft, 'keepdims', 1) !== 0))

/** Quantized ops of com.microsoft. */
export const quantizedWriters: AdapterTable = {
  'com.microsoft.QuantizeLinear': alias('QuantizeLinear'),
  'com.microsoft.DequantizeLinear': alias('DequantizeLinear'),
  'com.microsoft.QLinearConv': written(conv),
  'com.microsoft.QLinearAdd': written(binary('Add')),
  'com.microsoft.QLinearMul': written(binary('Mul')),
  'com.microsoft.QLinearSigmoid': written(unary((k, x) => k.sigmoid(x))),
  'com.microsoft.QLinearLeakyRelu': written(
    unary((k, x, draft) => k.op('LeakyRelu', [x], { alpha: number(draft, 'alpha', 0.01) })),
  ),
  'com.microsoft.QLinearSoftmax': written(softmax),
  'com.microsoft.QLinearAveragePool': written(
    pooled('AveragePool', (draft) => windowOf(draft, 'ceil_mode', 'count_include_pad')),
  ),
  'com.microsoft.QLinearGlobalAveragePool': written(pooled('GlobalAveragePool', () => ({}))),
  'com.microsoft.QLinearReduceMean': written(reduceMean),
  'com.microsoft.QLinearConcat': written(concat),
  'com.microsoft.QLinearWhere': written(where),
  'com.microsoft.QGemm': written(gemm),
  'com.microsoft.MatMulIntegerToFloat': written(toFloat),
  'com.microsoft.DynamicQuantizeMatMul': written(dynamic),
  'com.microsoft.DynamicQuantizeLSTM': written(lstm),
}
