import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { pooledConvLowerings } from '../src/backend/wasm/lower/pooled-conv.js'
import { pooledWeightGradientLowerings } from '../src/backend/wasm/lower/pooled-weight-gradient.js'
import type { Attributes, Node, Value } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { withDefaults } from '../src/ops/definition.js'
import { definitionOf } from '../src/ops/index.js'
import { optimise } from '../src/optimise/index.js'
import { countOf, opsOf, optimiseChecked } from './support/graphs.js'
import { builds, runLowering } from './support/kernels.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

interface PooledConv {
  readonly images: number
  readonly size: readonly [height: number, width: number]
  readonly weight: readonly [kernelY: number, kernelX: number, channels: number, outputs: number]
  readonly pool: readonly [number, number]
  readonly strides?: readonly [number, number]
  readonly dilationY?: number
  readonly pads?: readonly [top: number, left: number, bottom: number, right: number]
}

const cases: readonly PooledConv[] = [
  { images: 5, size: [28, 28], weight: [5, 5, 1, 20], pool: [2, 2] },
  { images: 3, size: [12, 12], weight: [3, 3, 1, 7], pool: [2, 2], pads: [1, 1, 1, 1] },
  { images: 40, size: [9, 11], weight: [3, 3, 3, 8], pool: [3, 2] },
  { images: 1, size: [15, 17], weight: [7, 4, 2, 5], pool: [2, 3], strides: [1, 2], dilationY: 2, pads: [3, 0, 2, 1] },
  { images: 2, size: [6, 6], weight: [1, 1, 9, 33], pool: [2, 2] },
  { images: 2, size: [11, 40], weight: [2, 11, 3, 4], pool: [1, 4], strides: [2, 1] },
  { images: 4, size: [32, 32], weight: [4, 4, 4, 12], pool: [2, 2] },
]

/** Of one channel, at stride 1 along rows, and with rows of at least 8 pixels. */
const wholes: readonly PooledConv[] = [
  { images: 5, size: [28, 28], weight: [5, 5, 1, 20], pool: [2, 2] },
  { images: 3, size: [12, 12], weight: [3, 3, 1, 7], pool: [2, 2], pads: [1, 1, 1, 1] },
  { images: 40, size: [9, 13], weight: [3, 3, 1, 8], pool: [3, 2] },
  { images: 1, size: [15, 17], weight: [7, 4, 1, 5], pool: [2, 3], strides: [2, 1], dilationY: 2, pads: [3, 0, 2, 1] },
  { images: 2, size: [11, 40], weight: [2, 11, 1, 33], pool: [1, 4] },
]

const whole = 'lanewise.MaxPooledConvNhwc'
const wholeGradient = 'lanewise.MaxPooledConvWeightGradientNhwc'

/** Few distinct values, so that windows have several maxima. */
const fill = (random: RandomGenerator, shape: readonly number[], steps: number) =>
  new Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(steps) / 4 - 1),
    shape,
  )

function operandsOf({ images, size, weight, pool, strides = [1, 1], dilationY = 1, pads = [0, 0, 0, 0] }: PooledConv) {
  const dilations = [dilationY, 1]
  const conv = size.map((length, axis) => {
    const reach = (weight[axis] - 1) * dilations[axis] + 1
    return Math.floor((length + pads[axis] + pads[axis + 2] - reach) / strides[axis]) + 1
  })
  const random = new RandomGenerator(3)
  const outputs = weight[3]
  const pooled = conv.map((length, axis) => Math.floor(length / pool[axis]))
  const x = fill(random, [images, ...size, weight[2]], 100)
  const dy = fill(random, [images, ...pooled, outputs], 100)
  const places = new Tensor(
    Int32Array.from({ length: dy.size }, () => random.integer(sizeOf(pool))),
    dy.dims,
  )
  const attributes = {
    kernel_shape: weight.slice(0, 2),
    strides,
    dilations,
    pads,
    weight_shape: weight,
    pool_shape: pool,
  }
  return { inputs: [x, dy, places], attributes: withDefaults(definitionOf(wholeGradient), attributes) }
}

const typed = (tensor: Tensor, index: number): Value => ({ name: `${index}`, dtype: tensor.type, shape: tensor.dims })

/** A node in the reference backend. */
function run(name: string, inputs: readonly Tensor[], attributes: Attributes): readonly Tensor[] {
  const values = inputs.map(typed)
  const filled = withDefaults(definitionOf(name), attributes)
  const draft: Node = { op: name, name, inputs: values, outputs: [], attributes: filled }
  const context = { node: draft, inputs: values, attributes: filled, constant: () => undefined }
  const outputs = definitionOf(name)
    .infer(context)
    .map((type, index) => ({ name: `y${index}`, ...type }))
  return evaluate({ ...draft, outputs }, inputs)
}

function close(actual: Tensor, expected: Tensor, what: string) {
  const largest = Math.max(...expected.toNumbers().map(Math.abs))
  expected.toNumbers().forEach((value, i) => {
    const error = Math.abs((actual.data[i] as number) - value)
    assert.ok(error <= 2e-6 * largest, `${what} [${i}]: ${actual.data[i]} instead of ${value}`)
  })
}

for (const build of builds) {
  test(`gradients by weights from the places of maxima, ${build}`, () => {
    for (const geometry of cases) {
      const { inputs, attributes } = operandsOf(geometry)
      const [expected] = run(wholeGradient, inputs, attributes)
      const outputs = [{ dtype: 'float32', shape: geometry.weight } as const]
      const spec = { inputs, attributes, outputs, build }
      const [dw] = runLowering(pooledWeightGradientLowerings[wholeGradient], wholeGradient, spec)
      close(dw, expected, JSON.stringify(geometry))
    }
  })

  test(`convolutions with their pools, and their gradients from the places of the maxima, ${build}`, () => {
    for (const [index, geometry] of wholes.entries()) {
      const what = JSON.stringify(geometry)
      const { inputs, attributes } = operandsOf(geometry)
      const [x, dy] = inputs
      const random = new RandomGenerator(5)
      const w = fill(random, geometry.weight, 9)
      const bias = fill(random, [geometry.weight[3]], 9)
      const epilogue = [{ activation: 'relu' }, { activation: 'leakyRelu', activation_alpha: 0.5 }, {}][index % 3]
      const { weight_shape: _, ...own } = attributes
      const forward = withDefaults(definitionOf(whole), { ...own, ...epilogue })
      const [y, places] = run(whole, [x, w, bias], forward)
      const types = [y, places].map(({ type, dims }) => ({ dtype: type, shape: dims }))
      const spec = { inputs: [x, w, bias], attributes: forward, build }
      const [actual, found] = runLowering(pooledConvLowerings[whole], whole, { ...spec, outputs: types })
      close(actual, y, what)
      assert.equal(found.data, places.data, what)
      const [alone] = runLowering(pooledConvLowerings[whole], whole, { ...spec, outputs: types.slice(0, 1) })
      assert.equal(alone.data, actual.data)
      const [expected] = run(wholeGradient, [x, dy, places], attributes)
      const outputs = [{ dtype: 'float32', shape: geometry.weight } as const]
      const gradient = { inputs: [x, dy, places], attributes, outputs, build }
      const [dw] = runLowering(pooledWeightGradientLowerings[wholeGradient], wholeGradient, gradient)
      close(dw, expected, `gradient of ${what}`)
    }
  })

  test(`a pooled convolution hands NaN on, ${build}`, () => {
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: 16 * 4 }, (_, i) => (i === 21 ? Number.NaN : i % 7)),
      [1, 4, 16, 1],
    )
    const w = Tensor.zeros('float32', [1, 1, 1, 3])
    w.data.fill(1 as never)
    const attributes = withDefaults(definitionOf(whole), { kernel_shape: [1, 1], pool_shape: [2, 2] })
    const outputs = (['float32', 'int32'] as const).map((dtype) => ({ dtype, shape: [1, 2, 8, 3] }))
    const [y, places] = runLowering(pooledConvLowerings[whole], whole, { inputs: [x, w], attributes, outputs, build })
    const [expected] = run(whole, [x, w], attributes)
    assert.equal([...y.data].map(String), [...expected.data].map(String))
    assert.equal([...places.data].slice(6, 9), [3, 3, 3])
  })
}

/** The gradient by the weights of a convolution behind which lies a max-pool. */
function graphOf(window: Attributes, others: (builder: GraphBuilder, da: Value, a: Value) => void = () => {}) {
  const builder = new GraphBuilder()
  const [x, w] = [builder.input('x', 'float32', [2, 1, 8, 8]), builder.input('w', 'float32', [3, 1, 3, 3])]
  const a = builder.op('Relu', [builder.op('Conv', [x, w], { kernel_shape: [3, 3] })])
  const y = builder.op('MaxPool', [a], window)
  const dy = builder.input('dy', 'float32', y.shape)
  const da = builder.op('lanewise.ReluGradient', [builder.op('lanewise.MaxPoolGradient', [dy, a, y], window), a])
  others(builder, da, a)
  const attributes = { kernel_shape: [3, 3], weight_shape: [3, 1, 3, 3] }
  builder.output(builder.op('lanewise.ConvWeightGradient', [x, da], attributes), 'dw')
  return builder.build()
}

const step = (...args: Parameters<typeof graphOf>) => optimiseChecked(graphOf(...args))

test('a pool gradient that only weights ask for is not spread: dw comes from the places of the maxima', () => {
  const graph = step({ kernel_shape: [2, 2], strides: [2, 2] })
  assert.equal(
    opsOf(graph).filter((name) => /Conv|Pool/.test(name)),
    [whole, wholeGradient],
  )
})

test('the convolution stays apart', () => {
  const window = { kernel_shape: [2, 2], strides: [2, 2] }
  const reads = step(window, (builder, _, a) => builder.output(builder.tanh(a), 'tanh'))
  const spreads = step(window, (builder, da) => builder.output(builder.tanh(da), 'da'))
  const overlaps = step({ kernel_shape: [3, 3], strides: [2, 2] })
  const pads = step({ ...window, pads: [1, 1, 1, 1] })
  const refused = [whole, wholeGradient].map((kernel) =>
    optimise(graphOf(window), { evaluate, accelerates: ({ op }) => op !== kernel }),
  )
  for (const graph of [reads, spreads, overlaps, pads, ...refused])
    assert.equal([countOf(graph, whole), countOf(graph, wholeGradient)], [0, 0])
})

test.run()
