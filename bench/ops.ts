import type { Attributes, Value } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { loadOperators } from '../src/packs/index.js'

await loadOperators()

type Dims = readonly number[]

/** An operand of a model of one node. */
interface Operand {
  readonly tensor: Tensor
  /** Held by the model, as weights are, instead of fed. */
  readonly held: boolean
}

/** A model of one node. */
export interface OneNode {
  readonly name: string
  readonly op: string
  readonly operands: readonly (Operand | undefined)[]
  readonly attributes: Attributes
}

/** Uniform in [-bound, bound), the same each time. */
export function randomTensor(dims: Dims, seed = 7, bound = 1): Tensor {
  const generator = new RandomGenerator(seed)
  const data = Float32Array.from({ length: sizeOf(dims) }, () => generator.uniform(-bound, bound))
  return new Tensor('float32', data, dims)
}

function randomBytes(dims: Dims, type: 'uint8' | 'int8'): Tensor {
  const generator = new RandomGenerator(7)
  const low = type === 'uint8' ? 0 : -128
  return new Tensor(
    type,
    Array.from({ length: sizeOf(dims) }, () => low + generator.integer(256)),
    dims,
  )
}

const fed = (...dims: Dims): Operand => ({ tensor: randomTensor(dims), held: false })
const held = (...dims: Dims): Operand => ({ tensor: randomTensor(dims, 8, 0.25), held: true })
const given = (tensor: Tensor): Operand => ({ tensor, held: true })
const one = (name: string, op: string, operands: OneNode['operands'], attributes: Attributes = {}): OneNode => ({
  name,
  op,
  operands,
  attributes,
})

const product = (m: number, k: number, n: number) => one(`${m}x${k}x${n}`, 'MatMul', [fed(m, k), fed(k, n)])
const dense = (m: number, k: number, n: number) => one(`${m}x${k}x${n} weights`, 'MatMul', [fed(m, k), held(k, n)])

/** Matrix products of both operands fed, or of a fed one and weights. */
export const products: readonly OneNode[] = [
  product(512, 512, 512),
  product(1024, 1024, 1024),
  product(128, 128, 128),
  dense(512, 512, 512),
  dense(128, 1000, 100),
  dense(1, 1024, 1024),
  one('12x 128x64x128', 'MatMul', [fed(12, 128, 64), fed(12, 64, 128)]),
]

/** A convolution of square images and kernels, padded so that stride 1 keeps the size. */
function conv(batch: number, size: number, from: number, to: number, kernel: number, stride = 1, group = 1): OneNode {
  const pad = (kernel - 1) >> 1
  const kind = group === 1 ? '' : group === from ? ' depthwise' : ` ${group} groups`
  return one(
    `conv ${kernel}x${kernel}${stride > 1 ? ` /${stride}` : ''} ${from}->${to} ${size}x${size}${kind}${batch > 1 ? ` batch ${batch}` : ''}`,
    'Conv',
    [fed(batch, from, size, size), held(to, from / group, kernel, kernel), held(to)],
    { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad], group },
  )
}

const window = (kernel: number, stride: number) => ({ kernel_shape: [kernel, kernel], strides: [stride, stride] })
const unary = (op: string) => one(`${op} 1M`, op, [fed(1024, 1024)])

function recurrent(op: 'LSTM' | 'GRU', gates: number, batch: number): OneNode {
  const [steps, input, hidden] = [28, 28, 64]
  const operands = [fed(steps, batch, input), held(1, gates * hidden, input), held(1, gates * hidden, hidden)]
  return one(`${op} 28 steps, 64 units, batch ${batch}`, op, operands, { hidden_size: hidden })
}

export const operators: readonly OneNode[] = [
  conv(1, 56, 64, 64, 3),
  conv(1, 14, 256, 256, 3),
  conv(1, 56, 64, 128, 3, 2),
  conv(1, 56, 256, 64, 1),
  conv(1, 7, 320, 1280, 1),
  conv(1, 224, 3, 64, 7, 2),
  conv(128, 28, 1, 20, 5),
  conv(1, 56, 144, 144, 3, 1, 144),
  conv(1, 56, 144, 144, 3, 2, 144),
  conv(1, 28, 144, 144, 5, 1, 144),
  conv(1, 28, 128, 128, 3, 1, 8),
  one('conv transpose 2x2 /2 64->32 28x28', 'ConvTranspose', [fed(1, 64, 28, 28), held(64, 32, 2, 2)], window(2, 2)),
  one('max pool 3x3 /2 64 112x112', 'MaxPool', [fed(1, 64, 112, 112)], window(3, 2)),
  one('average pool 2x2 /2 64 112x112', 'AveragePool', [fed(1, 64, 112, 112)], window(2, 2)),
  one('global average pool 512 7x7', 'GlobalAveragePool', [fed(1, 512, 7, 7)]),
  one('softmax 128x1000', 'Softmax', [fed(128, 1000)]),
  one('layer normalization 128x768', 'LayerNormalization', [fed(128, 768), held(768), held(768)]),
  one('add 1M', 'Add', [fed(1024, 1024), fed(1024, 1024)]),
  one('add 1M + row', 'Add', [fed(1024, 1024), fed(1024)]),
  ...['Tanh', 'Sigmoid', 'Exp', 'Erf'].map(unary),
  one('reduce mean 1024x1024', 'ReduceMean', [fed(1024, 1024), given(new Tensor('int64', [1], [1]))]),
  one('transpose 8x64x56x56', 'Transpose', [fed(8, 64, 56, 56)], { perm: [0, 2, 3, 1] }),
  recurrent('LSTM', 4, 1),
  recurrent('LSTM', 4, 32),
  recurrent('GRU', 3, 32),
  one('integer product 128x256x256', 'MatMulInteger', [
    { tensor: randomBytes([128, 256], 'uint8'), held: false },
    given(randomBytes([256, 256], 'int8')),
  ]),
]

/** The model of one node, and what it is fed. */
export function modelOf({ op, operands, attributes }: OneNode) {
  const builder = new GraphBuilder()
  const inputs: Record<string, Tensor> = {}
  const values = operands.map((operand, index): Value | undefined => {
    if (!operand) return undefined
    const { tensor, held: isHeld } = operand
    if (isHeld) return builder.constant(tensor)
    inputs[`x${index}`] = tensor
    return builder.input(`x${index}`, tensor.type, tensor.dims)
  })
  builder.output(builder.op(op, values, attributes), 'y')
  return { model: exportModel(builder.build()), inputs }
}
