import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { decodeOrtModel } from '../src/onnx/ort-format.js'
import { loadModel } from '../src/onnx/source.js'
import { InferenceSession } from '../src/session.js'
import { fails } from './support/errors.js'
import { setting } from './support/mutants.js'
import { ortModel } from './support/ort-model.js'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const random = new RandomGenerator(setting('LANEWISE_FUZZ_SEED', 3))

test('a .ort file computes what onnxruntime-web computes of it', async () => {
  const bytes = ortModel()
  const reference = await ort.InferenceSession.create(bytes)
  const session = await InferenceSession.create(bytes, { threads: 1 })
  assert.equal(session.inputNames, [...reference.inputNames])
  assert.equal(session.outputNames, [...reference.outputNames])
  assert.equal(
    [...session.inputMetadata, ...session.outputMetadata].map(({ name, type, shape }) => [name, type, [...shape]]),
    [...reference.inputMetadata, ...reference.outputMetadata].map((entry) => {
      assert.ok(entry.isTensor)
      return [entry.name, entry.type, [...entry.shape]]
    }),
  )
  for (const [n, from, to] of [
    [1, -3, 0],
    [1, 0, 3],
    [4, -2, 2],
  ]) {
    const data = Float32Array.from({ length: 36 * n }, () => random.uniform(from, to))
    const expected = await reference.run({ x: new ort.Tensor('float32', data, [n, 1, 6, 6]) })
    const results = await session.run({ x: new Tensor('float32', data, [n, 1, 6, 6]) })
    for (const name of session.outputNames) {
      const { type, dims, data: wanted } = expected[name]
      assert.is(results[name].type, type)
      assert.equal(results[name].dims, [...dims])
      Array.from(results[name].data as ArrayLike<unknown>).forEach((element, i) => {
        const near = type === 'float32' && Math.abs(Number(element) - Number(wanted[i])) <= 1e-5
        assert.ok(near || element === wanted[i], `${name} ${i} is ${element}, onnxruntime gives ${wanted[i]}`)
      })
    }
  }
  await session.release()
  await reference.release()
})

test('its graph keeps the names, and is one that ONNX can be written of', async () => {
  const { graph } = await loadModel(ortModel())
  assert.ok(graph.nodes.some(({ op }) => op === 'If'))
  assert.ok([...graph.constants.keys()].some(({ name }) => name === 'kernel'))
})

test('a .ort file that was cut is refused, wherever the cut is', async () => {
  const bytes = ortModel()
  for (let end = 8; end < bytes.length; end += 131)
    try {
      decodeOrtModel(bytes.slice(0, end))
    } catch (error) {
      assert.instance(error, LanewiseError)
      assert.match((error as LanewiseError).message, /not a model in onnxruntime's format, or a truncated one/)
    }
  await fails(() => InferenceSession.create(bytes.slice(0, 200)), /onnxruntime's format, or a truncated one/)
})

test('damaged .ort files are refused or read, in bounded time and memory', async () => {
  const bytes = ortModel()
  for (let i = 0; i < 3000; i++) {
    const mutant = bytes.slice()
    const changes = 1 + Math.floor(random.uniform(0, 4))
    for (let j = 0; j < changes; j++)
      mutant[8 + Math.floor(random.uniform(0, bytes.length - 8))] = Math.floor(random.uniform(0, 256))
    try {
      decodeOrtModel(mutant)
    } catch (error) {
      assert.instance(error, LanewiseError, `${error}`)
    }
  }
})

test('tables that are meant many times over do not multiply', () => {
  // Each vector of attributes names one table twice, whose graph's node has such a vector again.
  const bytes = new Uint8Array(16384)
  const view = new DataView(bytes.buffer)
  let at = bytes.length
  const put = (size: number): number => {
    at -= size
    return at
  }
  /** A table with 4-byte offsets in the fields given by place, to targets behind it. */
  const table = (fields: Readonly<Record<number, number>>): number => {
    const slots = Math.max(...Object.keys(fields).map(Number)) + 1
    const body = put(4 + 4 * slots)
    const layout = put(4 + 2 * slots)
    view.setUint16(layout, 4 + 2 * slots, true)
    view.setInt32(body, body - layout, true)
    for (const [slot, target] of Object.entries(fields)) {
      const place = body + 4 + 4 * Number(slot)
      view.setUint16(layout + 4 + 2 * Number(slot), place - body, true)
      view.setUint32(place, target - place, true)
    }
    return body
  }
  const vector = (...targets: readonly number[]): number => {
    const start = put(4 + 4 * targets.length)
    view.setUint32(start, targets.length, true)
    targets.forEach((target, i) => {
      view.setUint32(start + 4 + 4 * i, target - (start + 4 + 4 * i), true)
    })
    return start
  }
  let graph = table({ 2: vector() })
  for (let depth = 0; depth < 24; depth++) {
    const attribute = table({ 7: graph })
    graph = table({ 2: vector(table({ 10: vector(attribute, attribute) })) })
  }
  const root = table({ 1: table({ 7: graph }) })
  view.setUint32(0, root, true)
  try {
    decodeOrtModel(bytes)
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /it says more than it holds/)
  }
})

test.run()
