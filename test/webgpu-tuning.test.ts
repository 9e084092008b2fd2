import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebGpuBackend } from '../src/backend/webgpu/index.js'
import type { AdapterReport } from '../src/backend/webgpu/options.js'
import { tuningFor } from '../src/backend/webgpu/tuning.js'
import { type GemmTile, tileFor } from '../src/backend/webgpu/wgsl/gemm.js'
import { compile } from '../src/compile.js'
import { Tensor } from '../src/core/tensor.js'
import { configure } from '../src/environment.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { layers, type Model, optimizers, sequential, setRandomSeed } from '../src/keras/index.js'
import { uniform } from './cases/case.js'
import { openWebGpu } from './support/webgpu.js'

const adapter = (changes: Partial<AdapterReport> = {}): AdapterReport => ({
  name: 'made up',
  software: false,
  provider: 'this test',
  features: [],
  languageFeatures: [],
  ...changes,
  limits: {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16384,
    ...changes.limits,
  },
})

test('kernels suit the adapter: tiles on hardware, registers on software, unless asked otherwise', () => {
  assert.is(tuningFor(adapter()).products, 'tiled')
  assert.is(tuningFor(adapter({ software: true })).products, 'direct')
  assert.is(tuningFor(adapter({ software: true }), { products: 'tiled' }).products, 'tiled')
})

test('halves are used where they are asked for and there', () => {
  const halves = adapter({ features: ['shader-f16'] })
  assert.is(tuningFor(halves).operands, 'float32')
  assert.is(tuningFor(halves, { precision: 'mixed' }).operands, 'float16')
  assert.is(tuningFor(adapter(), { precision: 'mixed' }).operands, 'rounded')
})

test('subgroups are used where texts can tell one from another', () => {
  assert.is(tuningFor(adapter({ features: ['subgroups'] })).subgroups, false)
  assert.is(tuningFor(adapter({ features: ['subgroups'], languageFeatures: ['subgroup_id'] })).subgroups, true)
  assert.is(tuningFor(adapter({ languageFeatures: ['subgroup_id'] })).subgroups, false)
})

test('workgroups stay within the limits, and large products get large tiles', () => {
  const memoryOf = ({ rows, columns, depth }: GemmTile) => 4 * depth * (rows + columns)
  for (const limit of [64, 128, 256, 1024])
    for (const bytes of [8192, 16384, 32768])
      for (const software of [false, true])
        for (const [m, n] of [
          [1, 1],
          [10, 1000],
          [300, 20],
          [2048, 2048],
        ]) {
          const limits = { maxComputeInvocationsPerWorkgroup: limit, maxComputeWorkgroupStorageSize: bytes }
          const tuning = tuningFor(adapter({ software, limits }))
          const tile = tileFor({ m, n, batches: 1 }, tuning)
          const what = `${m} x ${n} with ${limit} threads, ${bytes} bytes: ${JSON.stringify(tile)}`
          assert.ok(tile.threads <= limit && tuning.rowThreads <= limit, what)
          assert.ok(memoryOf(tile) <= bytes, what)
          assert.is(tile.rows * tile.columns, tile.threads * tile.side ** 2, what)
        }
  const sizes = { m: 2048, n: 2048, batches: 1 }
  assert.is(tileFor(sizes, tuningFor(adapter())).rows, 128)
  assert.is(tileFor(sizes, tuningFor(adapter({ limits: { maxComputeInvocationsPerWorkgroup: 128 } }))).side, 4)
  assert.is(
    tileFor({ ...sizes, m: 256, n: 256 }, tuningFor(adapter())).rows,
    64,
    'too few large tiles keep no GPU busy',
  )
})

const half = (x: number): number => {
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10)
  const scaled = x / step
  const floor = Math.floor(scaled)
  const rest = scaled - floor
  return step * (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor)
}

/** a [m, k] times b [k, n], with operands as `as` gives them. */
function product(a: Float32Array, b: Float32Array, [m, k, n]: readonly number[], as: (x: number) => number): number[] {
  const [left, right] = [Float64Array.from(a, as), Float64Array.from(b, as)]
  return Array.from({ length: m * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n]
    let sum = 0
    for (let at = 0; at < k; at++) sum += left[row * k + at] * right[at * n + column]
    return sum
  })
}

async function onGpu(backend: WebGpuBackend, a: Float32Array, b: Float32Array, [m, k, n]: readonly number[]) {
  const builder = new GraphBuilder('product')
  const [x, w] = [builder.input('a', 'float32', [m, k]), builder.input('b', 'float32', [k, n])]
  builder.output(builder.emit('MatMul', [x, w])[0], 'y')
  const executable = compile(builder.build(), backend)
  executable.write('a', a)
  executable.write('b', b)
  await executable.run()
  const result = await executable.read('y')
  executable.dispose()
  return Array.from(result as Float32Array)
}

const assertNear = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  assert.is(actual.length, expected.length)
  expected.forEach((value, i) => {
    const difference = Math.abs(actual[i] - value)
    assert.ok(difference <= tolerance * (1 + Math.abs(value)), `element ${i} is ${actual[i]}, expected ${value}`)
  })
}

/** How mixed precision may hold operands here: where it is known that the adapter has halves, in nothing else. */
const operands = process.env['LANEWISE_OPERANDS']?.split(',') ?? ['float16', 'rounded']

const gpu = await openWebGpu('kernels by adapter on webgpu')
gpu?.dispose()

if (gpu) {
  /** Tiles of 128 x 128 are for products of at least 64 of them; edges are not whole tiles. */
  const large = [1030, 20, 1028] as const
  const small = [37, 52, 44] as const
  const draw = (count: number, seed: number) => Float32Array.from({ length: count }, uniform(seed))

  for (const [what, sizes] of [
    ['large', large],
    ['small', small],
    ['odd', [37, 53, 45]],
  ] as const)
    test(`tiled products of ${what} matrices`, async () => {
      const backend = (await openWebGpu('tiles', { products: 'tiled' }))!
      const [m, k, n] = sizes
      const [a, b] = [draw(m * k, 1), draw(k * n, 2)]
      // The large tile is for adapters that are kept busy by more threads than a software one.
      const tile = tileFor({ m, n, batches: 1 }, backend.tuning)
      assert.is(tile.side, what === 'large' ? 8 : 4)
      assertNear(
        await onGpu(backend, a, b, sizes),
        product(a, b, sizes, (x) => x),
        1e-5,
      )
      backend.dispose()
    })

  for (const products of ['tiled', 'direct'] as const)
    test(`mixed precision rounds operands to halves and sums in float32: ${products}`, async () => {
      const backend = (await openWebGpu('mixed precision', { products, precision: 'mixed' }))!
      assert.ok(operands.includes(backend.tuning.operands), backend.tuning.operands)
      const [m, k, n] = small
      const [a, b] = [draw(m * k, 3), draw(k * n, 4)]
      assertNear(await onGpu(backend, a, b, small), product(a, b, small, half), 1e-5)
      backend.dispose()
    })

  test('a network learns with mixed precision and loss scaling as without', async () => {
    const x = new Tensor('float32', draw(40 * 64, 5), [40, 8, 8, 1])
    const y = new Tensor(
      'int32',
      Int32Array.from({ length: 40 }, (_, i) => i % 3),
      [40],
    )
    const losses: number[] = []
    for (const precision of ['float32', 'mixed'] as const) {
      configure({ backend: 'webgpu', precision })
      setRandomSeed(7)
      const net: Model = sequential([
        layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 1] }),
        layers.flatten(),
        layers.dense({ units: 3, activation: 'softmax' }),
      ])
      const lossScaleFactor = precision === 'mixed' ? 1024 : undefined
      net.compile({
        optimizer: optimizers.adam({ learningRate: 0.01, lossScaleFactor }),
        loss: 'sparseCategoricalCrossentropy',
      })
      const { history } = await net.fit(x, y, { epochs: 15, batchSize: 10, verbose: 0, shuffle: false })
      losses.push(history['loss'][0], history['loss'].at(-1)!)
      net.dispose()
    }
    configure({ backend: 'wasm', precision: 'float32' })
    const [first, last, , mixed] = losses
    assert.ok(last < 0.9 * first, `float32 learns nothing: ${losses}`)
    assert.ok(Math.abs(mixed - last) <= 0.02 * last, `${losses}`)
    assert.is.not(mixed, last, 'mixed precision computes in float32')
  })
} else test('there is no adapter', () => {})

test.run()
