import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { evaluate } from '../src/backend/reference/evaluate.js'
import type { Attributes, Value } from '../src/core/ir.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { printGraph } from '../src/graph/print.js'
import { expandComposites } from '../src/optimise/expand-composites.js'
import { simplify } from '../src/optimise/simplify.js'
import { uniform } from './cases/case.js'
import { assertSame, countOf, feedsFor, opsOf, optimiseChecked, producerOf, results } from './support/graphs.js'
import { inferenceGraph, trainingGraph } from './support/networks.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

test('a convolutional network runs channels-last, its transposes gone, biases and activations fused', () => {
  const graph = optimiseChecked(inferenceGraph(3))
  assert.equal(
    opsOf(graph).filter((op) => op !== 'Reshape' && op !== 'Identity'),
    [
      'lanewise.MaxPooledConvNhwc',
      'lanewise.MaxPooledConvNhwc',
      'lanewise.FusedMatMul',
      'lanewise.FusedMatMul',
      'Softmax',
    ],
  )
  const attributes = graph.nodes.map((node) => node.attributes['activation']).filter((name) => name)
  assert.equal(attributes, ['relu', 'relu', 'tanh'])
  assert.ok(graph.nodes.filter((node) => node.op === 'lanewise.FusedMatMul').every((node) => node.inputs[2]))
  assert.equal(graph.outputs[0].name, 'probabilities')
})

test('its training step has no transpose either', () => {
  const graph = optimiseChecked(trainingGraph(3))
  assert.equal(countOf(graph, 'Transpose'), 0, printGraph(graph))
  assert.equal(countOf(graph, 'Relu') + countOf(graph, 'Tanh') + countOf(graph, 'MatMul'), 0)
  assert.equal(countOf(graph, 'lanewise.ConvWeightGradientNhwc'), 1)
  assert.equal(countOf(graph, 'lanewise.MaxPooledConvWeightGradientNhwc'), 1)
  assert.equal(countOf(graph, 'lanewise.ConvInputGradientNhwc'), 1)
})

test('global pools read planes where these come channels-first, else pixels', () => {
  for (const op of ['GlobalAveragePool', 'GlobalMaxPool']) {
    const builder = new GraphBuilder()
    const x = builder.input('x', 'float32', [2, 3, 5, 4])
    builder.output(builder.op(op, [x]), 'planes')
    const w = builder.input('w', 'float32', [4, 3, 3, 3])
    builder.output(builder.op(op, [builder.op('Conv', [builder.tanh(x), w], { pads: [1, 1, 1, 1] })]), 'pixels')
    const graph = optimiseChecked(builder.build())
    assert.equal([countOf(graph, op), countOf(graph, 'Transpose')], [1, 2], printGraph(graph))
  }
})

test('pools of windows read planes where that moves fewer elements', () => {
  const counts = (
    write: (builder: GraphBuilder, x: Value, pool: (x: Value, attributes?: Attributes) => Value) => Value,
  ) => {
    const builder = new GraphBuilder()
    const x = builder.input('x', 'float32', [2, 3, 9, 8])
    const pool = (value: Value, attributes: Attributes = { strides: [2, 2] }) =>
      builder.op('MaxPool', [value], { kernel_shape: [2, 3], ...attributes })
    builder.output(write(builder, x, pool), 'y')
    const graph = optimiseChecked(builder.build())
    return ['MaxPool', 'lanewise.MaxPoolNhwc', 'Transpose'].map((op) => countOf(graph, op))
  }
  const conv = (builder: GraphBuilder, x: Value) => builder.op('Conv', [x, builder.input('w', 'float32', [4, 3, 2, 2])])
  const same = { pads: [0, 1, 1, 1] }
  const averages = { kernel_shape: [2, 3], strides: [2, 2] }
  assert.equal(
    counts((_, x, pool) => pool(x)),
    [1, 0, 0],
  )
  assert.equal(
    counts((builder, x, pool) => builder.relu(pool(pool(x)))),
    [2, 0, 0],
  )
  assert.equal(
    counts((builder, x, pool) => builder.add(pool(x), builder.op('AveragePool', [x], averages))),
    [1, 0, 0],
  )
  assert.equal(
    counts((builder, x, pool) => conv(builder, pool(x))),
    [1, 0, 3],
    'the transpose of the smaller result',
  )
  assert.equal(
    counts((builder, x, pool) => conv(builder, pool(x, same))),
    [0, 1, 3],
    'no smaller result',
  )
  assert.equal(
    counts((builder, x, pool) => pool(conv(builder, x))),
    [0, 1, 3],
    'pixels come channels-last',
  )
})

/** Random elementwise ops, reductions, reshapes and concatenations among random transposes of a cube. */
function transposingGraph(seed: number) {
  const random = uniform(seed)
  const below = (count: number) => Math.floor(random() * count)
  const builder = new GraphBuilder(`transposing ${seed}`)
  const orders = [
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    [0, 1, 3, 2],
    [1, 0, 2, 3],
    [3, 2, 1, 0],
  ]
  const unit = random() < 0.3
  const shape = unit ? [3, 1, 1, 4] : [2, 2, 2, 2]
  const values: Value[] = [builder.input('x', 'float32', shape), builder.input('y', 'float32', shape)]
  const rows = [builder.input('row', 'float32', [2]), builder.input('column', 'float32', [2, 1, 1]), builder.scalar(3)]
  const pick = () => values[values.length - 1 - below(Math.min(5, values.length))]
  const sameAs = (value: Value) => values.filter((other) => other.shape.join() === value.shape.join())
  const ops: (() => Value)[] = [
    () => builder.relu(pick()),
    () => {
      const a = pick()
      const others = sameAs(a)
      return builder.add(a, others[below(others.length)])
    },
    () => builder.add(pick(), unit ? rows[2] : rows[below(3)]),
    () => builder.mul(builder.sum(pick(), [below(4)], true), unit ? 2 : pick()),
    () => {
      const a = pick()
      const axis = below(4)
      return builder.op('Unsqueeze', [builder.mean(builder.concat([a, a], axis), [axis]), builder.ints([axis])])
    },
    () => {
      const a = pick()
      return builder.reshape(builder.reshape(a, [-1]), a.shape as number[])
    },
    () => {
      const a = pick()
      const axis = below(4)
      const last = (a.shape[axis] as number) - 1
      return builder.gather(a, builder.ints(Array.from({ length: last + 1 }, (_, i) => last - i)), axis)
    },
  ]
  for (let count = 4 + below(14); count > 0; count--)
    values.push(random() < 0.5 ? builder.transpose(pick(), orders[below(orders.length)]) : ops[below(ops.length)]())
  for (let count = 1 + below(3); count > 0; count--) builder.output(pick(), `output${count}`)
  return builder.build()
}

test('random graphs keep their results and lose most of their transposes', () => {
  let before = 0
  let after = 0
  for (let seed = 1; seed <= 150; seed++) {
    const graph = transposingGraph(seed)
    before += countOf(graph, 'Transpose')
    after += countOf(optimiseChecked(graph), 'Transpose')
  }
  assert.ok(after < before / 2, `${after} of ${before} transposes are left`)
})

test('a transpose and its inverse vanish across elementwise ops, broadcast operands and reductions', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [2, 3, 4, 5])
  const scale = builder.input('scale', 'float32', [3, 1, 1])
  let y = builder.transpose(builder.input('z', 'float32', [2, 4, 5, 3]), [0, 3, 1, 2])
  y = builder.add(builder.mul(builder.relu(y), scale), 1)
  builder.output(builder.transpose(y, [0, 2, 3, 1]), 'last')
  builder.output(builder.mean(y, [2, 3]), 'pooled')
  builder.output(builder.sum(builder.transpose(x, [0, 2, 3, 1]), [-1], true), 'summed')
  const graph = optimiseChecked(builder.build())
  assert.is(countOf(graph, 'Transpose'), 0, printGraph(graph))
  assert.equal(
    graph.outputs.map((output) => output.name),
    ['last', 'pooled', 'summed'],
  )
})

test('resizes between convolutions run channels-last, forward and backward', () => {
  const expand = expandComposites((node) => node.op !== 'Resize').run
  for (const mode of ['nearest', 'linear']) {
    const builder = new GraphBuilder()
    const x = builder.input('x', 'float32', [1, 2, 5, 4])
    const weights = ['v', 'w'].map((name) =>
      builder.variable({ name, dtype: 'float32', shape: [2, 2, 3, 3], trainable: true }),
    )
    const scales = builder.constant(new Tensor('float32', [1, 1, 2, 1.5], [4]))
    const resized = builder.op('Resize', [builder.relu(builder.op('Conv', [x, weights[0]])), undefined, scales], {
      mode,
    })
    const y = builder.op('Conv', [resized, weights[1]])
    const gradients = differentiate(builder, builder.sum(builder.square(y)), weights)
    gradients.forEach((gradient, index) => {
      builder.output(gradient!, `gradient${index}`)
    })
    const graph = optimiseChecked(expand(builder.build()))
    assert.ok(countOf(graph, 'Resize') === 0 && countOf(graph, 'lanewise.ConvNhwc') === 2, printGraph(graph))
    const inside = graph.nodes.filter(
      ({ op, inputs, outputs }) =>
        op === 'Transpose' &&
        !graph.inputs.includes(inputs[0]!) &&
        !graph.variables.has(inputs[0]!) &&
        !graph.outputs.includes(outputs[0]),
    )
    assert.is(inside.length, 0, printGraph(graph))
  }
})

test('transposes pass pads and slices', () => {
  const builder = new GraphBuilder()
  const z = builder.transpose(builder.input('z', 'float32', [2, 4, 5, 3]), [0, 3, 1, 2])
  const padded = builder.op('Pad', [z, builder.ints([0, 1, 2, 3, 0, 0, 1, 0]), builder.scalar(7)])
  const some = builder.op('Pad', [padded, builder.ints([1, 2]), undefined, builder.ints([-1])])
  const cut = builder.op('Slice', [some, builder.ints([0, 1]), builder.ints([2, 3])])
  const strided = builder.op('Slice', [
    cut,
    builder.ints([1, 5]),
    builder.ints([4, 0]),
    builder.ints([-2, 3]),
    builder.ints([2, -2]),
  ])
  builder.output(builder.transpose(strided, [0, 2, 3, 1]), 'y')
  assert.is(countOf(optimiseChecked(builder.build()), 'Transpose'), 0)
})

test('a limit to constants is an epilogue, a limit to inputs is not', () => {
  const builder = new GraphBuilder()
  const a = builder.input('a', 'float32', [3, 4])
  const b = builder.input('b', 'float32', [4, 5])
  builder.output(builder.clip(builder.matMul(a, b), -0.1, 0.2), 'both')
  builder.output(builder.op('Clip', [builder.matMul(a, builder.neg(b)), undefined, builder.scalar(0)]), 'high')
  const low = builder.input('low', 'float32', [])
  builder.output(builder.op('Clip', [builder.matMul(a, builder.exp(b)), low]), 'open')
  const graph = optimiseChecked(builder.build())
  assert.is(countOf(graph, 'Clip'), 1)
})

test('x times an activation of x that only it reads is one op, and an epilogue', () => {
  const builder = new GraphBuilder('gates')
  const x = builder.input('x', 'float32', [1, 4, 5, 5])
  const random = uniform(7)
  const w = builder.constant(new Tensor('float32', Array.from({ length: 16 }, random), [4, 4, 1, 1]))
  const hidden = builder.op('Conv', [x, w])
  const silu = builder.op('Mul', [builder.op('Sigmoid', [hidden]), hidden])
  const second = builder.op('Conv', [silu, w])
  const mish = builder.op('Mul', [second, builder.op('Tanh', [builder.op('Softplus', [second])])])
  const third = builder.op('Conv', [mish, w])
  const gate = builder.op('HardSigmoid', [third], { alpha: 1 / 6, beta: 0.5 })
  const shared = builder.op('Sigmoid', [builder.op('Mul', [third, gate])])
  builder.output(builder.op('Mul', [shared, x]), 'y')
  builder.output(builder.op('Mul', [shared, builder.op('HardSigmoid', [shared], { alpha: 0.2, beta: 0.5 })]), 'z')
  const graph = optimiseChecked(builder.build())
  const attributes = graph.nodes.map((node) => node.attributes['activation']).filter((name) => name)
  assert.equal(attributes, ['swish', 'mish'], printGraph(graph))
  assert.is(countOf(graph, 'HardSwish'), 1)
  assert.is(countOf(graph, 'Sigmoid') + countOf(graph, 'HardSigmoid'), 2)
})

test('a GELU that is spelled out is one op, whatever the order of its factors; an erf of another argument stays', () => {
  const spellings: ((builder: GraphBuilder, x: Value) => Value)[] = [
    (b, x) => b.mul(b.mul(x, b.add(b.op('Erf', [b.div(x, Math.SQRT2)]), 1)), 0.5),
    (b, x) => b.mul(b.mul(0.5, x), b.add(1, b.op('Erf', [b.mul(x, Math.SQRT1_2)]))),
    (b, x) => b.div(b.mul(b.add(b.op('Erf', [b.div(x, Math.SQRT2)]), 1), x), 2),
    (b, x) => {
      const inner = b.mul(b.add(x, b.mul(0.044715, b.op('Pow', [x, b.scalar(3)]))), Math.sqrt(2 / Math.PI))
      return b.mul(b.mul(x, 0.5), b.add(b.tanh(inner), 1))
    },
    (b, x) => {
      const bracket = b.add(b.mul(b.mul(x, x), 0.044715), 1)
      return b.mul(x, b.mul(0.5, b.add(1, b.tanh(b.mul(b.mul(Math.sqrt(2 / Math.PI), x), bracket)))))
    },
  ]
  for (const spelling of spellings) {
    const builder = new GraphBuilder()
    const x = builder.input('x', 'float32', [3, 4])
    builder.output(spelling(builder, x), 'y')
    const graph = optimiseChecked(builder.build())
    assert.equal(
      opsOf(graph).filter((op) => op !== 'Identity'),
      ['Gelu'],
      printGraph(graph),
    )
  }
  const others: ((builder: GraphBuilder, x: Value) => Value)[] = [
    (b, x) => b.mul(b.mul(x, b.add(b.op('Erf', [b.mul(x, 0.7)]), 1)), 0.5),
    (b, x) => b.mul(b.mul(x, b.add(b.op('Erf', [b.div(x, Math.SQRT2)]), 0.5)), 0.5),
    (b, x) => b.mul(b.mul(x, x), b.add(b.op('Erf', [b.div(x, Math.SQRT2)]), 1)),
  ]
  for (const other of others) {
    const builder = new GraphBuilder()
    builder.output(other(builder, builder.input('x', 'float32', [3, 4])), 'y')
    assert.is(countOf(optimiseChecked(builder.build()), 'Gelu'), 0)
  }
  const builder = new GraphBuilder()
  const product = builder.matMul(builder.input('a', 'float32', [3, 4]), builder.input('b', 'float32', [4, 5]))
  builder.output(spellings[0](builder, product), 'y')
  const graph = optimiseChecked(builder.build())
  assert.is(graph.nodes[0].attributes['activation'], 'gelu', printGraph(graph))
})

test('flattening a transposed value keeps the transpose', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [2, 3, 4, 5])
  builder.output(builder.reshape(builder.transpose(builder.relu(x), [0, 2, 3, 1]), [2, 60]), 'y')
  assert.is(countOf(optimiseChecked(builder.build()), 'Transpose'), 1)
})

test('matrix products take their transposes and biases; a value read twice keeps its activation apart', () => {
  const builder = new GraphBuilder()
  const a = builder.input('a', 'float32', [3, 4])
  const b = builder.input('b', 'float32', [5, 3])
  const bias = builder.input('bias', 'float32', [1, 5])
  const product = builder.matMul(builder.transpose(a, [1, 0]), builder.transpose(b, [1, 0]))
  const y = builder.add(bias, product)
  builder.output(builder.op('LeakyRelu', [y], { alpha: 0.25 }), 'fused')
  const gemm = builder.op('Gemm', [b, a, builder.input('c', 'float32', [5, 1])])
  builder.output(builder.add(builder.sigmoid(gemm), gemm), 'apart')
  const graph = optimiseChecked(builder.build())
  assert.equal(countOf(graph, 'lanewise.FusedMatMul'), 2)
  const fused = graph.nodes.find((node) => node.inputs.length === 3 && node.op === 'lanewise.FusedMatMul')!
  const { transA, transB, activation, activation_alpha } = fused.attributes
  assert.equal([transA, transB, activation, activation_alpha], [1, 1, 'leakyRelu', 0.25])
  assert.is(countOf(graph, 'Sigmoid'), 1)
})

test('empty rows and planes keep their shapes', () => {
  const builder = new GraphBuilder()
  const input = (name: string, ...shape: number[]) => builder.input(name, 'float32', shape)
  builder.output(builder.op('Gemm', [input('a', 7, 1), input('b', 1, 0), input('c', 1, 0)]), 'product')
  const pixels = builder.transpose(input('x', 0, 3, 4, 5), [0, 2, 3, 1])
  const pooled = builder.op('GlobalAveragePool', [builder.transpose(pixels, [0, 3, 1, 2])])
  builder.output(pooled, 'pooled')
  const graph = optimiseChecked(builder.build())
  assert.equal(
    graph.outputs.map(({ shape }) => shape),
    [
      [7, 0],
      [0, 3, 1, 1],
    ],
  )
})

test('normalisations and scalings by constants behind a product go into its weight and bias', () => {
  const random = uniform(5)
  const builder = new GraphBuilder()
  const constant = (...shape: number[]) =>
    builder.constant(
      new Tensor(
        'float32',
        Array.from({ length: sizeOf(shape) }, () => random() + 0.2),
        shape,
      ),
    )
  const x = builder.input('x', 'float32', [2, 3, 6, 6])
  const conv = builder.op('Conv', [x, constant(4, 3, 3, 3), constant(4)])
  const normal = builder.op('BatchNormalization', [conv, constant(4), constant(4), constant(4), constant(4)])
  const next = builder.op('Conv', [builder.relu(normal), constant(4, 2, 1, 1)], { group: 2 })
  const scaled = builder.add(builder.mul(constant(4, 1, 1), next), constant(4, 1, 1))
  const rows = builder.reshape(builder.transpose(builder.relu(scaled), [0, 2, 3, 1]), [32, 4])
  const dense = builder.op('Gemm', [rows, constant(5, 4), constant(5)], { transB: 1 })
  builder.output(builder.tanh(builder.add(builder.mul(dense, constant(5)), constant(5))), 'y')
  const graph = builder.build()
  const expanded = expandComposites(() => false).run(graph)
  assert.is(countOf(expanded, 'BatchNormalization'), 0)
  const optimised = optimiseChecked(expanded)
  assert.equal(
    opsOf(optimised).filter((op) => op !== 'Reshape' && op !== 'Identity' && op !== 'Transpose'),
    ['lanewise.ConvNhwc', 'lanewise.ConvNhwc', 'lanewise.FusedMatMul'],
  )
  assertSame(results(optimised, feedsFor(graph)), results(graph, feedsFor(graph)))
})

test('what scales a pool gradient and sums it comes before the pool, where that is the same', () => {
  const step = (pads: readonly number[]) => {
    const builder = new GraphBuilder()
    const x = builder.tanh(builder.input('x', 'float32', [2, 3, 6, 6]))
    const window = { kernel_shape: [2, 2], strides: [2, 2], pads }
    const y = builder.op('MaxPool', [x], window)
    const dy = builder.input('dy', 'float32', y.shape)
    const dx = builder.op('lanewise.TanhGradient', [builder.op('lanewise.MaxPoolGradient', [dy, x, y], window), x])
    builder.output(dx, 'dx')
    builder.output(builder.sum(dx, [0, 2, 3]), 'perChannel')
    builder.output(builder.sum(dx, [2]), 'perColumn')
    return optimiseChecked(builder.build())
  }
  const sources = (graph: ReturnType<typeof step>, op: string) =>
    graph.nodes.filter((node) => node.op === op).map((node) => producerOf(graph, node.inputs[0]!)?.op)
  const router = 'lanewise.MaxPoolGradientNhwc'
  const graph = step([0, 0, 0, 0])
  assert.equal(sources(graph, router), ['lanewise.TanhGradient'])
  assert.equal(sources(graph, 'ReduceSum').sort(), [router, 'lanewise.TanhGradient'])
  const padded = step([1, 1, 1, 1])
  assert.equal(sources(padded, router), ['lanewise.TanhGradient'])
  assert.equal(sources(padded, 'ReduceSum'), [router, router])
})

test('equal nodes become one, random ones and outputs stay apart', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [4])
  builder.output(builder.add(builder.exp(x), builder.exp(x)), 'y')
  builder.output(builder.exp(x), 'z')
  const step = builder.input('step', 'int32', [])
  const draw = () => builder.op('lanewise.RandomUniform', [step], { shape: [4], seed: 1, stream: 2 })
  builder.output(builder.add(draw(), draw()), 'noise')
  const graph = optimiseChecked(builder.build())
  assert.is(countOf(graph, 'Exp'), 1)
  assert.is(countOf(graph, 'lanewise.RandomUniform'), 2)
  assert.equal(
    graph.outputs.map((output) => output.name),
    ['y', 'z', 'noise'],
  )
})

test('constants fold, but not into much larger ones', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  const weight = builder.constant(new Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2]))
  const large = builder.expand(builder.exp(builder.scalar(1)), [200, 200])
  builder.output(builder.add(x, builder.exp(builder.transpose(weight, [1, 0]))), 'y')
  builder.output(large, 'large')
  const graph = optimiseChecked(builder.build())
  assert.equal(
    opsOf(graph).filter((op) => op !== 'Identity'),
    ['Expand', 'Add'],
  )
})

test('a pool whose indices are read stays channels-first', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [1, 2, 4, 4])
  const [y, indices] = builder.emit('MaxPool', [x], { kernel_shape: [2, 2] }, 2)
  builder.output(y, 'y')
  builder.output(indices, 'indices')
  assert.is(countOf(optimiseChecked(builder.build()), 'MaxPool'), 1)
})

/** Two convolutions between quantizers, 64 kB of weights; `bound` is what lies between the first and its quantizer. */
function quantizedGraph(bound: (builder: GraphBuilder, value: Value) => Value, requantizes = true) {
  const window = { strides: [2, 2], pads: [1, 1, 1, 1] }
  const builder = new GraphBuilder('quantized')
  const [scale, zero] = [builder.scalar(0.1), builder.constant(new Tensor('uint8', new Uint8Array([128]), []))]
  const again = (value: Value) =>
    builder.op('DequantizeLinear', [builder.op('QuantizeLinear', [value, scale, zero]), scale, zero])
  const codes = builder.constant(new Tensor('int8', new Int8Array(64 * 64 * 9).fill(3), [64, 64, 3, 3]))
  const scales = builder.constant(new Tensor('float32', new Float32Array(64).fill(0.01), [64]))
  const weight = builder.op('DequantizeLinear', [codes, scales], { axis: 0 })
  const sums = builder.constant(new Tensor('int32', new Int32Array(64).fill(9), [64]))
  const bias = builder.op('DequantizeLinear', [sums, builder.scalar(0.001)])
  const x = builder.input('x', 'float32', [1, 64, 6, 6])
  const hidden = bound(builder, builder.op('Conv', [again(x), weight, bias], window))
  const y = builder.op('Conv', [requantizes ? again(hidden) : hidden, weight], window)
  builder.output(requantizes ? again(y) : y, 'y')
  return builder.build()
}

test('quantized convolutions run channels-last, on integers; bounds that quantizing implies vanish', () => {
  const wide = optimiseChecked(quantizedGraph((builder, value) => builder.clip(value, -12.8, 12.7)))
  const expected = { 'lanewise.QLinearConvNhwc': 2, Transpose: 2, QuantizeLinear: 1, DequantizeLinear: 1 }
  for (const [op, count] of Object.entries(expected))
    assert.is(countOf(wide, op), count, `${op} in ${printGraph(wide)}`)
  assert.is(countOf(wide, 'Clip') + countOf(wide, 'lanewise.ConvNhwc'), 0)
  const narrow = optimiseChecked(quantizedGraph((builder, value) => builder.relu(value)))
  assert.is(countOf(narrow, 'lanewise.QLinearConvNhwc'), 1)
  assert.is(countOf(narrow, 'lanewise.ConvNhwc'), 1)
})

test('weights are decoded once where real numbers are multiplied; a model for others keeps its codes', () => {
  const graph = quantizedGraph((_, value) => value, false)
  const optimised = optimiseChecked(graph)
  assert.is(countOf(optimised, 'lanewise.ConvNhwc'), 2, printGraph(optimised))
  assert.is(countOf(optimised, 'DequantizeLinear'), 1)
  assert.is(countOf(simplify(graph, { evaluate }), 'DequantizeLinear'), 3)
  assert.is(countOf(simplify(graph, { evaluate, decode: true }), 'DequantizeLinear'), 1)
})

test.run()
