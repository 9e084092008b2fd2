import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { elementwiseLowerings as coreLowerings } from '../src/backend/wasm/lower/elementwise.js'
import { gradientLowerings } from '../src/backend/wasm/lower/gradients.js'
import { type DType, isBigInt, type NumericDType, onnxTypeCode } from '../src/core/dtype.js'
import type { Attributes } from '../src/core/ir.js'
import { broadcastShapes, broadcastStrides, sizeOf, stridesOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { operandTensor } from './cases/case.js'
import { builds, runLowering } from './support/kernels.js'

const elementwiseLowerings = { ...coreLowerings, ...gradientLowerings }
type Op = keyof typeof elementwiseLowerings

/** `f` over the broadcast of `inputs`, in float64. */
function naive(f: (...x: number[]) => number, inputs: readonly Tensor[]): { values: number[]; shape: number[] } {
  const shape = broadcastShapes(...inputs.map((input) => input.dims)) as number[]
  const strides = stridesOf(shape)
  const reads = inputs.map((input) => broadcastStrides(input.dims, shape))
  const values = Array.from({ length: sizeOf(shape) }, (_, index) =>
    f(
      ...inputs.map((input, i) =>
        Number(
          input.data[
            strides.reduce((sum, stride, axis) => sum + (Math.floor(index / stride) % shape[axis]) * reads[i][axis], 0)
          ],
        ),
      ),
    ),
  )
  return { values, shape }
}

function assertClose(got: Tensor, want: readonly number[], tolerance: number, title: string): void {
  got.toNumbers().forEach((value, i) => {
    const close = Object.is(value, want[i]) || Math.abs(value - want[i]) <= tolerance * (1 + Math.abs(want[i]))
    assert.ok(close, `${title}: element ${i} is ${value}, not ${want[i]}`)
  })
}

interface Options {
  readonly attributes?: Attributes
  readonly output?: DType
  readonly inPlace?: readonly (number | undefined)[]
  readonly tolerance?: number
}

function check(op: Op, f: (...x: number[]) => number, inputs: readonly Tensor[], options: Options = {}): void {
  const { values, shape } = naive(f, inputs)
  const dtype = options.output ?? inputs[0].type
  for (const build of builds) {
    const { attributes, inPlace } = options
    const outputs = [{ dtype, shape }]
    const [y] = runLowering(elementwiseLowerings[op], op, { inputs, outputs, attributes, inPlace, build })
    const title = `${op} ${inputs.map((input) => `[${input.dims}]`).join(' ')} ${build}`
    assertClose(y, values, dtype === 'float32' ? (options.tolerance ?? 1e-6) : 0, title)
  }
}

const random = (shape: readonly number[], seed: number, dtype: NumericDType = 'float32', range?: [number, number]) =>
  operandTensor({ shape, dtype, range }, seed)

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const softplus = (x: number) => Math.log1p(Math.exp(x))
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)
const round = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))
const erf = (x: number) => {
  let sum = 0
  let term = x
  for (let n = 0; n < 60; n++) {
    sum += term / (2 * n + 1)
    term *= (-x * x) / (n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

const unary: readonly [Op, (x: number) => number, Attributes?, [number, number]?][] = [
  ['Relu', (x) => Math.max(x, 0)],
  ['LeakyRelu', (x) => (x < 0 ? 0.1 * x : x), { alpha: 0.1 }],
  ['Elu', (x) => (x < 0 ? 1.5 * Math.expm1(x) : x), { alpha: 1.5 }],
  ['Selu', (x) => 1.05 * (x < 0 ? 1.67 * Math.expm1(x) : x), { alpha: 1.67, gamma: 1.05 }],
  ['Celu', (x) => (x < 0 ? 2 * Math.expm1(x / 2) : x), { alpha: 2 }],
  ['ThresholdedRelu', (x) => (x > 0.7 ? x : 0), { alpha: 0.7 }],
  ['Sigmoid', sigmoid],
  ['Tanh', Math.tanh],
  ['Softplus', softplus],
  ['Softsign', (x) => x / (1 + Math.abs(x))],
  ['HardSigmoid', (x) => clamp(0.2 * x + 0.5, 0, 1), { alpha: 0.2, beta: 0.5 }, [-5, 5]],
  ['HardSwish', (x) => x * clamp(x / 6 + 0.5, 0, 1), {}, [-5, 5]],
  ['Gelu', (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), { approximate: 'none' }, [-4, 4]],
  ['Gelu', geluTanh, { approximate: 'tanh' }, [-4, 4]],
  ['Swish', (x) => x * sigmoid(1.5 * x), { alpha: 1.5 }],
  ['Mish', (x) => x * Math.tanh(softplus(x))],
  ['Erf', erf],
  ['Exp', Math.exp],
  ['Log', Math.log, {}, [0.01, 9]],
  ['Sqrt', Math.sqrt, {}, [0, 9]],
  ['Reciprocal', (x) => 1 / x, {}, [0.1, 9]],
  ['Neg', (x) => -x],
  ['Abs', Math.abs],
  ['Sign', Math.sign],
  ['Floor', Math.floor],
  ['Ceil', Math.ceil],
  ['Round', round, {}, [-9, 9]],
  ['Identity', (x) => x],
]

const sizes = [1, 3, 5, 7, 17, 33, 1000, 16390]

for (const [op, f, attributes = {}, range] of unary)
  test(`${op} ${JSON.stringify(attributes)}`, () => {
    for (const size of sizes) check(op, f, [random([size], size, 'float32', range)], { attributes })
    check(op, f, [random([3, 7], 1, 'float32', range)], { attributes, inPlace: [0] })
  })

test('Round goes to even', () => {
  check('Round', round, [new Tensor('float32', [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49], [7])])
})

test('NaN passes through what compares', () => {
  for (const op of ['Relu', 'LeakyRelu', 'Sign', 'HardSigmoid', 'Clip', 'Max', 'Min'] as const) {
    const inputs = [new Tensor('float32', [Number.NaN], [1])]
    if (op === 'Max' || op === 'Min') inputs.push(new Tensor('float32', [1], [1]))
    if (op === 'Clip') inputs.push(Tensor.scalar(0), Tensor.scalar(1))
    check(op, () => Number.NaN, inputs, { attributes: { alpha: 0.5, beta: 0.5 } })
  }
})

const patterns: readonly (readonly (readonly number[])[])[] = [
  ...sizes.map((size) => [[size], [size]]),
  [[33], []],
  [[], [33]],
  [[], []],
  [[5, 7], [7]],
  [[7], [5, 7]],
  [
    [5, 7],
    [5, 1],
  ],
  [
    [5, 1],
    [1, 7],
  ],
  [
    [3, 5, 7],
    [5, 1],
  ],
  [
    [3, 1, 7],
    [5, 1],
  ],
  [
    [2, 3, 1, 5],
    [2, 1, 7, 1],
  ],
  [
    [2, 3, 4, 5, 3],
    [3, 1, 5, 1],
  ],
  [
    [1, 3, 1],
    [4, 1, 17],
  ],
  [
    [17, 1, 1],
    [17, 1, 3],
  ],
  [[700, 33], [33]],
  [[0, 3], [3]],
]

const binary: readonly [Op, (a: number, b: number) => number, [number, number]?][] = [
  ['Add', (a, b) => a + b],
  ['Sub', (a, b) => a - b],
  ['Mul', (a, b) => a * b],
  ['Div', (a, b) => a / b, [0.2, 3]],
  ['Pow', (a, b) => a ** b, [0.2, 3]],
  ['Max', Math.max],
  ['Min', Math.min],
  ['Sum', (a, b) => a + b],
  ['Mean', (a, b) => (a + b) / 2],
  ['PRelu', (a, b) => (a < 0 ? a * b : a)],
]

for (const [op, f, range] of binary)
  test(`${op} broadcasts`, () => {
    for (const [a, b] of patterns) {
      if (op === 'PRelu' && a.length < b.length) continue
      check(op, f, [random(a, 1, 'float32', range), random(b, 2, 'float32', range)])
    }
    check(op, f, [random([3, 11], 1, 'float32', range), random([11], 2, 'float32', range)], { inPlace: [0] })
  })

const comparisons: readonly [Op, (a: number, b: number) => number][] = [
  ['Equal', (a, b) => Number(a === b)],
  ['Greater', (a, b) => Number(a > b)],
  ['GreaterOrEqual', (a, b) => Number(a >= b)],
  ['Less', (a, b) => Number(a < b)],
  ['LessOrEqual', (a, b) => Number(a <= b)],
]

for (const [op, f] of comparisons)
  test(`${op} broadcasts`, () => {
    for (const [a, b] of patterns) {
      check(op, f, [random(a, 1, 'int32', [-3, 3]), random(b, 2, 'int32', [-3, 3])], { output: 'bool' })
      const [left, right] = [random(a, 1, 'int32', [-3, 3]), random(b, 2, 'int32', [-3, 3])].map(
        (tensor) => new Tensor('float32', tensor.toNumbers(), tensor.dims),
      )
      check(op, f, [left, right], { output: 'bool' })
    }
  })

test('int32 arithmetic wraps', () => {
  const near = (seed: number) => random([5, 7], seed, 'int32', [-(2 ** 31), 2 ** 31])
  check('Add', (a, b) => (a + b) | 0, [near(1), near(2)])
  check('Sub', (a, b) => (a - b) | 0, [near(1), near(2)])
  check('Mul', Math.imul, [near(1), near(2)])
  check('Max', Math.max, [near(1), near(2)])
  check('Min', Math.min, [near(1), near(2)])
})

test('logical ops broadcast', () => {
  for (const [a, b] of patterns) {
    const inputs = [random(a, 1, 'bool'), random(b, 2, 'bool')]
    check('And', (x, y) => x & y, inputs)
    check('Or', (x, y) => x | y, inputs)
    check('Xor', (x, y) => x ^ y, inputs)
    check('Equal', (x, y) => Number(x === y), inputs)
  }
  for (const size of sizes) check('Not', (x) => 1 - x, [random([size], size, 'bool')])
})

test('Max, Min, Sum and Mean of many inputs, some sharing the output', () => {
  const a = random([4, 9], 1)
  const b = random([9], 2)
  const c = random([4, 1], 3)
  check('Sum', (x, y, z) => x + y + z, [a, b, c])
  check('Mean', (x, y, z) => (x + y + z) / 3, [b, c, a])
  check('Max', Math.max, [c, b, a])
  check('Min', Math.min, [a, b, c], { inPlace: [0] })
  check('Sum', (x, y, z) => x + y + z, [b, c, a], { inPlace: [2] })
  for (const op of ['Sum', 'Mean', 'Max'] as const) check(op, (x) => x, [a])
})

test('Sum takes an operand as often as it is given, though it shares the output', () => {
  const value = { name: 'x', dtype: 'float32', shape: [5] } as const
  const y = { ...value, name: 'y' }
  const node = { op: 'Sum', name: 'Sum', inputs: [value, value, value], outputs: [y], attributes: {} }
  const calls = elementwiseLowerings.Sum.lower(node, {
    address: () => 65536,
    workspace: 0,
    constant: () => undefined,
    prepared: () => 0,
    scratch: () => 0,
  })
  assert.equal(
    calls.map((call) => new Float32Array(call.words.buffer)[5]),
    [3],
  )
})

test('Pow has the special cases of C', () => {
  const infinity = Number.POSITIVE_INFINITY
  const a = [-2, -2, -2, 0, 0, 0, 1, 2, infinity, infinity, -infinity, -8, 5, 1e-40, 2, Number.NaN]
  const b = [2, 3, -1, 2, -1, 0, 7, 200, 2, -1, 3, 1 / 3, 0, 0.5, -149, 0]
  const want = a.map((x, i) => Math.fround(Math.fround(x) ** Math.fround(b[i])))
  const inputs = [new Tensor('float32', a, [a.length]), new Tensor('float32', b, [b.length])]
  const outputs = [{ dtype: 'float32', shape: [a.length] }] as const
  const [y] = runLowering(elementwiseLowerings.Pow, 'Pow', { inputs, outputs })
  y.toNumbers().forEach((got, i) => {
    const close = Object.is(got, want[i]) || Math.abs(got - want[i]) <= 1.2e-7 * Math.abs(want[i])
    assert.ok(close, `${a[i]} ** ${b[i]} is ${got}, not ${want[i]}`)
  })
})

test('Pow is exact to a unit in the last place', () => {
  const a = random([3000], 1, 'float32', [0, 100])
  const b = random([3000], 2, 'float32', [-19, 19])
  const [y] = runLowering(elementwiseLowerings.Pow, 'Pow', {
    inputs: [a, b],
    outputs: [{ dtype: 'float32', shape: [3000] }],
  })
  y.toNumbers().forEach((got, i) => {
    const want = Number(a.data[i]) ** Number(b.data[i])
    if (want > 3e38 || want < 2 ** -126) return
    assert.ok(Math.abs(got - want) <= 1.2e-7 * want, `${a.data[i]} ** ${b.data[i]} is ${got}, not ${want}`)
  })
})

test('Pow by the constant 2, of any dtype, is a product', () => {
  const x = random([3, 7], 1)
  for (const exponent of [Tensor.scalar(2), Tensor.scalar(2, 'int64'), Tensor.full('float32', [1, 1], 2)]) {
    const outputs = [{ dtype: 'float32', shape: [3, 7] }] as const
    const [y] = runLowering(elementwiseLowerings.Pow, 'Pow', { inputs: [x, exponent], outputs, constants: [1] })
    assert.equal(
      y.toNumbers(),
      x.toNumbers().map((value) => Math.fround(value * value)),
    )
  }
})

test('Clip takes its bounds from memory, either of them optional', () => {
  const outputs = (size: number) => [{ dtype: 'float32', shape: [size] }] as const
  for (const size of sizes)
    for (const [low, high] of [
      [-0.5, 0.5],
      [-0.5, undefined],
      [undefined, 0.5],
      [undefined, undefined],
      [1, -1],
    ]) {
      const x = random([size], size)
      const bounds = [low, high].map((bound) => (bound === undefined ? undefined : Tensor.scalar(bound)))
      const [y] = runLowering(elementwiseLowerings.Clip, 'Clip', { inputs: [x, ...bounds], outputs: outputs(size) })
      const want = x.toNumbers().map((value) => Math.min(Math.max(value, low ?? -9), high ?? 9))
      assertClose(y, want, 0, `Clip ${low} ${high}`)
    }
})

test('Where broadcasts three operands', () => {
  const shapes = [
    ...sizes.map((size) => [[size], [size], [size]]),
    [[5, 1], [7], [5, 7]],
    [[7], [], [5, 1]],
    [[], [3, 5], [5]],
    [
      [2, 1, 3],
      [4, 1],
      [2, 4, 3],
    ],
  ]
  for (const [condition, a, b] of shapes)
    check('Where', (c, x, y) => (c ? x : y), [random(condition, 1, 'bool'), random(a, 2), random(b, 3)], {
      output: 'float32',
    })
  const integers = [random([5, 1], 1, 'bool'), random([7], 2, 'int32', [-9, 9]), random([], 3, 'int32', [-9, 9])]
  check('Where', (c, x, y) => (c ? x : y), integers, { output: 'int32' })
})

test('Cast between every pair of types', () => {
  const types = ['float32', 'int32', 'int64', 'uint8', 'int8', 'bool'] as const
  for (const from of types)
    for (const to of types) {
      const unsigned = to === 'uint8' || from === 'uint8'
      const x = random([37], 4, from, unsigned ? [0, 127] : [-120, 120])
      const want = x.toNumbers().map((value) => {
        if (to === 'bool') return Number(value !== 0)
        return to === 'float32' ? value : Math.trunc(value)
      })
      const [y] = runLowering(elementwiseLowerings.Cast, 'Cast', {
        inputs: [x],
        outputs: [{ dtype: to, shape: [37] }],
        attributes: { to: onnxTypeCode[to] },
      })
      assert.is(isBigInt(y.type), isBigInt(to))
      assertClose(y, want, 0, `${from} to ${to}`)
    }
})

test('gradients of activations from their outputs', () => {
  for (const size of sizes) {
    const operands = [random([size], 1), random([size], 2)]
    check('lanewise.ReluGradient', (dy, y) => (y > 0 ? dy : 0), operands)
    check('lanewise.SigmoidGradient', (dy, y) => dy * y * (1 - y), operands)
    check('lanewise.TanhGradient', (dy, y) => dy * (1 - y * y), operands)
  }
})

test.run()
