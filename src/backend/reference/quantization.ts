import { type DType, dtypeOfCode, isFloat } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Attributes } from '../../core/ir.js'
import { encodingOfDType } from '../../core/minifloat.js'
import { concrete, inversePermutation, permute, type Shape, stridesOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { granularityOf, limits } from '../../ops/granularity.js'
import { matrixParameterShape, type quantization } from '../../ops/quantization.js'
import { toChannelsLast, weightToChannelsLast } from '../../ops/window.js'
import { broadcastIndices } from './broadcast.js'
import { castTensor } from './cast.js'
import { convKernels } from './conv.js'
import { roundHalfToEven } from './elementwise.js'
import type { ReferenceKernel } from './kernel.js'
import { product } from './matmul.js'
import { movementKernels } from './movement.js'
import { numbersOf, tensorOf } from './numbers.js'

/** Rounds to the precision of a float dtype; float64 and integers leave a number as it is. */
function precisionOf(dtype: DType): (value: number) => number {
  if (dtype === 'float32') return Math.fround
  const encoding = encodingOfDType(dtype)
  return encoding ? (value) => encoding.decode(encoding.encode(value, false)) : (value) => value
}

/** For each element of a tensor, the index of its scale. */
function scaleIndices(dims: readonly number[], scale: Tensor, attributes: Attributes): (element: number) => number {
  const granularity = granularityOf(dims, scale.dims, attributes)
  if (granularity.kind === 'tensor') return () => 0
  const { axis } = granularity
  const stride = stridesOf(dims)[axis]
  if (granularity.kind === 'axis') return (element) => Math.floor(element / stride) % dims[axis]
  const blocks = scale.dims[axis]
  return (element) => {
    const index = Math.floor(element / stride) % dims[axis]
    const outer = Math.floor(element / (stride * dims[axis]))
    return (outer * blocks + Math.floor(index / granularity.block)) * stride + (element % stride)
  }
}

const centered = (tensor: Tensor, zeroPoint: Tensor | undefined, shape: Shape): Tensor => {
  const values = numbersOf(tensor).slice()
  if (zeroPoint) {
    const zeros = numbersOf(zeroPoint)
    const indices = broadcastIndices(concrete(shape), tensor.dims)
    for (let i = 0; i < values.length; i++) values[i] -= zeros[indices[i]]
  }
  return new Tensor('float64', values, tensor.dims)
}

/** An operand of a matrix product less its zero point. */
const matrixOf = (tensor: Tensor, zeroPoint: Tensor | undefined, side: 'left' | 'right'): Tensor =>
  centered(tensor, zeroPoint, zeroPoint ? matrixParameterShape(tensor.dims, zeroPoint.dims, side) : [])

/** A convolution's operand less its zero point: one number, or one for each index of axis 0. */
const planesOf = (tensor: Tensor, zeroPoint: Tensor | undefined): Tensor =>
  centered(
    tensor,
    zeroPoint,
    zeroPoint && zeroPoint.size > 1 ? [zeroPoint.size, ...tensor.dims.slice(1).map(() => 1)] : [],
  )

function multiply(a: Tensor, b: Tensor, shape: Shape): Float64Array {
  const left = a.dims.length === 1 ? a.reshape([1, a.size]) : a
  const right = b.dims.length === 1 ? b.reshape([b.size, 1]) : b
  const matrixAxes = (a.dims.length > 1 ? 1 : 0) + (b.dims.length > 1 ? 1 : 0)
  return product(left, right, false, false, concrete(shape).slice(0, shape.length - matrixAxes))
}

function convolve(x: Tensor, w: Tensor, bias: Tensor | undefined, shape: Shape, attributes: Attributes): Float64Array {
  const outputs = [{ dtype: 'float64', shape }] as const
  const operands = bias ? [x, w, tensorOf('float64', numbersOf(bias), bias.dims)] : [x, w]
  return numbersOf(convKernels.Conv({ inputs: operands, outputs, attributes })[0])
}

/** Sums times what the scales say, both in float32, rounded to even and limited, as integers of `dtype`. */
function requantize(
  sums: Float64Array,
  multiplier: (element: number) => number,
  zeroPoint: (element: number) => number,
  dtype: DType,
  shape: Shape,
): Tensor {
  const range = limits[dtype]
  const values = sums.map((sum, i) => {
    const scaled = Math.fround(Math.fround(sum) * multiplier(i))
    return range ? clamp(roundHalfToEven(scaled) + zeroPoint(i), range) : scaled + zeroPoint(i)
  })
  return tensorOf(dtype, values, shape)
}

const clamp = (value: number, [low, high]: readonly [number, number]): number => Math.min(Math.max(value, low), high)

const convInteger: ReferenceKernel = ({ inputs: [x, w, xZero, wZero], outputs: [{ dtype, shape }], attributes }) => [
  tensorOf(dtype, convolve(planesOf(x!, xZero), planesOf(w!, wZero), undefined, shape, attributes), shape),
]

const qLinearConv: ReferenceKernel = ({ inputs, outputs: [{ dtype, shape }], attributes }) => {
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias] = inputs as readonly (Tensor | undefined)[]
  const dims = concrete(shape)
  const plane = dims.slice(2).reduce((size, dim) => size * dim, 1)
  const [[xs], ws, [ys]] = [numbersOf(xScale!), numbersOf(wScale!), numbersOf(yScale!)]
  const round = precisionOf(xScale!.type)
  const multipliers = ws.map((scale) => round(round(xs * scale) / ys))
  if (multipliers.length > 1 && multipliers.length !== dims[1])
    throw new LanewiseError('SHAPE_MISMATCH', `${multipliers.length} scales for ${dims[1]} output channels`)
  const sums = convolve(planesOf(x!, xZero), planesOf(w!, wZero), bias, shape, attributes)
  const channel = (element: number) => (multipliers.length > 1 ? Math.floor(element / plane) % dims[1] : 0)
  const [zero] = numbersOf(yZero!)
  return [
    requantize(
      sums,
      (i) => multipliers[channel(i)],
      () => zero,
      dtype,
      shape,
    ),
  ]
}

/** A tensor's axes in the order `perm`. */
const moved = (tensor: Tensor, perm: readonly number[]): Tensor => {
  const dims = permute(tensor.dims, perm)
  return movementKernels.Transpose({
    inputs: [tensor],
    outputs: [{ dtype: tensor.type, shape: dims }],
    attributes: { perm },
  })[0]
}

/** The channels-last twin of a convolution whose weight is input `weight`. */
const channelsLast =
  (kernel: ReferenceKernel, weight: number): ReferenceKernel =>
  ({ inputs, outputs: [{ dtype, shape }], attributes }) => {
    const axes = shape.map((_, axis) => axis)
    const [last, first] = [toChannelsLast(axes), inversePermutation(toChannelsLast(axes))]
    const operands = inputs.slice()
    operands[0] = moved(inputs[0]!, first)
    operands[weight] = moved(inputs[weight]!, inversePermutation(weightToChannelsLast(axes)))
    const [y] = kernel({ inputs: operands, outputs: [{ dtype, shape: permute(shape, first) }], attributes })
    return [moved(y, last)]
  }

export const quantizationKernels = {
  QuantizeLinear: ({ inputs: [x, scale, zeroPoint], outputs: [{ dtype, shape }], attributes }) => {
    const precision = dtypeOfCode(intAttribute(attributes, 'precision'))
    const { type } = scale!
    const round = precisionOf(precision ?? (type === 'float8e8m0' ? x!.type : isFloat(type) ? type : 'float64'))
    const at = scaleIndices(x!.dims, scale!, attributes)
    const [scales, zeros] = [numbersOf(scale!), zeroPoint && numbersOf(zeroPoint)]
    const range = limits[dtype]
    const values = numbersOf(x!).map((value, i) => {
      const scaled = round(round(value) / round(scales[at(i)]))
      const zero = zeros ? zeros[at(i)] : 0
      return range ? clamp(roundHalfToEven(scaled) + zero, range) : round(scaled + zero)
    })
    const saturate = intAttribute(attributes, 'saturate') !== 0
    return [castTensor(tensorOf('float64', values, shape), dtype, { saturate })]
  },
  DequantizeLinear: ({ inputs: [x, scale, zeroPoint], outputs: [{ dtype, shape }], attributes }) => {
    const at = scaleIndices(x!.dims, scale!, attributes)
    const [scales, zeros] = [numbersOf(scale!), zeroPoint && numbersOf(zeroPoint)]
    const values = numbersOf(x!).map((value, i) => (value - (zeros ? zeros[at(i)] : 0)) * scales[at(i)])
    return [tensorOf(dtype, values, shape)]
  },
  DynamicQuantizeLinear: ({ inputs: [x], outputs: [y, scale, zero] }) => {
    const values = numbersOf(x!)
    const low = values.reduce((a, b) => Math.min(a, b), 0)
    const high = values.reduce((a, b) => Math.max(a, b), 0)
    const step = Math.fround(Math.fround(high - low) / 255)
    const divisor = step === 0 ? 1 : step
    const zeroPoint = clamp(roundHalfToEven(Math.fround(-low / divisor)), [0, 255])
    const quantized = values.map((value) => clamp(roundHalfToEven(Math.fround(value / divisor)) + zeroPoint, [0, 255]))
    return [
      tensorOf('uint8', quantized, y.shape),
      tensorOf('float32', [step], scale.shape),
      tensorOf('uint8', [zeroPoint], zero.shape),
    ]
  },
  MatMulInteger: ({ inputs: [a, b, aZero, bZero], outputs: [{ dtype, shape }] }) => [
    tensorOf(dtype, multiply(matrixOf(a!, aZero, 'left'), matrixOf(b!, bZero, 'right'), shape), shape),
  ],
  ConvInteger: convInteger,
  'lanewise.ConvIntegerNhwc': channelsLast(convInteger, 1),
  QLinearMatMul: ({ inputs, outputs: [{ dtype, shape }] }) => {
    const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = inputs as readonly Tensor[]
    const dims = concrete(shape)
    const round = precisionOf(aScale.type)
    // A row of a and a column of b have their own scales; what broadcasts to an operand broadcasts to the product.
    const spread = (parameter: Tensor, side: 'left' | 'right', operand: readonly number[]) => {
      const indices = broadcastIndices(concrete(matrixParameterShape(operand, parameter.dims, side)), dims)
      const values = numbersOf(parameter)
      return (element: number) => values[indices[element]]
    }
    const [left, right] = [spread(aScale, 'left', a.dims), spread(bScale, 'right', b.dims)]
    const [scale, zero] = [spread(yScale, 'left', dims), spread(yZero, 'left', dims)]
    const sums = multiply(matrixOf(a, aZero, 'left'), matrixOf(b, bZero, 'right'), shape)
    return [requantize(sums, (i) => round(round(left(i) * right(i)) / scale(i)), zero, dtype, shape)]
  },
  QLinearConv: qLinearConv,
  'lanewise.QLinearConvNhwc': channelsLast(qLinearConv, 3),
} as const satisfies Record<keyof typeof quantization, ReferenceKernel>
