import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { quantizedProductLowerings } from '../src/backend/wasm/lower/quantized-products.js'
import type { NumericDType } from '../src/core/dtype.js'
import type { Attributes } from '../src/core/ir.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { uniform } from './cases/case.js'
import { builds, runLowering } from './support/kernels.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

type Op = keyof typeof quantizedProductLowerings
type Bytes = 'int8' | 'uint8'

const random = uniform(7)
const tensor = (dtype: NumericDType, dims: readonly number[], from: number, to: number): Tensor =>
  new Tensor(
    dtype,
    Array.from({ length: sizeOf(dims) }, () => from + random() * (to - from)).map((value) =>
      dtype === 'float32' ? value : Math.floor(value),
    ),
    dims,
  )

/** All values of the type; its two ends only, where sums get as large as they can. */
const bytes = (dtype: Bytes, dims: readonly number[], ends = false): Tensor => {
  const [low, high] = dtype === 'int8' ? [-128, 127] : [0, 255]
  const all = tensor(dtype, dims, low, high + 1)
  return ends
    ? new Tensor(
        dtype,
        all.toNumbers().map((value) => (value < (low + high) / 2 ? low : high)),
        dims,
      )
    : all
}

/** Asserts that the kernels give the reference's integers, the weight being a constant or not. */
function check(op: Op, inputs: readonly (Tensor | undefined)[], attributes: Attributes = {}): void {
  const builder = new GraphBuilder()
  const values = inputs.map((input, i) => input && builder.input(`input${i}`, input.type, input.dims))
  const node = builder.producer(builder.op(op, values, attributes))!
  const [expected] = evaluate(node, inputs)
  const weight = inputs.length > 4 ? 3 : 1
  const constants = inputs.flatMap((input, i) => (input && i > 0 ? [i] : []))
  for (const build of builds)
    for (const known of [constants, constants.filter((i) => i !== weight)]) {
      const spec = { inputs, outputs: node.outputs, attributes: node.attributes, constants: known, build }
      const [actual] = runLowering(quantizedProductLowerings[op], op, spec)
      assert.equal(actual.toNumbers(), expected.toNumbers())
    }
}

interface ConvolutionCase {
  readonly x: readonly number[]
  readonly w: readonly number[]
  readonly attributes?: Attributes
  readonly types?: readonly [Bytes, Bytes]
  readonly ends?: boolean
}

const convolutions: readonly ConvolutionCase[] = [
  { x: [1, 5, 7, 1], w: [3, 3, 1, 5] },
  { x: [2, 9, 6, 3], w: [3, 3, 3, 9], attributes: { pads: [1, 1, 1, 1], strides: [2, 2] } },
  { x: [1, 6, 6, 8], w: [1, 1, 8, 20], types: ['int8', 'int8'] },
  { x: [1, 7, 9, 7], w: [3, 2, 7, 4], attributes: { dilations: [2, 1], pads: [0, 2, 1, 0] } },
  { x: [1, 7, 9, 3], w: [2, 3, 3, 4], attributes: { dilations: [1, 2], pads: [2, 0, 0, 1] } },
  { x: [1, 6, 7, 6], w: [3, 3, 3, 10], attributes: { group: 2 }, types: ['uint8', 'uint8'] },
  { x: [2, 5, 5, 4], w: [3, 3, 1, 4], attributes: { group: 4, pads: [1, 1, 1, 1] }, types: ['int8', 'uint8'] },
  { x: [2, 19, 5], w: [4, 5, 6], attributes: { pads: [3, 0], strides: [2] } },
  { x: [1, 20, 20, 40], w: [3, 3, 40, 70], attributes: { pads: [1, 1, 1, 1] } },
  { x: [1, 5, 5, 64], w: [5, 5, 64, 9], ends: true },
  { x: [2, 7, 10, 16], w: [3, 3, 16, 24] },
  { x: [1, 9, 8, 24], w: [3, 3, 24, 16], attributes: { pads: [1, 1, 1, 1] }, types: ['int8', 'uint8'] },
  { x: [1, 24, 27, 32], w: [3, 3, 32, 128], attributes: { pads: [0, 1, 2, 1] } },
  { x: [1, 6, 6, 896], w: [3, 3, 896, 16], ends: true },
]

const mixed: readonly [Bytes, Bytes] = ['uint8', 'int8']

for (const { x, w, attributes, types = mixed, ends } of convolutions) {
  const [left, right] = types
  const outputs = w[w.length - 1]
  const operands = () => ({
    x: bytes(left, x, ends),
    xZero: bytes(left, [], ends),
    w: bytes(right, w, ends),
    wZero: bytes(right, [outputs], ends),
  })
  const title = `${left} x ${right} [${x}] by [${w}] ${JSON.stringify(attributes ?? {})}`
  test(`ConvInteger of ${title}`, () => {
    const { x, xZero, w, wZero } = operands()
    check('lanewise.ConvIntegerNhwc', [x, w, xZero, wZero], attributes)
    check('lanewise.ConvIntegerNhwc', [x, w], attributes)
  })
  test(`QLinearConv of ${title}`, () => {
    const { x, xZero, w, wZero } = operands()
    const spread = tensor('float32', [], 0.5, 1).toNumbers()[0] * Math.sqrt(sizeOf(w.dims) / outputs) * 60
    const yScale = new Tensor('float32', [0.02 * 0.03 * spread], [])
    const [scale, scales] = [new Tensor('float32', [0.02], []), tensor('float32', [outputs], 0.01, 0.05)]
    const [zero, signed] = [new Tensor('uint8', [121], []), new Tensor('int8', [-7], [])]
    const bias = tensor('int32', [outputs], -99999, 99999)
    check('lanewise.QLinearConvNhwc', [x, scale, xZero, w, scales, wZero, yScale, zero, bias], attributes)
    check(
      'lanewise.QLinearConvNhwc',
      [x, scale, xZero, w, scale, bytes(w.type as Bytes, []), yScale, signed],
      attributes,
    )
  })
}

for (const [a, b] of [
  [
    [5, 33],
    [33, 7],
  ],
  [
    [1, 64],
    [64, 19],
  ],
  [
    [130, 17],
    [17, 90],
  ],
  [
    [2, 3, 6, 10],
    [10, 12],
  ],
  [
    [2, 3, 6, 9],
    [3, 9, 12],
  ],
  [[9], [9, 4]],
  [[4, 9], [9]],
] as const)
  test(`products of [${a}] by [${b}]`, () => {
    const columns = b.length > 1 ? b[b.length - 1] : 1
    for (const [left, right] of [
      ['uint8', 'int8'],
      ['int8', 'uint8'],
    ] as const) {
      const [x, w] = [bytes(left, a), bytes(right, b)]
      const [xZero, wZero] = [bytes(left, []), bytes(right, columns > 1 ? [columns] : [])]
      check('MatMulInteger', [x, w, xZero, wZero])
      check('MatMulInteger', [x, w])
      if (a.length === 2) check('MatMulInteger', [x, w, bytes(left, [a[0]])])
      const scales = tensor('float32', columns > 1 ? [columns] : [], 0.01, 0.05)
      const [scale, yScale] = [new Tensor('float32', [0.02], []), new Tensor('float32', [0.2], [])]
      check('QLinearMatMul', [x, scale, xZero, w, scales, wZero, yScale, bytes('int8', [])])
    }
  })

test.run()
