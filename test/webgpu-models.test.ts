import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Network, networks } from '../bench/networks.js'
import { Tensor } from '../src/core/tensor.js'
import { configure } from '../src/environment.js'
import { InferenceSession } from '../src/session.js'
import { uniform } from './cases/case.js'
import { dataRoot } from './support/conformance.js'
import { openWebGpu } from './support/webgpu.js'

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

  for (const network of networks)
    test(`${network.name} trains as on wasm`, async () => {
      assertClose(await fewSteps(network, 'webgpu'), await fewSteps(network, 'wasm'))
    })
} else test('there is no adapter', () => {})

test.run()
