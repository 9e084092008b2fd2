import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { arrayOf, type NumericDType } from '../../src/core/dtype.js'
import { Tensor } from '../../src/core/tensor.js'
import { loadLayers, modelFromJSON } from '../../src/keras/index.js'
import { rowsOf } from '../../src/keras/training/data.js'
import { dataRoot } from './conformance.js'

interface EncodedArray {
  readonly shape: readonly number[]
  readonly dtype: NumericDType
  readonly data: string
}

interface Run {
  readonly name: string
  readonly model: object
  readonly compile: { optimizer: never; loss: never; loss_weights: never; metrics: never }
  readonly batch_size: number
  readonly steps: number
  readonly x: readonly EncodedArray[]
  readonly y: readonly EncodedArray[]
  readonly sample_weight: EncodedArray | null
  readonly class_weight: Record<number, number> | null
  readonly initial_weights: readonly EncodedArray[]
  readonly train_logs: readonly Record<string, number>[]
  readonly final_weights: readonly EncodedArray[]
  readonly evaluate: Record<string, number>
  readonly predict: readonly EncodedArray[]
}

const folder = join(dataRoot, 'keras-training')

const decode = ({ shape, dtype, data }: EncodedArray): Tensor => {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  return new Tensor(dtype, new (arrayOf(dtype))(bytes.buffer), shape)
}

/** README of the reference data: logs within 1e-4 + 1e-3 |b|, weights within 1e-3. */
const close = (actual: number, expected: number, relative: number, absolute: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= absolute + relative * Math.abs(expected),
    `${what}: ${actual}, Keras has ${expected}`,
  )

const closeLogs = (actual: Record<string, number>, expected: Record<string, number>, what: string) => {
  assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort(), `names of ${what}`)
  for (const name of Object.keys(expected)) close(actual[name], expected[name], 1e-3, 1e-4, `${what} ${name}`)
}

const closeTensor = (actual: Tensor, expected: Tensor, relative: number, absolute: number, what: string) => {
  assert.equal(actual.dims, expected.dims, `shape of ${what}`)
  const numbers = expected.toNumbers()
  actual.toNumbers().forEach((value, i) => {
    close(value, numbers[i], relative, absolute, `${what}[${i}]`)
  })
}

async function replay(run: Run): Promise<void> {
  const model = modelFromJSON(run.model)
  try {
    const { optimizer, loss, loss_weights: lossWeights, metrics } = run.compile
    model.compile({ optimizer, loss, lossWeights, metrics })
    model.setWeights(run.initial_weights.map(decode))
    const x = run.x.map(decode)
    const y = run.y.map(decode)
    const weights = run.sample_weight ? decode(run.sample_weight) : undefined
    const batches = Math.floor(x[0].dims[0] / run.batch_size)
    for (let step = 0; step < run.steps; step++) {
      const start = (step % batches) * run.batch_size
      const rows = (tensor: Tensor) => rowsOf(tensor, start, start + run.batch_size)
      const logs = await model.trainOnBatch(x.map(rows), y.map(rows), {
        sampleWeight: weights && rows(weights),
        classWeight: run.class_weight,
      })
      closeLogs(logs, run.train_logs[step], `step ${step}`)
    }
    ;[...(await model.readVariables()).values()].forEach((weight, i) => {
      closeTensor(weight, decode(run.final_weights[i]), 0, 1e-3, `weight ${i}`)
    })
    closeLogs(await model.evaluate(x, y, { batchSize: run.batch_size, verbose: 0 }), run.evaluate, 'evaluate')
    const outputs = await model.predict<Tensor | Tensor[]>(x, { batchSize: run.batch_size })
    ;(Array.isArray(outputs) ? outputs : [outputs]).forEach((output, i) => {
      closeTensor(output, decode(run.predict[i]), 1e-3, 1e-4, `prediction ${i}`)
    })
  } finally {
    model.dispose()
  }
}

/** Runs that are not replayed, and why: mostly what lanewise does not have. */
const unsupported: Readonly<Record<string, string>> = {
  loss_mean_absolute_percentage_error:
    'agreement within 1e-3: one rounding in a saturated tanh moves its weights by 0.1, and Keras ends 0.02 from float64',
}

/** Replays the runs of keras-runs.jsonl, which Keras 3.15.1 made on JAX: what the reference data lacks. */
export function testFurtherRuns(): void {
  for (const line of readFileSync(resolve('test/support/keras-runs.jsonl'), 'utf8').trim().split('\n')) {
    const run = JSON.parse(line) as Run
    test(run.name, async () => {
      await loadLayers()
      await replay(run)
    })
  }
}

/** Replays the Keras training runs of the reference data on the configured backend, a test each. */
export function testGoldenRuns(): void {
  if (!existsSync(folder)) {
    test('reference runs', () => {
      console.log(`SKIP the Keras training runs: ${folder} is not there (set LANEWISE_DATA)`)
    })
    return
  }
  for (const file of readdirSync(folder).sort()) {
    const name = file.replace('.json', '')
    if (name in unsupported) {
      console.log(`SKIP ${name}: no ${unsupported[name]}`)
      continue
    }
    test(name, () => {
      return replay(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Run)
    })
  }
}
