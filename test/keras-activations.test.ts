import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { Tensor } from '../src/core/tensor.js'
import { type ActivationFunction, activations, layers } from '../src/keras/index.js'
import { agreesInOnnx, around, far, predictions, slopesAgree, survivesJson, values } from './support/layers.js'

/** Points on both sides of every place where an activation of the table is not smooth. */
const points = [-6.6, -3.2, -1.7, -0.8, -0.3, 0.2, 0.7, 1.4, 2.9, 7.1]

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const softplus = (x: number) => Math.log1p(Math.exp(x))
const limit = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)
/** By Simpson's rule. */
const erf = (x: number) => {
  const pieces = 400
  const f = (t: number) => Math.exp(-t * t)
  const h = x / pieces
  const sum = Array.from({ length: pieces }, (_, i) => f(i * h) + 4 * f((i + 0.5) * h) + f((i + 1) * h))
  return ((2 / Math.sqrt(Math.PI)) * h * sum.reduce((a, b) => a + b, 0)) / 6
}
const softmax = (row: readonly number[]) => {
  const powers = row.map((x) => Math.exp(x - Math.max(...row)))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((x) => x / sum)
}
const sparsemax = (row: readonly number[]) => {
  const sorted = [...row].sort((a, b) => b - a)
  let sum = 0
  const support = sorted.map((x) => (sum += x)).filter((sum, i) => sorted[i] - (sum - 1) / (i + 1) > 0)
  const t = (support.reduce((a, b) => a + b) - 1) / support.length
  return row.map((x) => Math.max(x - t, 0))
}

type Formula = (x: number) => number
const each = (formula: Formula) => (row: readonly number[]) => row.map(formula)
const selu = { alpha: 1.6732632423543772, scale: 1.0507009873554805 }

/** Keras's definitions, by Keras's names. */
const formulas: Readonly<Record<string, (row: readonly number[]) => readonly number[]>> = {
  linear: each((x) => x),
  relu: each((x) => Math.max(x, 0)),
  relu6: each((x) => limit(x, 0, 6)),
  leaky_relu: each((x) => (x < 0 ? 0.2 * x : x)),
  elu: each((x) => (x < 0 ? Math.expm1(x) : x)),
  selu: each((x) => selu.scale * (x < 0 ? selu.alpha * Math.expm1(x) : x)),
  celu: each((x) => Math.max(x, 0) + Math.min(0, Math.expm1(x))),
  softplus: each(softplus),
  softsign: each((x) => x / (1 + Math.abs(x))),
  squareplus: each((x) => (x + Math.sqrt(x * x + 4)) / 2),
  sparse_plus: each((x) => (x <= -1 ? 0 : x >= 1 ? x : (x + 1) ** 2 / 4)),
  sigmoid: each(sigmoid),
  hard_sigmoid: each((x) => limit(x / 6 + 0.5, 0, 1)),
  log_sigmoid: each((x) => Math.log(sigmoid(x))),
  sparse_sigmoid: each((x) => limit((x + 1) / 2, 0, 1)),
  tanh: each(Math.tanh),
  hard_tanh: each((x) => limit(x, -1, 1)),
  tanh_shrink: each((x) => x - Math.tanh(x)),
  soft_shrink: each((x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0)),
  hard_shrink: each((x) => (Math.abs(x) > 0.5 ? x : 0)),
  silu: each((x) => x * sigmoid(x)),
  hard_silu: each((x) => x * limit(x / 6 + 0.5, 0, 1)),
  mish: each((x) => x * Math.tanh(softplus(x))),
  gelu: each((x) => (x * (1 + erf(x / Math.SQRT2))) / 2),
  exponential: each(Math.exp),
  softmax,
  log_softmax: (row) => softmax(row).map(Math.log),
  sparsemax,
  glu: (row) => row.slice(0, row.length / 2).map((x, i) => x * sigmoid(row[i + row.length / 2])),
}

const aliases = { swish: 'silu', hard_swish: 'hard_silu' } as const

/** Two equal samples, whose layer has a kernel of zeros and the points for a bias, so that training moves these. */
const x = new Tensor('float32', [1, 1], [2, 1])
function onPoints(activation: string | ActivationFunction, at: readonly number[] = points) {
  const net = around(layers.dense({ units: at.length, activation }), [[1]])
  net.setWeights([Tensor.zeros('float32', [1, at.length]), new Tensor('float32', at, [at.length])])
  return net
}

for (const [name, formula] of Object.entries(formulas))
  test(`${name}: by its formula, its gradient, and in onnxruntime-web`, async () => {
    const at = name === 'exponential' ? points.map((point) => point / 4) : points
    const net = onPoints(name, at)
    const [y] = await predictions(net, [x])
    const expected = formula(at)
    assert.ok(far(values(y).slice(0, expected.length), expected) < 2e-5)
    await agreesInOnnx(net, [x])
    await survivesJson(net, [x])
    await slopesAgree(net, [x], 5e-3, points.length)
    net.dispose()
  })

type Options = readonly [ActivationFunction, (row: readonly number[]) => readonly number[]]
const withOptions: Readonly<Record<string, Options>> = {
  relu: [
    (x, k) => activations.relu(x, k, { negativeSlope: 0.1, maxValue: 5, threshold: 1 }),
    each((x) => (x > 1 ? Math.min(x, 5) : 0.1 * (x - 1))),
  ],
  'relu with a limit': [(x, k) => activations.relu(x, k, { maxValue: 2 }), each((x) => limit(x, 0, 2))],
  leakyRelu: [(x, k) => activations.leakyRelu(x, k, { negativeSlope: 0.5 }), each((x) => (x < 0 ? x / 2 : x))],
  elu: [(x, k) => activations.elu(x, k, { alpha: 2 }), each((x) => (x < 0 ? 2 * Math.expm1(x) : x))],
  celu: [
    (x, k) => activations.celu(x, k, { alpha: 2 }),
    each((x) => Math.max(x, 0) + Math.min(0, 2 * Math.expm1(x / 2))),
  ],
  gelu: [
    (x, k) => activations.gelu(x, k, { approximate: true }),
    each((x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2),
  ],
  squareplus: [(x, k) => activations.squareplus(x, k, { b: 1 }), each((x) => (x + Math.sqrt(x * x + 1)) / 2)],
  softShrink: [
    (x, k) => activations.softShrink(x, k, { threshold: 1 }),
    each((x) => Math.sign(x) * Math.max(Math.abs(x) - 1, 0)),
  ],
  hardShrink: [(x, k) => activations.hardShrink(x, k, { threshold: 1 }), each((x) => (Math.abs(x) > 1 ? x : 0))],
  threshold: [
    (x, k) => activations.threshold(x, k, { threshold: 0.5, defaultValue: 3 }),
    each((x) => (x > 0.5 ? x : 3)),
  ],
}

for (const [name, [activation, formula]] of Object.entries(withOptions))
  test(`${name} with options`, async () => {
    const net = onPoints(activation)
    const [y] = await predictions(net, [x])
    assert.ok(far(values(y).slice(0, points.length), formula(points)) < 2e-5)
    await slopesAgree(net, [x], 5e-3, points.length)
    net.dispose()
  })

test('sparsemax: numbers of Keras 3.15.1', async () => {
  const x = Array.from({ length: 12 }, (_, i) => -2 + (4 * i) / 11)
  const net = around(layers.activation({ activation: 'sparsemax' }), [[4]])
  const [y] = await predictions(net, [new Tensor('float32', x, [3, 4])])
  const expected = [0.0454545, 0.40909088, 0.77272725, 1.1363635, 0, 0, 0.04545456, 0.40909094, 0, 0, 0, 0]
  assert.ok(far(values(y), expected) < 1e-6)
  net.dispose()
})

test('softmax, log_softmax, sparsemax and glu along another axis than the last', async () => {
  const table = new Tensor('float32', [...points.slice(0, 4), ...points.slice(6)], [1, 2, 4])
  const column = (row: (column: readonly number[]) => readonly number[]) => {
    const columns = [0, 1, 2, 3].map((i) => row([values(table)[i], values(table)[i + 4]]))
    return columns[0].flatMap((_, i) => columns.map((list) => list[i]))
  }
  const cases: readonly Options[] = [
    [(x, k) => activations.softmax(x, k, { axis: 1 }), softmax],
    [(x, k) => activations.logSoftmax(x, k, { axis: -2 }), formulas.log_softmax],
    [(x, k) => activations.sparsemax(x, k, { axis: 1 }), sparsemax],
    [(x, k) => activations.glu(x, k, { axis: 1 }), formulas.glu],
  ]
  for (const [activation, row] of cases) {
    const net = around(layers.activation({ activation }), [[2, 4]])
    const [y] = await predictions(net, [table])
    assert.ok(far(values(y), column(row)) < 2e-5)
    net.dispose()
  }
})

test('every activation has a formula here; names in every spelling, and functions of the table have their names', () => {
  const named = [...Object.keys(formulas), ...Object.keys(aliases), 'threshold']
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  assert.equal(Object.keys(activations).map(snake).sort(), named.sort())
  const config = (activation: string | ActivationFunction) => layers.activation({ activation }).getConfig().activation
  for (const [alias, name] of Object.entries(aliases)) assert.ok(config(alias) === alias && formulas[name], alias)
  assert.is(config('hardSigmoid'), 'hard_sigmoid')
  assert.is(config(activations.logSoftmax), 'log_softmax')
  assert.is(config(activations.swish), 'silu')
})

test('what an activation cannot take is said', () => {
  const fails = (activation: string, message: RegExp, size = 3) => {
    try {
      around(layers.activation({ activation }), [[size]])
    } catch (error) {
      assert.instance(error, LanewiseError)
      return assert.match((error as LanewiseError).message, message)
    }
    assert.unreachable(`${activation} was taken`)
  }
  fails('reloo', /unknown activation 'reloo'; known: linear, relu, relu6, leaky_relu/)
  fails('threshold', /'threshold' needs its options/)
  fails('glu', /known even size, got 3/)
})

test.run()
