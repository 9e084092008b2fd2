import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { type ConstraintLike, resolveConstraint } from '../src/keras/constraints.js'
import {
  constraints,
  initializers,
  layers,
  modelFromJSON,
  optimizers,
  regularizers,
  sequential,
} from '../src/keras/index.js'
import { type InitializerLike, resolveInitializer } from '../src/keras/initializers.js'
import { type RegularizerLike, resolveRegularizer } from '../src/keras/regularizers.js'

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return assert.unreachable('nothing was refused') as never
}

const moments = (values: ArrayLike<number>) => {
  const all = Array.from(values)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  const central = (power: number) => all.reduce((sum, value) => sum + (value - mean) ** power, 0) / all.length
  return { mean, variance: central(2), kurtosis: central(4) / central(2) ** 2, most: Math.max(...all.map(Math.abs)) }
}

/** Rows and columns: of a dense kernel 120 and 80; of a convolution 3x3 with 40 channels and 30 filters. */
const shapes = [
  { shape: [120, 80], fanIn: 120, fanOut: 80 },
  { shape: [3, 3, 40, 30], fanIn: 360, fanOut: 270 },
]

for (const [name, variance, shape] of [
  ['glorot_uniform', (i: number, o: number) => 2 / (i + o), 'uniform'],
  ['glorotNormal', (i: number, o: number) => 2 / (i + o), 'truncated'],
  ['HeUniform', (i: number) => 2 / i, 'uniform'],
  ['he_normal', (i: number) => 2 / i, 'truncated'],
  ['lecun_uniform', (i: number) => 1 / i, 'uniform'],
  ['LecunNormal', (i: number) => 1 / i, 'truncated'],
  ['random_uniform', () => 0.1 ** 2 / 12, 'uniform'],
  ['random_normal', () => 0.05 ** 2, 'normal'],
  // The variance of a normal distribution that is cut at two standard deviations, of 0.05 before it is cut.
  ['truncated_normal', () => 0.05 ** 2 * 0.87962566103423978 ** 2, 'truncated'],
  ['variance_scaling', (i: number) => 1 / i, 'truncated'],
  [
    initializers.varianceScaling({ scale: 3, mode: 'fan_out', distribution: 'untruncated_normal' }),
    (_: number, o: number) => 3 / o,
    'normal',
  ],
] as const)
  test(`${typeof name === 'string' ? name : 'VarianceScaling'}: mean, variance and form of its values`, () => {
    for (const { shape: dims, fanIn, fanOut } of shapes) {
      const values = resolveInitializer(name).fill(dims)
      const expected = variance(fanIn, fanOut)
      const { mean, variance: seen, kurtosis, most } = moments(values)
      const count = values.length
      assert.ok(Math.abs(mean) < 5 * Math.sqrt(expected / count), `mean ${mean}`)
      assert.ok(Math.abs(seen / expected - 1) < 5 * Math.sqrt(2 / count), `variance ${seen}, not ${expected}`)
      const bound = {
        uniform: Math.sqrt(3 * expected),
        truncated: (2 * Math.sqrt(expected)) / 0.87962566,
        normal: 6 * Math.sqrt(expected),
      }
      assert.ok(most <= bound[shape] * (1 + 1e-6), `${most} over ${bound[shape]}`)
      // Kurtosis: 9/5 of a uniform distribution, 3 of a normal one, 2.37 of one cut at two deviations (Johnson et al., 1994, 13.10).
      const form = { uniform: 1.8, normal: 3, truncated: 2.365 }[shape]
      assert.ok(Math.abs(kurtosis - form) < 0.25, `kurtosis ${kurtosis}`)
    }
  })

test('Zeros, Ones, Constant, Identity and their refusals', () => {
  const fill = (like: InitializerLike, shape: readonly number[]) => [...resolveInitializer(like).fill(shape)]
  assert.equal(fill('zeros', [2]), [0, 0])
  assert.equal(fill('ones', [2]), [1, 1])
  assert.equal(fill(initializers.constant({ value: 2.5 }), [2]), [2.5, 2.5])
  assert.equal(fill({ class_name: 'Identity', config: { gain: 3 } }, [2, 3]), [3, 0, 0, 0, 3, 0])
  assert.equal(
    fill((shape) => shape.map((_, i) => i), [4]),
    [0],
  )
  assert.match(
    refusal(() => fill('identity', [2, 2, 2])),
    /matrices/,
  )
  assert.match(
    refusal(() => fill('glorot', [2])),
    /unknown initializer 'glorot'; known: glorot_uniform/,
  )
})

test('Orthogonal: rows or columns of length gain, at right angles', () => {
  for (const dims of [
    [6, 4],
    [4, 6],
    [2, 3, 5],
  ]) {
    const columns = dims[dims.length - 1]
    const rows = dims.reduce((a, b) => a * b) / columns
    const w = initializers.orthogonal({ gain: 2, seed: 3 }).fill(dims)
    const byRow = rows <= columns
    const at = (vector: number, k: number) => (byRow ? w[vector * columns + k] : w[k * columns + vector])
    const [vectors, length] = byRow ? [rows, columns] : [columns, rows]
    for (let a = 0; a < vectors; a++)
      for (let b = 0; b <= a; b++) {
        let dot = 0
        for (let k = 0; k < length; k++) dot += at(a, k) * at(b, k)
        assert.ok(Math.abs(dot - (a === b ? 4 : 0)) < 1e-5, `${a} ${b}: ${dot}`)
      }
  }
})

test('seeds and Keras’s form: the same values again', () => {
  const made = [
    initializers.glorotUniform({ seed: 4 }),
    initializers.heNormal({ seed: 4 }),
    initializers.varianceScaling({ scale: 0.5, mode: 'fanAvg', distribution: 'uniform', seed: 4 }),
    initializers.randomNormal({ mean: 1, stddev: 2, seed: 4 }),
    initializers.randomUniform({ minval: 0, maxval: 3, seed: 4 }),
    initializers.truncatedNormal({ mean: -1, stddev: 0.5, seed: 4 }),
    initializers.orthogonal({ gain: 0.5, seed: 4 }),
    initializers.constant({ value: 7 }),
    initializers.identity({ gain: 2 }),
  ]
  for (const initializer of made) {
    const form = JSON.parse(JSON.stringify(initializer.serialize()))
    assert.is(form.module, 'keras.initializers')
    const again = resolveInitializer(form)
    assert.equal(again.fill([4, 6]), initializer.fill([4, 6]), form.class_name)
    assert.equal(again.serialize(), initializer.serialize())
  }
  const [a, b] = [initializers.heNormal(), initializers.heNormal({ seed: 5 })]
  assert.not.equal(a.fill([4]), a.fill([4]))
  assert.equal(b.fill([4]), b.fill([4]))
})

const kernel = [0.5, -1, 2, 0, 3, -4]
const rows = [kernel.slice(0, 2), kernel.slice(2, 4), kernel.slice(4)]
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]))
const cosine = (a: readonly number[], b: readonly number[]) => Math.abs(dot(a, b)) / Math.sqrt(dot(a, a) * dot(b, b))
const columns = [0, 1].map((k) => rows.map((row) => row[k]))

/** What a regularizer of the kernel adds to the loss, and the kernel after a step with the learning rate 0. */
async function through(options: { kernelRegularizer?: RegularizerLike; kernelConstraint?: ConstraintLike }) {
  const net = sequential([layers.dense({ units: 2, inputShape: [3], ...options })])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse' })
  net.setWeights([new Tensor('float32', Float32Array.from(kernel), [3, 2]), Tensor.zeros('float32', [2])])
  const [x, y] = [Tensor.zeros('float32', [1, 3]), Tensor.zeros('float32', [1, 2])]
  const { loss } = await net.trainOnBatch(x, y)
  const after = [...(net.getWeights()[0].data as Float32Array)]
  net.dispose()
  return { loss, after }
}

for (const [name, like, expected] of [
  ['l1', 'l1', 0.01 * sum(kernel.map(Math.abs))],
  ['L2', regularizers.l2({ l2: 0.3 }), 0.3 * dot(kernel, kernel)],
  [
    'L1L2',
    { class_name: 'L1L2', config: { l1: 0.1, l2: 0.2 } },
    0.1 * sum(kernel.map(Math.abs)) + 0.2 * dot(kernel, kernel),
  ],
  ['l1_l2 by name, as in Keras 3', 'l1_l2', 0],
  [
    'OrthogonalRegularizer',
    regularizers.orthogonalRegularizer({ factor: 0.5 }),
    (0.5 * (cosine(rows[0], rows[1]) + cosine(rows[0], rows[2]) + cosine(rows[1], rows[2]))) / 3,
  ],
  [
    'OrthogonalRegularizer of columns',
    { class_name: 'OrthogonalRegularizer', config: { factor: 2, mode: 'columns' } },
    2 * cosine(columns[0], columns[1]),
  ],
  ['a function', (w, emit) => emit.mul(emit.sum(w), 3), 3 * sum(kernel)],
] as const satisfies readonly (readonly [string, RegularizerLike, number])[])
  test(`regularizer: ${name}`, async () => {
    const { loss } = await through({ kernelRegularizer: like })
    assert.ok(Math.abs(loss - expected) < 1e-5 * Math.max(1, Math.abs(expected)), `${loss} is not ${expected}`)
    if (typeof like === 'function') return
    const regularizer = resolveRegularizer(like)!
    const form = JSON.parse(JSON.stringify(regularizer.serialize()))
    assert.equal(resolveRegularizer(form)!.serialize(), form)
  })

const norm = (values: readonly number[]) => Math.sqrt(dot(values, values))
/** The kernel with each column, or row, times a factor that follows from its norm. */
const scaled = (by: 'column' | 'row', factor: (norm: number) => number) =>
  kernel.map((value, i) => value * factor(norm(by === 'column' ? columns[i % 2] : rows[Math.floor(i / 2)])))

for (const [name, like, expected] of [
  ['MaxNorm', 'max_norm', scaled('column', (n) => Math.min(n, 2) / n)],
  ['MaxNorm of rows', constraints.maxNorm({ maxValue: 1.5, axis: 1 }), scaled('row', (n) => Math.min(n, 1.5) / n)],
  ['NonNeg', 'NonNeg', kernel.map((value) => Math.max(0, value))],
  ['UnitNorm', { class_name: 'UnitNorm', config: { axis: [0] } }, scaled('column', (n) => 1 / n)],
  [
    'MinMaxNorm',
    constraints.minMaxNorm({ minValue: 3.5, maxValue: 4, rate: 0.25 }),
    scaled('column', (n) => (0.25 * Math.min(4, Math.max(3.5, n)) + 0.75 * n) / n),
  ],
  ['a function', (w, emit) => emit.mul(w, 0.5), kernel.map((value) => value / 2)],
] as const satisfies readonly (readonly [string, ConstraintLike, readonly number[]])[])
  test(`constraint: ${name}`, async () => {
    const { after } = await through({ kernelConstraint: like })
    after.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]) < 1e-5, `${after} is not ${expected}`)
    })
    if (typeof like === 'function') return
    const form = JSON.parse(JSON.stringify(resolveConstraint(like)!.serialize()))
    assert.equal(resolveConstraint(form)!.serialize(), form)
  })

test('a layer’s JSON carries all three; functions have no form', () => {
  const build = (extra: object) =>
    sequential([
      layers.dense({
        units: 2,
        inputShape: [3],
        kernelInitializer: initializers.heUniform({ seed: 3 }),
        kernelRegularizer: regularizers.l1l2({ l1: 0.5 }),
        kernelConstraint: 'unit_norm',
        ...extra,
      }),
    ])
  const json = JSON.parse(JSON.stringify(build({})))
  assert.equal(JSON.parse(JSON.stringify(modelFromJSON(json))), json)
  for (const extra of [
    { kernelInitializer: () => [1, 2, 3, 4, 5, 6] },
    { kernelRegularizer: () => null },
    { kernelConstraint: () => null },
  ])
    assert.match(
      refusal(() => JSON.stringify(build(extra))),
      /that is a function has no form/,
    )
  assert.equal(
    [...(build({ kernelInitializer: () => [1, 2, 3, 4, 5, 6] }).getWeights()[0].data as Float32Array)],
    [1, 2, 3, 4, 5, 6],
  )
  assert.match(
    refusal(() => build({ kernelInitializer: () => [1] }).getWeights()),
    /needs 6 elements/,
  )
  assert.match(
    refusal(() => regularizers.l1({ l1: -1 })),
    /0 or more/,
  )
  assert.match(
    refusal(() => resolveRegularizer('l3')),
    /unknown regularizer 'l3'; known: l1/,
  )
  assert.match(
    refusal(() => resolveConstraint('norm')),
    /unknown constraint/,
  )
})

test.run()
