import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { interpret } from '../src/backend/reference/evaluate.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { type Loss, layers, losses, sequential } from '../src/keras/index.js'
import { resolveLoss } from '../src/keras/losses/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/*
 * Keras's losses, written anew in float64 from its documentation: rows of targets and predictions to a number each.
 * Models are the identity, so that predictions are what is fed.
 */
type Row = readonly number[]
type PerRow = (t: Row, p: Row) => number

const random = new RandomGenerator(3)
const batch = 6
const width = 4
const rows = (draw: () => number) => Array.from({ length: batch }, () => Array.from({ length: width }, draw))
const sum = (values: Row) => values.reduce((a, b) => a + b, 0)
const mean = (values: Row) => sum(values) / values.length
const meanOf =
  (value: (t: number, p: number) => number): PerRow =>
  (t, p) =>
    mean(t.map((x, i) => value(x, p[i])))
const sumOf =
  (value: (t: number, p: number) => number): PerRow =>
  (t, p) =>
    sum(t.map((x, i) => value(x, p[i])))
const clip = (x: number, low = 1e-7, high = 1 - 1e-7) => Math.min(high, Math.max(low, x))
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const softmax = (x: Row) => x.map((value) => Math.exp(value) / sum(x.map(Math.exp)))
const normalized = (p: Row) => p.map((x) => clip(x / sum(p)))
const hot = (label: number) => Array.from({ length: width }, (_, i) => (i === label ? 1 : 0))
const smooth = (t: Row, share: number, classes: number) => t.map((x) => x * (1 - share) + share / classes)
const unit = (x: Row) => x.map((value) => value / Math.hypot(...x))
const entropy: PerRow = (t, p) => -sum(t.map((x, i) => x * Math.log(p[i])))
const bce = (t: number, p: number) => -(t * Math.log(clip(p)) + (1 - t) * Math.log(1 - clip(p)))
const focal = (t: number, p: number, gamma: number) => (1 - (t * p + (1 - t) * (1 - p))) ** gamma * bce(t, p)

const reals = () => rows(() => random.normal())
const positives = () => rows(() => random.uniform(0.1, 2))
const probabilities = () => rows(() => random.uniform(0.02, 0.98))
const bits = () => rows(() => (random.uniform() < 0.5 ? 0 : 1))
const labels = () => Array.from({ length: batch }, () => [Math.floor(random.uniform(0, width))])
const hots = () => labels().map(([label]) => hot(label))

const cases: Record<string, [loss: Loss, t: number[][], p: number[][], expected: PerRow]> = {
  meanSquaredError: [losses.meanSquaredError(), reals(), reals(), meanOf((t, p) => (t - p) ** 2)],
  meanAbsoluteError: [losses.meanAbsoluteError(), reals(), reals(), meanOf((t, p) => Math.abs(t - p))],
  meanAbsolutePercentageError: [
    losses.meanAbsolutePercentageError(),
    reals(),
    reals(),
    meanOf((t, p) => (100 * Math.abs(t - p)) / Math.max(1e-7, Math.abs(t))),
  ],
  meanSquaredLogarithmicError: [
    losses.meanSquaredLogarithmicError(),
    positives(),
    positives(),
    meanOf((t, p) => (Math.log(1 + t) - Math.log(1 + p)) ** 2),
  ],
  logCosh: [losses.logCosh(), reals(), reals(), meanOf((t, p) => Math.log(Math.cosh(p - t)))],
  poisson: [losses.poisson(), positives(), positives(), meanOf((t, p) => p - t * Math.log(p + 1e-7))],
  hinge: [losses.hinge(), bits(), reals(), meanOf((t, p) => Math.max(0, 1 - (2 * t - 1) * p))],
  'hinge of signs': [
    losses.hinge(),
    bits().map((row) => row.map((bit) => 2 * bit - 1)),
    reals(),
    meanOf((t, p) => Math.max(0, 1 - t * p)),
  ],
  squaredHinge: [losses.squaredHinge(), bits(), reals(), meanOf((t, p) => Math.max(0, 1 - (2 * t - 1) * p) ** 2)],
  categoricalHinge: [
    losses.categoricalHinge(),
    hots(),
    reals(),
    (t, p) => Math.max(0, Math.max(...p.map((x, i) => (1 - t[i]) * x)) - sum(p.map((x, i) => t[i] * x)) + 1),
  ],
  klDivergence: [
    losses.klDivergence(),
    probabilities(),
    probabilities(),
    sumOf((t, p) => clip(t, 1e-7, 1) * Math.log(clip(t, 1e-7, 1) / clip(p, 1e-7, 1))),
  ],
  cosineSimilarity: [
    losses.cosineSimilarity(),
    reals(),
    reals(),
    (t, p) => -sum(unit(t).map((x, i) => x * unit(p)[i])),
  ],
  huber: [
    losses.huber({ delta: 0.7 }),
    reals(),
    reals(),
    meanOf((t, p) => (Math.abs(t - p) <= 0.7 ? (t - p) ** 2 / 2 : 0.7 * Math.abs(t - p) - 0.7 ** 2 / 2)),
  ],
  categoricalCrossentropy: [
    losses.categoricalCrossentropy({ labelSmoothing: 0.1 }),
    hots(),
    probabilities(),
    (t, p) => entropy(smooth(t, 0.1, width), normalized(p)),
  ],
  'categoricalCrossentropy of logits': [
    losses.categoricalCrossentropy({ fromLogits: true }),
    hots(),
    reals(),
    (t, p) => entropy(t, softmax(p)),
  ],
  categoricalFocalCrossentropy: [
    losses.categoricalFocalCrossentropy({ alpha: 0.3, gamma: 1.5, labelSmoothing: 0.2 }),
    hots(),
    probabilities(),
    (t, p) => sum(normalized(p).map((x, i) => -(0.3 * (1 - x) ** 1.5 * smooth(t, 0.2, width)[i] * Math.log(x)))),
  ],
  'categoricalFocalCrossentropy of logits': [
    losses.categoricalFocalCrossentropy({ fromLogits: true, alpha: [0.1, 0.2, 0.3, 0.4] }),
    hots(),
    reals(),
    (t, p) => sum(softmax(p).map((x, i) => -((i + 1) / 10) * (1 - x) ** 2 * t[i] * Math.log(x))),
  ],
  sparseCategoricalCrossentropy: [
    losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    labels(),
    reals(),
    ([t], p) => -Math.log(softmax(p)[t]),
  ],
  categoricalGeneralizedCrossEntropy: [
    losses.categoricalGeneralizedCrossEntropy({ q: 0.3 }),
    labels(),
    probabilities(),
    ([t], p) => (1 - p[t] ** 0.3) / 0.3,
  ],
  binaryCrossentropy: [
    losses.binaryCrossentropy({ labelSmoothing: 0.2 }),
    bits(),
    probabilities(),
    meanOf((t, p) => bce(t * 0.8 + 0.1, p)),
  ],
  'binaryCrossentropy of logits': [
    losses.binaryCrossentropy({ fromLogits: true }),
    bits(),
    reals(),
    meanOf((t, p) => bce(t, sigmoid(p))),
  ],
  binaryFocalCrossentropy: [
    losses.binaryFocalCrossentropy({ applyClassBalancing: true, alpha: 0.3, gamma: 1.5 }),
    bits(),
    probabilities(),
    meanOf((t, p) => (t * 0.3 + (1 - t) * 0.7) * focal(t, p, 1.5)),
  ],
  'binaryFocalCrossentropy of logits': [
    losses.binaryFocalCrossentropy({ fromLogits: true }),
    bits(),
    reals(),
    meanOf((t, p) => focal(t, sigmoid(p), 2)),
  ],
  dice: [
    losses.dice({ axis: 1 }),
    bits(),
    probabilities(),
    (t, p) => 1 - (2 * sum(t.map((x, i) => x * p[i]))) / (sum(t) + sum(p) + 1e-7),
  ],
  tversky: [
    losses.tversky({ axis: [1], alpha: 0.2, beta: 0.8 }),
    bits(),
    probabilities(),
    (t, p) => {
      const hits = sum(t.map((x, i) => x * p[i]))
      const missed = sum(t.map((x, i) => x * (1 - p[i])))
      const added = sum(t.map((x, i) => (1 - x) * p[i]))
      return 1 - hits / (hits + 0.2 * missed + 0.8 * added + 1e-7)
    },
  ],
}

const tensor = (values: readonly Row[]) => new Tensor('float32', values.flat(), [values.length, values[0].length])
const identity = (size = width) => sequential([layers.activation({ activation: 'linear', inputShape: [size] })])
const near = (actual: number, expected: number, what: string, tolerance = 2e-5) =>
  assert.ok(Math.abs(actual - expected) <= tolerance * (1 + Math.abs(expected)), `${what}: ${actual}, not ${expected}`)

const weights = Array.from({ length: batch }, (_, i) => 0.5 + i / 3)

for (const [name, [loss, t, p, expected]] of Object.entries(cases))
  test(name, async () => {
    const model = identity()
    const values = t.map((row, i) => expected(row, p[i]))
    const run = async (options: object, sampleWeight?: Tensor) => {
      model.compile({ loss: { ...loss.serialize()!, config: { ...loss.serialize()!.config, ...options } } })
      return (await model.testOnBatch(tensor(p), tensor(t), { sampleWeight })).loss
    }
    near(await run({}), mean(values), 'mean')
    near(await run({ reduction: 'sum' }), sum(values), 'sum')
    const weighted = values.map((value, i) => value * weights[i])
    const sampleWeight = new Tensor('float32', weights, [batch])
    near(await run({}, sampleWeight), mean(weighted), 'weighted')
    near(await run({ reduction: 'sum' }, sampleWeight), sum(weighted), 'weighted sum')
    const ownMean = await run({ reduction: 'mean_with_sample_weight' }, sampleWeight)
    near(ownMean, sum(weighted) / sum(weights), 'mean with sample weights')
    model.dispose()
  })

test('dice and tversky give one number a batch without an axis', async () => {
  const [t, p] = [bits(), probabilities()]
  const model = identity()
  model.compile({ loss: losses.dice() })
  const hits = sum(t.flat().map((x, i) => x * p.flat()[i]))
  const expected = 1 - (2 * hits) / (sum(t.flat()) + sum(p.flat()) + 1e-7)
  near((await model.testOnBatch(tensor(p), tensor(t))).loss, expected, 'dice')
  model.dispose()
})

test('ignoreClass leaves samples out of sum and mean', async () => {
  const p = reals()
  const model = identity()
  model.compile({
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: -1 }),
    metrics: [{ class_name: 'SparseCategoricalCrossentropy', config: { from_logits: true, ignore_class: -1 } }],
  })
  const chosen = [0, -1, 2, 3, -1, 1]
  const logs = await model.testOnBatch(tensor(p), new Tensor('int32', chosen, [batch]))
  const kept = chosen.flatMap((label, i) => (label < 0 ? [] : [-Math.log(softmax(p[i])[label])]))
  near(logs.loss, mean(kept), 'loss')
  near(logs.sparse_categorical_crossentropy, mean(kept), 'metric')
  model.dispose()
})

test('crossentropies work over another axis than the last', async () => {
  const classes = 3
  const pixels = 5
  const logits = Array.from({ length: 2 * classes * pixels }, () => random.normal())
  const chosen = Array.from({ length: 2 * pixels }, () => Math.floor(random.uniform(0, classes)))
  const at = (sample: number, k: number, pixel: number) => logits[(sample * classes + k) * pixels + pixel]
  const values = chosen.map((label, i) => {
    const [sample, pixel] = [Math.floor(i / pixels), i % pixels]
    return -Math.log(softmax([0, 1, 2].map((k) => at(sample, k, pixel)))[label])
  })
  const x = new Tensor('float32', logits, [2, classes, pixels])
  const hotData = Array.from({ length: logits.length }, (_, i) => {
    const [sample, k, pixel] = [Math.floor(i / classes / pixels), Math.floor(i / pixels) % classes, i % pixels]
    return chosen[sample * pixels + pixel] === k ? 1 : 0
  })
  const model = sequential([layers.activation({ activation: 'linear', inputShape: [classes, pixels] })])
  model.compile({ loss: losses.sparseCategoricalCrossentropy({ fromLogits: true, axis: 1 }) })
  near((await model.testOnBatch(x, new Tensor('int32', chosen, [2, pixels]))).loss, mean(values), 'sparse')
  model.compile({ loss: losses.categoricalCrossentropy({ fromLogits: true, axis: 1 }) })
  near((await model.testOnBatch(x, new Tensor('float32', hotData, x.dims))).loss, mean(values), 'categorical')
  model.compile({ loss: losses.categoricalFocalCrossentropy({ fromLogits: true, axis: 1, gamma: 0, alpha: 1 }) })
  near((await model.testOnBatch(x, new Tensor('float32', hotData, x.dims))).loss, mean(values), 'focal')
  model.dispose()
})

test('circle', async () => {
  const [gamma, margin] = [4, 0.4]
  const classes = [0, 1, 0, 2, 1, 0]
  const p = reals().map(unit)
  const values = p.map((row, i) => {
    const terms = (same: boolean) =>
      p.flatMap((other, j) => {
        const distance = Math.max(0, 1 - sum(row.map((x, k) => x * other[k])))
        if (same) {
          if (classes[i] !== classes[j] || i === j) return []
          return [Math.exp(-gamma * Math.max(0, margin + distance) * (margin - distance))]
        }
        return classes[i] === classes[j]
          ? []
          : [Math.exp(gamma * Math.max(0, 1 + margin - distance) * (1 - margin - distance))]
      })
    return Math.log(1 + sum(terms(true)) * sum(terms(false)))
  })
  const counted = values.filter((value) => value > 0)
  const model = identity()
  model.compile({ loss: losses.circle({ gamma, margin }) })
  const y = new Tensor('int32', classes, [batch, 1])
  near((await model.testOnBatch(tensor(p), y)).loss, mean(counted), 'circle')
  model.dispose()
})

/** The probability of `label` (without zeros) by going through every path of `time` symbols. */
function pathProbability(steps: readonly Row[], label: Row): number {
  let total = 0
  const visit = (step: number, path: readonly number[], probability: number) => {
    if (step < steps.length) {
      for (const [symbol, p] of steps[step].entries()) visit(step + 1, [...path, symbol], probability * p)
      return
    }
    const collapsed = path.filter((symbol, i) => symbol !== path[i - 1]).filter((symbol) => symbol !== 0)
    if (collapsed.join() === label.join()) total += probability
  }
  visit(0, [], 1)
  return total
}

test('ctc sums over every path that collapses to the label', async () => {
  const [time, classes] = [5, 3]
  const label = [
    [1, 2, 0],
    [2, 2, 0],
    [1, 0, 0],
    [0, 0, 0],
  ]
  const logits = label.map(() =>
    Array.from({ length: time }, () => Array.from({ length: classes }, () => random.normal())),
  )
  const values = logits.map(
    (steps, i) =>
      -Math.log(
        pathProbability(
          steps.map(softmax),
          label[i].filter((l) => l > 0),
        ),
      ),
  )
  const model = sequential([layers.activation({ activation: 'linear', inputShape: [time, classes] })])
  model.compile({ loss: 'ctc' })
  const x = new Tensor('float32', logits.flat(2), [label.length, time, classes])
  near((await model.testOnBatch(x, tensor(label))).loss, mean(values), 'ctc', 1e-4)
  model.dispose()
})

/** The loss and its gradient by the predictions, from one graph. */
function lossAndGradient(loss: Loss, t: Tensor, p: Tensor): [loss: number, gradient: number[]] {
  const builder = new GraphBuilder()
  const prediction = builder.input('p', 'float32', p.dims)
  const value = loss.reduce(builder.constant(t), prediction, {}, builder)
  builder.output(value, 'loss')
  builder.output(differentiate(builder, value, [prediction])[0]!, 'gradient')
  const graph = builder.build()
  const tensors = interpret(graph, new Map([[graph.inputs[0], p]]))
  return [tensors.get(graph.outputs[0])!.toNumbers()[0], tensors.get(graph.outputs[1])!.toNumbers()]
}

const differentiable: Record<string, [Loss, Tensor, Tensor]> = {
  ctc: [
    losses.ctc(),
    tensor([
      [1, 2, 0],
      [2, 2, 0],
    ]),
    new Tensor(
      'float32',
      Array.from({ length: 2 * 6 * 3 }, () => random.normal()),
      [2, 6, 3],
    ),
  ],
  circle: [losses.circle({ gamma: 2 }), tensor([[0], [1], [0], [1], [2], [0]]), tensor(reals().map(unit))],
  tversky: [losses.tversky(), tensor(bits()), tensor(probabilities())],
  categoricalFocalCrossentropy: [losses.categoricalFocalCrossentropy(), tensor(hots()), tensor(probabilities())],
  categoricalGeneralizedCrossEntropy: [
    losses.categoricalGeneralizedCrossEntropy(),
    new Tensor('int32', [0, 1, 2, 3, 0, 1], [batch]),
    tensor(probabilities()),
  ],
}

for (const [name, [loss, t, p]] of Object.entries(differentiable))
  test(`the gradient of ${name} is that of finite differences`, () => {
    const [, gradient] = lossAndGradient(loss, t, p)
    const step = 1 / 256
    gradient.forEach((value, i) => {
      const moved = (by: number) => {
        const data = (p.data as Float32Array).slice()
        data[i] += by
        return lossAndGradient(loss, t, new Tensor('float32', data, p.dims))[0]
      }
      near(value, (moved(step) - moved(-step)) / (2 * step), `element ${i}`, 2e-3)
    })
  })

test('losses are found by their names in both notations, and by their short names', () => {
  for (const [name, className] of [
    ['kl_divergence', 'KLDivergence'],
    ['klDivergence', 'KLDivergence'],
    ['KLDivergence', 'KLDivergence'],
    ['mape', 'MeanAbsolutePercentageError'],
    ['CTC', 'CTC'],
    ['categoricalFocalCrossentropy', 'CategoricalFocalCrossentropy'],
    ['binary_focal_crossentropy', 'BinaryFocalCrossentropy'],
  ])
    assert.is(resolveLoss(name).className, className)
})

test.run()
