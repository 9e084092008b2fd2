import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Network, networks } from '../bench/networks.js'
import { onnxTypeCode } from '../src/core/dtype.js'
import type { LanewiseError } from '../src/core/errors.js'
import type { Value } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { configure } from '../src/environment.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { layers, sequential, setRandomSeed } from '../src/keras/index.js'
import { exportModel } from '../src/onnx/export.js'
import type { Emitter } from '../src/ops/emitter.js'
import { InferenceSession } from '../src/session.js'
import { uniform } from './cases/case.js'
import { dataRoot } from './support/conformance.js'
import { loadEverything } from './support/operators.js'
import { openWebGpu } from './support/webgpu.js'

await loadEverything()

const gpu = await openWebGpu('models on webgpu')
gpu?.dispose()

/** Outputs of the two backends may differ by this much. */
const TOLERANCE = 1e-3

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.is(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(actual[i] - expected[i]) <= TOLERANCE, `element ${i} is ${actual[i]}, wasm gives ${expected[i]}`)
}

const numbers = (shape: readonly number[], seed: number): Tensor => {
  const random = uniform(seed)
  return new Tensor('float32', Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random), shape)
}

/** Losses and weights of three steps, and a prediction, on `backend`. */
async function fewSteps(network: Network, backend: 'wasm' | 'webgpu'): Promise<number[]> {
  configure({ backend, threads: 1 })
  const net = network.create()
  net.compile(network.options())
  const x = numbers([5, ...network.inputShape], 1)
  const y = new Tensor(
    'float32',
    Float32Array.from({ length: 50 }, (_, i) => (i % 11 === 0 ? 1 : 0)),
    [5, 10],
  )
  const results: number[] = []
  for (let step = 0; step < 3; step++) results.push((await net.trainOnBatch(x, y))['loss'])
  for (const weight of (await net.readVariables()).values()) results.push(...weight.toNumbers())
  results.push(...((await net.predict(x)) as Tensor).toNumbers())
  net.dispose()
  return results
}

if (gpu) {
  const path = join(dataRoot, 'bench', 'model5.onnx')
  if (existsSync(path))
    test('a session runs model5.onnx as wasm does', async () => {
      const results = []
      for (const backend of ['webgpu', 'wasm'] as const) {
        const session = await InferenceSession.create(path, { backend })
        const { shape } = session.inputMetadata[0]
        const x = numbers(
          shape.map((dim) => (typeof dim === 'number' ? dim : 3)),
          7,
        )
        const outputs = await session.run({ [session.inputNames[0]]: x })
        results.push(outputs[session.outputNames[0]].toNumbers())
        await session.release()
      }
      assertClose(results[0], results[1])
    })
  else console.log(`SKIP model5.onnx: no ${path}`)

  const unsupported = () => {
    const builder = new GraphBuilder('doubles')
    const x = builder.input('x', 'float32', [2, 3, 3])
    builder.output(builder.op('Exp', [builder.cast(x, 'float64')]), 'y')
    return exportModel(builder.build())
  }
  const matrices = numbers([2, 3, 3], 5)
  const [double, single] = (['float64', 'float32'] as const).map(
    (dtype) => (k: Emitter, x: Value) => k.op('Cast', [x], { to: onnxTypeCode[dtype] }),
  )

  test('ops without a kernel are refused, or the model runs on wasm and says so', async () => {
    const refused = await InferenceSession.create(unsupported(), { backend: 'webgpu' })
    try {
      await refused.run({ x: matrices })
      assert.unreachable('it ran')
    } catch (error) {
      assert.is((error as LanewiseError).code, 'UNSUPPORTED_OP')
      assert.match((error as LanewiseError).message, /no kernel for 2 of the 2 steps.*Cast.*Exp/)
    }
    await refused.release()

    const allowed = await InferenceSession.create(unsupported(), { backend: 'webgpu', fallback: 'wasm' })
    const here = await InferenceSession.create(unsupported(), { backend: 'wasm' })
    for (let run = 0; run < 2; run++)
      assert.equal((await allowed.run({ x: matrices }))['y'].data, (await here.run({ x: matrices }))['y'].data)
    assert.ok(allowed.notes.some((note) => /runs on wasm: webgpu has no kernel for/.test(note)))
    await allowed.release()
    await here.release()
  })

  test('a model whose loss has no kernel trains on wasm, and says so', async () => {
    const outcomes: number[][] = []
    const { warn } = console
    const warnings: string[] = []
    console.warn = (text: string) => void warnings.push(text)
    try {
      for (const options of [{ backend: 'webgpu', fallback: 'wasm' }, { backend: 'wasm' }] as const) {
        configure({ fallback: undefined, ...options })
        setRandomSeed(4)
        const net = sequential([layers.dense({ units: 4, inputShape: [3] })])
        net.compile({
          optimizer: 'sgd',
          loss: (yTrue, yPred, k) =>
            k.mean(k.add(k.square(k.sub(yTrue, yPred)), single(k, k.exp(double(k, yPred)))), [-1]),
        })
        const x = numbers([1, 3], 2)
        const y = numbers([1, 4], 3)
        for (let step = 0; step < 2; step++) outcomes.push([(await net.trainOnBatch(x, y))['loss']])
        assert.is(
          net.notes.some((note) => note.includes('the model runs on wasm')),
          options.backend === 'webgpu',
        )
        net.dispose()
      }
    } finally {
      console.warn = warn
    }
    assert.equal(outcomes.slice(0, 2), outcomes.slice(2))
    assert.is(warnings.length, 1)
  })

  for (const network of networks)
    test(`${network.name} trains as on wasm`, async () => {
      assertClose(await fewSteps(network, 'webgpu'), await fewSteps(network, 'wasm'))
    })
} else test('there is no adapter', () => {})

test.run()
