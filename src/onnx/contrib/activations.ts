import type { NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { channelsFirst, number, numbers, support, swapped, text, written } from './rule.js'

const biased = (k: GraphBuilder, x: Value, bias: Value | undefined): Value => (bias ? k.add(x, bias) : x)

/** `x` under the activation that a fused op names, with that activation's attributes in ONNX's order. */
export function activated(k: GraphBuilder, x: Value, name: string, parameters: readonly number[]): Value {
  const [alpha, beta] = parameters
  switch (name) {
    case '':
      return x
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
    case 'HardSwish':
    case 'Softplus':
    case 'Softsign':
      return k.op(name, [x])
    case 'LeakyRelu':
    case 'Elu':
    case 'ThresholdedRelu':
      return k.op(name, [x], { alpha })
    case 'ParametricSoftplus':
      return k.mul(k.softplus(k.mul(x, beta)), alpha)
    case 'ScaledTanh':
      return k.mul(k.tanh(k.mul(x, beta)), alpha)
    case 'HardSigmoid':
      return k.op(name, [x], { alpha, beta })
    case 'Clip':
      return k.clip(x, alpha ?? -3.4028234663852886e38, beta ?? 3.4028234663852886e38)
    default:
      throw new LanewiseError('UNSUPPORTED_OP', `the fused activation '${name}' is not supported`)
  }
}

const window = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'] as const

/** The attributes of a convolution or pool alone. */
export const windowOf = (draft: Draft, ...more: readonly string[]) =>
  Object.fromEntries(
    [...window, ...more]
      .filter((name) => draft.attributes[name] !== undefined)
      .map((name) => [name, draft.attributes[name]]),
  )

/** Conv (or its channels-last form), a sum with Z, an activation. */
const fusedConv =
  (last: boolean) =>
  (k: GraphBuilder, draft: Draft): Value[] => {
    const [w, bias, z] = [inputOf(draft, 1), draft.inputs[2], draft.inputs[3]]
    const convolve = (x: Value) => k.op('Conv', [x, w, bias], windowOf(draft))
    const y = last ? channelsFirst(k, inputOf(draft, 0), convolve) : convolve(inputOf(draft, 0))
    return [activated(k, biased(k, y, z), text(draft, 'activation', ''), numbers(draft, 'activation_params') ?? [])]
  }

/** [rows, …batch, columns] -> [...batch, rows, columns]. */
function batchFirst(k: GraphBuilder, x: Value): Value {
  const last = x.shape.length - 1
  return k.transpose(x, [...Array.from({ length: last - 1 }, (_, i) => i + 1), 0, last])
}

/** alpha A B, of transposed operands where the attributes say so. */
const fusedMatMul = (k: GraphBuilder, draft: Draft): Value[] => {
  const operand = (index: number, side: string) => {
    const given = inputOf(draft, index)
    const x = number(draft, `transBatch${side}`, 0) ? batchFirst(k, given) : given
    return number(draft, `trans${side}`, 0) && x.shape.length > 1 ? swapped(k, x) : x
  }
  const product = k.matMul(operand(0, 'A'), operand(1, 'B'))
  const alpha = number(draft, 'alpha', 1)
  const scaled = alpha === 1 ? product : k.mul(product, alpha)
  const names = ['activation_alpha', 'activation_beta', 'activation_gamma']
  const parameters = names.map((name) => draft.attributes[name]).filter((value) => value !== undefined)
  return [activated(k, scaled, text(draft, 'activation', ''), parameters as number[])]
}

const fusedGemm = (k: GraphBuilder, draft: Draft): Value[] => {
  const { activation, activation_alpha, activation_beta, activation_gamma, ...gemm } = draft.attributes
  const parameters = [activation_alpha, activation_beta, activation_gamma].filter((value) => value !== undefined)
  return [activated(k, k.op('Gemm', draft.inputs, gemm), text(draft, 'activation', ''), parameters as number[])]
}

/** e^x - 1 without loss of digits near 0: tanh(x / 2) (e^x + 1). */
const expm1 = (k: GraphBuilder, draft: Draft): Value[] => {
  const x = inputOf(draft, 0)
  return [k.mul(k.tanh(k.mul(x, 0.5)), k.add(k.exp(x), 1))]
}

/** An activation of ONNX's first opsets, whose attributes are alpha and beta. */
const early = (name: string) =>
  written((k, draft) => [activated(k, inputOf(draft, 0), name, [number(draft, 'alpha', 1), number(draft, 'beta', 1)])])

/** Activations of com.microsoft, ops with fused activations, and ops that tf2onnx writes though ONNX lacks them. */
export const activationWriters: AdapterTable = {
  Affine: written((k, draft) => [k.add(k.mul(inputOf(draft, 0), number(draft, 'alpha', 1)), number(draft, 'beta', 0))]),
  ParametricSoftplus: early('ParametricSoftplus'),
  Scale: written((k, draft) => [k.mul(inputOf(draft, 0), number(draft, 'scale', 1))]),
  ScaledTanh: early('ScaledTanh'),
  Erfc: written((k, draft) => [k.sub(1, k.op('Erf', [inputOf(draft, 0)]))]),
  Expm1: written(expm1),
  'com.microsoft.Gelu': written((k, draft) => [k.op('Gelu', [inputOf(draft, 0)])]),
  'com.microsoft.BiasGelu': written((k, draft) => [k.op('Gelu', [biased(k, inputOf(draft, 0), draft.inputs[1])])]),
  'com.microsoft.FastGelu': written((k, draft) => [
    k.op('Gelu', [biased(k, inputOf(draft, 0), draft.inputs[1])], { approximate: 'tanh' }),
  ]),
  'com.microsoft.QuickGelu': written((k, draft) => [
    k.op('Swish', [inputOf(draft, 0)], { alpha: number(draft, 'alpha', 1.702) }),
  ]),
  /** Softmax of a sum from `axis` on; inner axes make one row. */
  'com.microsoft.BiasSoftmax': written((k, draft) => {
    const x = inputOf(draft, 0)
    const axis = number(draft, 'axis', 1)
    const last = axis === -1 || axis === x.shape.length - 1
    support(last, `a BiasSoftmax over axis ${axis} of ${x.shape.length}`)
    const bias = inputOf(draft, 1)
    support(number(draft, 'is_inner_broadcast', 1) !== 0 || bias.shape.length === x.shape.length, 'an outer broadcast')
    return [k.softmax(k.add(x, bias), -1)]
  }),
  'com.microsoft.FusedConv': written(fusedConv(false)),
  'com.microsoft.NhwcFusedConv': written(fusedConv(true)),
  'com.microsoft.FusedMatMul': written(fusedMatMul),
  'com.microsoft.FusedMatMulActivation': written(fusedMatMul),
  'com.microsoft.TransposeMatMul': written(fusedMatMul),
  'com.microsoft.FusedGemm': written(fusedGemm),
  'com.microsoft.GemmFastGelu': written((k, draft) => [
    k.op('Gelu', [biased(k, k.matMul(inputOf(draft, 0), inputOf(draft, 1)), draft.inputs[2])], { approximate: 'tanh' }),
  ]),
  'com.microsoft.NhwcMaxPool': written((k, draft) => [
    channelsFirst(k, inputOf(draft, 0), (x) => k.op('MaxPool', [x], windowOf(draft, 'ceil_mode'))),
  ]),
}

/** The dtype of a value that holds numbers. */
export const numericOf = (value: Value): NumericDType => value.dtype as NumericDType
