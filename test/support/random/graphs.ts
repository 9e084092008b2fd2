import type { NumericDType } from '../../../src/core/dtype.js'
import type { Attributes, Graph, Value } from '../../../src/core/ir.js'
import { RandomGenerator } from '../../../src/core/random.js'
import { concrete, sizeOf } from '../../../src/core/shape.js'
import { Tensor } from '../../../src/core/tensor.js'
import { GraphBuilder } from '../../../src/graph/builder.js'

const activations: readonly (readonly [string, Attributes?])[] = [
  ['Relu'],
  ['Relu'],
  ['Relu'],
  ['LeakyRelu', { alpha: 0.2 }],
  ['Sigmoid'],
  ['Tanh'],
  ['Elu', { alpha: 0.7 }],
  ['HardSwish'],
  ['HardSigmoid', { alpha: 0.25 }],
  ['Softplus'],
  ['Mish'],
  ['Identity'],
  ['Neg'],
]

/** What one draws from while a network grows. */
class Sketch {
  readonly builder = new GraphBuilder('random')
  readonly random: RandomGenerator
  readonly values: Value[] = []
  readonly #weights: Value[] = []
  readonly dtype: NumericDType

  constructor(seed: number, dtype: NumericDType) {
    this.random = new RandomGenerator(seed)
    this.dtype = dtype
  }

  chance = (probability: number): boolean => this.random.uniform() < probability
  pick = <T>(items: readonly T[]): T => items[this.random.integer(items.length)]
  between = (low: number, high: number): number => low + this.random.integer(high - low + 1)
  op = (op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value =>
    this.builder.op(op, inputs, attributes)

  tensor(dims: readonly number[], low = -1, high = 1): Tensor {
    return new Tensor(
      this.dtype,
      Array.from({ length: sizeOf(dims) }, () => this.random.uniform(low, high)),
      dims,
    )
  }

  /** A constant; now and then one that serves already. */
  weight(dims: readonly number[], low = -1, high = 1): Value {
    const shared = this.#weights.filter(({ shape }) => shape.join() === dims.join())
    if (low < 0 && shared.length > 0 && this.chance(0.3)) return this.pick(shared)
    const value = this.builder.constant(this.tensor(dims, low, high), 'weight')
    if (low < 0) this.#weights.push(value)
    return value
  }

  /** Another value of the shape of `x`, if there is one. */
  peer(x: Value): Value | undefined {
    const peers = this.values.filter(({ shape, dtype }) => dtype === x.dtype && shape.join() === x.shape.join())
    return peers.length > 0 ? this.pick(peers) : undefined
  }
}

type Step = (sketch: Sketch, x: Value) => Value | undefined

const dimsOf = (x: Value): number[] => [...concrete(x.shape)]

function convolution(s: Sketch, x: Value): Value {
  const [, channels, height, width] = dimsOf(x)
  const depthwise = s.chance(0.25)
  const group = depthwise ? channels : channels % 2 === 0 && s.chance(0.2) ? 2 : 1
  const outputs = depthwise ? channels * s.pick([1, 1, 2]) : group * s.pick([1, 2, 3, 4, 8])
  const kernel = [Math.min(s.pick([1, 1, 3, 3, 3, 5, 2]), height), Math.min(s.pick([1, 3, 3]), width)]
  if (s.chance(0.5)) kernel[1] = Math.min(kernel[0], width)
  const strides = s.chance(0.3) ? [2, s.pick([1, 2])] : [1, 1]
  const pads = s.chance(0.6) ? [0, 1, 0, 1].map((axis) => Math.floor(kernel[axis] / 2)) : [0, 0, 0, 0]
  const scale = 1 / Math.sqrt((kernel[0] * kernel[1] * channels) / group)
  const w = s.weight([outputs, channels / group, ...kernel], -scale, scale)
  const bias = s.chance(0.5) ? s.weight([outputs]) : undefined
  return s.op('Conv', [x, w, bias], { kernel_shape: kernel, strides, pads, group })
}

function transposedConvolution(s: Sketch, x: Value): Value | undefined {
  const [, channels, height, width] = dimsOf(x)
  if (height * width > 80) return undefined
  const kernel = s.pick([2, 3])
  const w = s.weight([channels, s.pick([1, 2, 3]), kernel, kernel], -0.5, 0.5)
  const stride = s.pick([1, 2])
  return s.op('ConvTranspose', [x, w], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [0, 0, 0, 0],
  })
}

function batchNormalization(s: Sketch, x: Value): Value {
  const [, channels] = dimsOf(x)
  const vector = (low: number, high: number) => s.weight([channels], low, high)
  return s.op('BatchNormalization', [x, vector(0.5, 1.5), vector(-1, 1), vector(-1, 1), vector(0.5, 2)], {
    epsilon: 1e-3,
  })
}

const activation: Step = (s, x) => {
  const [op, attributes] = s.pick(activations)
  return s.op(op, [x], attributes)
}

const pool: Step = (s, x) => {
  const [, , height, width] = dimsOf(x)
  if (height < 2 || width < 2) return undefined
  const kernel = [s.pick([2, 2, Math.min(3, height)]), s.pick([2, Math.min(3, width)])]
  const pads = s.chance(0.3) ? [1, 0, 0, 1] : [0, 0, 0, 0]
  const attributes = {
    kernel_shape: kernel,
    strides: s.pick([
      [2, 2],
      [1, 1],
      [1, 2],
    ]),
    pads,
  }
  return s.chance(0.6)
    ? s.op('MaxPool', [x], attributes)
    : s.op('AveragePool', [x], { ...attributes, count_include_pad: s.between(0, 1) })
}

/** Sums and products with values of the same shape, along channels, or with one number. */
const combine: Step = (s, x) => {
  const dims = dimsOf(x)
  const kinds = [
    () => s.peer(x),
    () => s.weight(dims.length === 4 ? [1, dims[1], 1, 1] : [dims[1]]),
    () => (dims.length === 4 ? s.weight([dims[1], 1, 1]) : s.weight([1, dims[1]])),
    () => s.builder.scalar(s.pick([0.5, 2, -1, 1, 0]), s.dtype),
    () => s.weight(dims),
  ]
  const other = s.pick(kinds)()
  if (!other) return undefined
  const pair = s.chance(0.7) ? [x, other] : [other, x]
  return s.op(s.pick(['Add', 'Add', 'Add', 'Mul', 'Mul', 'Sub', 'Max']), pair)
}

/** A transpose, something elementwise, and often the way back. */
const turned: Step = (s, x) => {
  const rank = x.shape.length
  const perm = rank === 4 && s.chance(0.6) ? [0, 2, 3, 1] : [...s.random.permutation(rank)]
  const there = s.op('Transpose', [x], { perm })
  const inside = s.chance(0.5) ? activation(s, there)! : s.chance(0.5) ? (combineAlong(s, there) ?? there) : there
  return s.op('Transpose', [inside], { perm: perm.map((_, axis) => perm.indexOf(axis)) })
}

const combineAlong = (s: Sketch, x: Value): Value => s.op(s.pick(['Add', 'Mul']), [x, s.weight([dimsOf(x).at(-1)!])])

const reshaped: Step = (s, x) => {
  const dims = dimsOf(x)
  const flat = s.op('Reshape', [x, s.builder.ints(s.pick([[-1], [dims[0], -1], [0, -1], [sizeOf(dims), 1]]))])
  const inside = s.chance(0.4) ? activation(s, flat)! : flat
  return s.op('Reshape', [inside, s.builder.ints(dims)])
}

const quantized: Step = (s, x) => {
  if (s.dtype !== 'float32') return undefined
  const scale = s.builder.scalar(s.random.uniform(0.02, 0.1))
  const zero = s.builder.constant(new Tensor('uint8', [s.pick([128, 100, 0])], []))
  return s.op('DequantizeLinear', [s.op('QuantizeLinear', [x, scale, zero]), scale, zero])
}

const squeezed: Step = (s, x) => {
  const [, channels] = dimsOf(x)
  const mean = s.chance(0.5)
    ? s.op('GlobalAveragePool', [x])
    : s.op('ReduceMean', [x, s.builder.ints([2, 3])], { keepdims: 1 })
  const gate = s.op('Conv', [mean, s.weight([channels, channels, 1, 1], -0.5, 0.5), s.weight([channels])], {
    kernel_shape: [1, 1],
  })
  return s.builder.mul(x, s.op(s.pick(['Sigmoid', 'HardSigmoid']), [gate]))
}

const sliced: Step = (s, x) => {
  const dims = dimsOf(x)
  const axis = s.between(1, dims.length - 1)
  if (dims[axis] < 2) return undefined
  const step = s.pick([1, 1, 2, -1])
  const ints = (values: number[]) => s.builder.ints(values)
  const [start, end] = step > 0 ? [s.between(0, dims[axis] - 1), dims[axis]] : [dims[axis] - 1, -dims[axis] - 1]
  return s.op('Slice', [x, ints([start]), ints([end]), ints([axis]), ints([step])])
}

const joined: Step = (s, x) => {
  const peer = s.peer(x)
  if (!peer || Number(x.shape[1]) > 12) return undefined
  return s.op('Concat', [x, peer], { axis: s.chance(0.8) ? 1 : x.shape.length - 1 })
}

const shuffled: Step = (s, x) => {
  const [, channels] = dimsOf(x)
  if (channels % 2 !== 0) return undefined
  const [a, b] = s.builder.emit('Split', [x], { axis: 1, num_outputs: 2 }, 2)
  return s.op('Concat', s.chance(0.5) ? [b, a] : [s.op('Relu', [a]), b], { axis: 1 })
}

const padded: Step = (s, x) => {
  const zeros = x.shape.map(() => 0)
  const pads = x.shape.length === 4 ? [0, 0, 1, 0, 0, 0, 1, 1] : [...zeros, ...zeros]
  return s.op('Pad', [x, s.builder.ints(pads)], { mode: s.pick(['constant', 'edge']) })
}

const dense: Step = (s, x) => {
  const [rows, width] = dimsOf(x)
  const outputs = s.pick([1, 3, 4, 8, 9])
  const scale = 1 / Math.sqrt(width)
  if (s.chance(0.5)) {
    const transB = s.between(0, 1)
    const w = s.weight(transB ? [outputs, width] : [width, outputs], -scale, scale)
    return s.op(
      'Gemm',
      [x, w, s.chance(0.7) ? s.weight(s.pick([[outputs], [1, outputs], [rows, outputs], []])) : undefined],
      { transB, alpha: s.pick([1, 1, 0.5]), beta: s.pick([1, 1, 2]) },
    )
  }
  const product = s.builder.matMul(x, s.weight([width, outputs], -scale, scale))
  return s.chance(0.7) ? s.builder.add(product, s.weight([outputs])) : product
}

const images: readonly Step[] = [
  convolution,
  convolution,
  convolution,
  batchNormalization,
  batchNormalization,
  activation,
  activation,
  combine,
  combine,
  pool,
  turned,
  reshaped,
  quantized,
  squeezed,
  sliced,
  joined,
  shuffled,
  padded,
  transposedConvolution,
]

const matrices: readonly Step[] = [
  dense,
  dense,
  dense,
  activation,
  activation,
  combine,
  turned,
  reshaped,
  joined,
  sliced,
  (s, x) => s.builder.softmax(x),
  (s, x) => s.op('LayerNormalization', [x, s.weight([dimsOf(x)[1]], 0.5, 1.5), s.weight([dimsOf(x)[1]])]),
]

const flattened = (s: Sketch, x: Value): Value =>
  s.chance(0.4) ? s.op('Flatten', [x]) : s.op('Flatten', [s.op('GlobalAveragePool', [x])])

/**
 * A network of the patterns that the passes look for: convolutions, products and what surrounds them, transposes and
 * reshapes that meet their inverses, shared weights, values that several nodes read, outputs from within.
 */
export function randomGraph(seed: number, dtype: NumericDType = 'float32'): Graph {
  const s = new Sketch(seed, dtype)
  const dims = [s.pick([1, 2, 3]), s.pick([1, 2, 3, 4, 8]), s.between(3, 9), s.between(3, 9)]
  let x = s.builder.input('x', dtype, dims)
  s.values.push(x)
  if (s.chance(0.3)) s.values.push(s.builder.input('other', dtype, dims))
  let steps = images
  const length = s.between(3, 12)
  for (let count = 0; count < length; count++) {
    if (steps === images && count > 2 && s.chance(0.12)) {
      x = flattened(s, x)
      steps = matrices
    } else {
      const read = s.chance(0.15) ? s.pick(s.values.filter((value) => value.shape.length === x.shape.length)) : x
      const next = s.pick(steps)(s, read)
      if (!next || sizeOf(dimsOf(next)) > 3000) continue
      x = next
    }
    s.values.push(x)
  }
  const extra = s.values.filter((value) => value !== x && s.chance(0.08))
  s.builder.output(x, 'y')
  for (const [index, value] of extra.entries()) s.builder.output(value, `extra${index}`)
  return s.builder.build()
}
