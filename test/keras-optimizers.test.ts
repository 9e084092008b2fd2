import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { type LossFunction, layers, optimizers, schedules, sequential } from '../src/keras/index.js'
import { type OptimizerLike, resolveOptimizer } from '../src/keras/optimizers/index.js'
import type { OptimizerOptions } from '../src/keras/optimizers/optimizer.js'
import { fails } from './support/errors.js'

const rows = 3
const columns = 2
const size = rows * columns
const inputs = Float32Array.of(0.5, -1, 2, 1.5, 0.25, -0.75, -1, 1, 0.5, 2, -0.5, 1)
const targets = Float32Array.of(1, -1, 0.5, 2, -2, 0, 1.5, 0.25)
const batch = 4
const start = Float32Array.of(0.3, -0.2, 0.7, 0.9, -0.6, 0.1)

const squaredError: LossFunction = (yTrue, yPred, emit) => emit.mean(emit.square(emit.sub(yPred, yTrue)))

/** The gradient of the mean squared error of x w, in float64. */
function gradientAt(w: readonly number[]): number[] {
  const gradient = new Array<number>(size).fill(0)
  for (let sample = 0; sample < batch; sample++)
    for (let column = 0; column < columns; column++) {
      let error = -targets[sample * columns + column]
      for (let row = 0; row < rows; row++) error += inputs[sample * rows + row] * w[row * columns + column]
      for (let row = 0; row < rows; row++)
        gradient[row * columns + column] += (2 * error * inputs[sample * rows + row]) / (batch * columns)
    }
  return gradient
}

type State = Record<string, number[]>
/** The published formula: a weight's new content; `t` counts from 1. */
type Formula = (w: number[], g: number[], state: State, t: number, lr: number) => number[]

function trainedByFormula(formula: Formula, steps: number, rate: (step: number) => number): number[] {
  let w = [...start]
  const state: State = {}
  for (let t = 1; t <= steps; t++) w = formula(w, gradientAt(w), state, t, rate(t - 1))
  return w
}

const network = () => sequential([layers.dense({ units: columns, useBias: false, inputShape: [rows] })])

async function trained(optimizer: OptimizerLike, steps: number): Promise<number[]> {
  const model = network()
  model.compile({ optimizer, loss: squaredError })
  model.setWeights([new Tensor(start, [rows, columns])])
  const [x, y] = [new Tensor(inputs, [batch, rows]), new Tensor(targets, [batch, columns])]
  for (let step = 0; step < steps; step++) await model.trainOnBatch(x, y)
  const weights = model.getWeights()[0].toNumbers()
  model.dispose()
  return weights as number[]
}

function close(actual: readonly number[], expected: readonly number[], what: string): void {
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) <= 2e-5 + 1e-4 * Math.abs(value), `${what}[${i}]: ${actual[i]}, not ${value}`)
  })
}

const map = (values: readonly number[], f: (value: number, i: number) => number) => values.map(f)
const kept = (state: State, name: string, initial = 0) => (state[name] ??= new Array<number>(size).fill(initial))
const norm = (values: readonly number[]) => Math.hypot(...values)
const rms = (values: readonly number[]) => norm(values) / Math.sqrt(values.length)

/** m and v of Adam, after the step. */
function moments(g: number[], state: State, beta1: number, beta2: number): [number[], number[]] {
  state.m = map(kept(state, 'm'), (m, i) => beta1 * m + (1 - beta1) * g[i])
  state.v = map(kept(state, 'v'), (v, i) => beta2 * v + (1 - beta2) * g[i] ** 2)
  return [state.m, state.v]
}

const adam: Formula = (w, g, state, t, lr) => {
  const [m, v] = moments(g, state, 0.9, 0.999)
  const alpha = (lr * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t)
  return map(w, (value, i) => value - (alpha * m[i]) / (Math.sqrt(v[i]) + 1e-7))
}

const sgd: Formula = (w, g, _, __, lr) => map(w, (value, i) => value - lr * g[i])

/** Five of Newton and Schulz's iterations on a matrix of `rows` x `columns`, by its transpose as it is tall. */
function orthogonal(matrix: readonly number[]): number[] {
  let x = Array.from({ length: columns }, (_, c) => Array.from({ length: rows }, (_, r) => matrix[r * columns + c]))
  const size = norm(matrix) + 1e-7
  x = x.map((row) => row.map((value) => value / size))
  const times = (a: number[][], b: number[][]) =>
    a.map((row) => b[0].map((_, c) => row.reduce((sum, value, k) => sum + value * b[k][c], 0)))
  for (let i = 0; i < 5; i++) {
    const a = times(
      x,
      x[0].map((_, c) => x.map((row) => row[c])),
    )
    const aa = times(a, a)
    const b = a.map((row, r) => row.map((value, c) => -4.775 * value + 2.0315 * aa[r][c]))
    const bx = times(b, x)
    x = x.map((row, r) => row.map((value, c) => 3.4445 * value + bx[r][c]))
  }
  return Array.from({ length: rows * columns }, (_, i) => x[i % columns][Math.floor(i / columns)])
}

const cases: Record<string, { options?: object; lr?: number; formula: Formula }> = {
  sgd: { formula: sgd },
  adam: { formula: adam },
  'adam amsgrad': {
    options: { amsgrad: true, beta2: 0.9 },
    formula: (w, g, state, t, lr) => {
      const [m, v] = moments(g, state, 0.9, 0.9)
      state.largest = map(kept(state, 'largest'), (value, i) => Math.max(value, v[i]))
      const alpha = (lr * Math.sqrt(1 - 0.9 ** t)) / (1 - 0.9 ** t)
      return map(w, (value, i) => value - (alpha * m[i]) / (Math.sqrt(state.largest[i]) + 1e-7))
    },
  },
  adamW: {
    formula: (w, g, state, t, lr) =>
      adam(
        map(w, (value) => value * (1 - 0.004 * lr)),
        g,
        state,
        t,
        lr,
      ),
  },
  adamax: {
    formula: (w, g, state, t, lr) => {
      state.m = map(kept(state, 'm'), (m, i) => 0.9 * m + 0.1 * g[i])
      state.u = map(kept(state, 'u'), (u, i) => Math.max(0.999 * u, Math.abs(g[i])))
      return map(w, (value, i) => value - ((lr / (1 - 0.9 ** t)) * state.m[i]) / (state.u[i] + 1e-7))
    },
  },
  nadam: {
    formula: (w, g, state, t, lr) => {
      const mu = (k: number) => 0.9 * (1 - 0.5 * 0.96 ** k)
      const [m, v] = moments(g, state, 0.9, 0.999)
      state.product = [(state.product?.[0] ?? 1) * mu(t)]
      const [product] = state.product
      return map(w, (value, i) => {
        const ahead = (mu(t + 1) * m[i]) / (1 - product * mu(t + 1)) + ((1 - mu(t)) * g[i]) / (1 - product)
        return value - (lr * ahead) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-7)
      })
    },
  },
  lamb: {
    formula: (w, g, state, t, lr) => {
      const [m, v] = moments(g, state, 0.9, 0.999)
      const change = map(m, (value, i) => value / (1 - 0.9 ** t) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-7))
      const ratio = norm(w) / norm(change)
      return map(w, (value, i) => value - lr * ratio * change[i])
    },
  },
  lion: {
    lr: 0.001,
    formula: (w, g, state, _, lr) => {
      const m = kept(state, 'm')
      state.m = map(m, (value, i) => 0.99 * value + 0.01 * g[i])
      return map(w, (value, i) => value - lr * Math.sign(0.9 * m[i] + 0.1 * g[i]))
    },
  },
  muon: {
    options: { weightDecay: 0.1, excludeLayers: ['nothing'] },
    formula: (w, g, state, _, lr) => {
      const m = map(kept(state, 'm'), (value, i) => 0.95 * value + g[i])
      state.m = m
      const change = orthogonal(map(m, (value, i) => g[i] + 0.95 * value))
      return map(w, (value, i) => value * (1 - 0.1 * lr) - lr * 0.2 * Math.sqrt(Math.max(rows, columns)) * change[i])
    },
  },
  'muon without nesterov': {
    options: { nesterov: false, rmsRate: null, weightDecay: null, momentum: 0.5 },
    lr: 0.0004,
    formula: (w, g, state, _, lr) => {
      state.m = map(kept(state, 'm'), (value, i) => 0.5 * value + g[i])
      const change = orthogonal(state.m)
      return map(w, (value, i) => value - lr * change[i])
    },
  },
  'muon by Adam': { options: { excludeLayers: ['dense.*kernel'], adamWeightDecay: null }, formula: adam },
  scheduleFreeAdamW: {
    options: { warmupSteps: 3, weightDecay: 0.1, epsilon: 1e-7 },
    formula: (w, g, state, t, lr) => {
      const z = t === 1 ? w : state.z
      const [, v] = moments(g, state, 0, 0.999)
      state.z = map(
        z,
        (value, i) => value - (lr * Math.min(1, t / 3) * g[i]) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-7),
      )
      return map(w, (value, i) => {
        const mean = (value * (1 - 0.1 * lr) - 0.1 * z[i]) / 0.9
        return 0.1 * state.z[i] + 0.9 * (mean * (1 - 1 / t) + state.z[i] / t)
      })
    },
  },
  'rmsprop centered': {
    options: { centered: true, momentum: 0.5 },
    formula: (w, g, state, _, lr) => {
      state.v = map(kept(state, 'v'), (v, i) => 0.9 * v + 0.1 * g[i] ** 2)
      state.mean = map(kept(state, 'mean'), (mean, i) => 0.9 * mean + 0.1 * g[i])
      state.m = map(
        kept(state, 'm'),
        (m, i) => 0.5 * m + (lr * g[i]) / Math.sqrt(state.v[i] - state.mean[i] ** 2 + 1e-7),
      )
      return map(w, (value, i) => value - state.m[i])
    },
  },
  adagrad: {
    formula: (w, g, state, _, lr) => {
      state.a = map(kept(state, 'a', 0.1), (a, i) => a + g[i] ** 2)
      return map(w, (value, i) => value - (lr * g[i]) / Math.sqrt(state.a[i] + 1e-7))
    },
  },
  adadelta: {
    lr: 1,
    formula: (w, g, state, _, lr) => {
      const changes = kept(state, 'changes')
      state.g = map(kept(state, 'g'), (value, i) => 0.95 * value + 0.05 * g[i] ** 2)
      const change = map(g, (value, i) => (-Math.sqrt(changes[i] + 1e-7) / Math.sqrt(state.g[i] + 1e-7)) * value)
      state.changes = map(changes, (value, i) => 0.95 * value + 0.05 * change[i] ** 2)
      return map(w, (value, i) => value + lr * change[i])
    },
  },
  ftrl: {
    options: {
      learningRatePower: -0.7,
      l1RegularizationStrength: 0.01,
      l2RegularizationStrength: 0.02,
      l2ShrinkageRegularizationStrength: 0.03,
      beta: 0.1,
    },
    formula: (w, g, state, _, lr) => {
      const n = kept(state, 'n', 0.1)
      const next = map(n, (value, i) => value + g[i] ** 2)
      state.z = map(
        kept(state, 'z'),
        (z, i) => z + g[i] + 2 * 0.03 * w[i] - ((next[i] ** 0.7 - n[i] ** 0.7) / lr) * w[i],
      )
      state.n = next
      return map(state.z, (z, i) => {
        const quadratic = next[i] ** 0.7 / lr + 2 * (0.02 + 0.1 / (2 * lr))
        return (Math.min(Math.max(z, -0.01), 0.01) - z) / quadratic
      })
    },
  },
  adafactor: {
    formula: (w, g, state, t, lr) => {
      const rho = Math.min(lr, 1 / Math.sqrt(t))
      const decay = 1 - t ** -0.8
      const squares = map(g, (value) => value ** 2 + 1e-30)
      const at = (row: number, column: number) => squares[row * columns + column]
      state.r = Array.from({ length: rows }, (_, row) => {
        const mean = (at(row, 0) + at(row, 1)) / 2
        return decay * (state.r?.[row] ?? 0) + (1 - decay) * mean
      })
      state.c = Array.from({ length: columns }, (_, column) => {
        const mean = (at(0, column) + at(1, column) + at(2, column)) / 3
        return decay * (state.c?.[column] ?? 0) + (1 - decay) * mean
      })
      const mean = state.r.reduce((a, b) => a + b) / rows
      const u = map(
        g,
        (value, i) => value / Math.sqrt((state.r[Math.floor(i / columns)] / mean) * state.c[i % columns]),
      )
      const limited = Math.max(1, rms(u))
      const step = rho * Math.max(1e-3, rms(w))
      return map(w, (value, i) => value - (step * u[i]) / limited)
    },
  },
}

const steps = 60

for (const [name, { options, lr = 0.01, formula }] of Object.entries(cases))
  test(`${name} follows its formula over ${steps} steps`, async () => {
    const create = optimizers[name.split(' ')[0] as 'sgd']
    const expected = trainedByFormula(formula, steps, () => Math.fround(lr))
    close(await trained(create({ learningRate: lr, ...options }), steps), expected, name)
    assert.ok(Math.abs(expected[0] - start[0]) > 1e-3, 'the weights moved')
  })

test('Muon refuses what is no pattern', async () => {
  await fails(
    () => trained(optimizers.muon({ excludeLayers: ['('] }), 1),
    /excludeLayers holds '\(', which is no pattern/,
  )
})

test('moving averages overwrite the weights at the steps given, and start with the weights', async () => {
  const ema = { learningRate: 0.05, useEma: true, emaMomentum: 0.8, emaOverwriteFrequency: 7 }
  const formula: Formula = (w, g, state, t, lr) => {
    const next = sgd(w, g, state, t, lr)
    state.average = t === 1 ? next : map(state.average, (value, i) => 0.8 * value + 0.2 * next[i])
    return t % 7 === 0 ? state.average : next
  }
  const expected = trainedByFormula(formula, 20, () => 0.05)
  close(await trained(optimizers.sgd(ema), 20), expected, 'weights')
})

test('fit ends with the averages; with accumulation each batch moves them', async () => {
  const model = network()
  model.compile({
    optimizer: optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5, gradientAccumulationSteps: 2 }),
    loss: squaredError,
  })
  model.setWeights([new Tensor(start, [rows, columns])])
  const [x, y] = [new Tensor(inputs, [batch, rows]), new Tensor(targets, [batch, columns])]
  await model.fit(x, y, { epochs: 6, verbose: 0 })
  let w: number[] = [...start]
  let average = w
  for (let i = 0; i < 6; i++) {
    if (i % 2 === 1) w = sgd(w, gradientAt(w), {}, 0, 0.1)
    const momentum = Math.floor(i / 2) === 0 ? 0 : 0.5
    average = map(w, (value, k) => momentum * average[k] + (1 - momentum) * value)
  }
  close(model.getWeights()[0].toNumbers() as number[], average, 'averages')
  model.dispose()
})

test('a scaled loss trains alike; excluded weights do not decay', async () => {
  const expected = trainedByFormula(sgd, 10, () => 0.05)
  close(await trained(optimizers.sgd({ learningRate: 0.05, lossScaleFactor: 1024 }), 10), expected, 'scaled')
  const excluding = optimizers.sgd({ learningRate: 0.05, weightDecay: 0.5 })
  excluding.excludeFromWeightDecay({ varNames: ['kernel'] })
  close(await trained(excluding, 10), expected, 'excluded by name')
  const decayed: Formula = (w, g, state, t, lr) =>
    sgd(
      map(w, (value) => value * (1 - 0.5 * lr)),
      g,
      state,
      t,
      lr,
    )
  const decaying = optimizers.sgd({ learningRate: 0.05, weightDecay: 0.5 })
  decaying.excludeFromWeightDecay({ varNames: ['bias'] })
  close(
    await trained(decaying, 10),
    trainedByFormula(decayed, 10, () => 0.05),
    'not excluded',
  )
})

test('the learning rate may be a function of the step or a schedule', async () => {
  const rate = (step: number) => 0.1 / (1 + step)
  const expected = trainedByFormula(sgd, 12, rate)
  close(await trained(optimizers.sgd({ learningRate: rate }), 12), expected, 'function')
  const schedule = schedules.inverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 1, decayRate: 1 })
  close(await trained(optimizers.sgd({ learningRate: schedule }), 12), expected, 'schedule')
  assert.throws(() => optimizers.sgd({ learningRate: rate }).serialize(), /function/)
})

test('a training state of moving averages and of slots by rows goes back in', async () => {
  const [x, y] = [new Tensor(inputs, [batch, rows]), new Tensor(targets, [batch, columns])]
  const create = () => {
    const model = network()
    model.compile({ optimizer: optimizers.adafactor({ learningRate: 0.05, useEma: true }), loss: squaredError })
    return model
  }
  const first = create()
  for (let i = 0; i < 3; i++) await first.trainOnBatch(x, y)
  const second = create()
  second.setWeights(first.getWeights())
  const state = await first.trainingState()
  assert.equal(Object.keys(state.slots[0]).sort(), ['column', 'moving_average', 'row'])
  await second.setTrainingState(state)
  for (const model of [first, second]) await model.trainOnBatch(x, y)
  assert.equal(second.getWeights()[0].data, first.getWeights()[0].data)
  first.dispose()
  second.dispose()
})

test('Keras forms go in and out; wrong options are refused', () => {
  for (const create of Object.values(optimizers)) {
    const object = create({ useEma: true, emaOverwriteFrequency: 3 } as OptimizerOptions).serialize()
    assert.equal(resolveOptimizer(object).serialize(), object)
  }
  assert.equal(resolveOptimizer('Nadam').serialize().config.beta_1, 0.9)
  assert.equal(optimizers.adafactor().serialize().config.beta_2_decay, -0.8)
  assert.equal(optimizers.ftrl().serialize().config.l1_regularization_strength, 0)
  assert.throws(() => optimizers.adam({ learning_rate: 1 } as never), /no option 'learning_rate'.*learningRate/)
  assert.throws(() => optimizers.adam({ clipnorm: 1, clipvalue: 1 }), /one of clipnorm/)
  assert.throws(() => optimizers.sgd({ momentum: 2 }), /momentum must be in/)
  assert.throws(() => optimizers.sgd({ useEma: true, emaOverwriteFrequency: 0 }), /emaOverwriteFrequency/)
  assert.throws(() => resolveOptimizer('adamx'), /unknown optimizer.*nadam/)
})

test.run()
