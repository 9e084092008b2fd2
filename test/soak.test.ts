import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { WasmMemory } from '../src/backend/wasm/memory.js'
import { Tensor } from '../src/core/tensor.js'
import { defaultBackend } from '../src/environment.js'
import { layers, sequential } from '../src/keras/index.js'
import { InferenceSession } from '../src/session.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** `npm run soak` sets LANEWISE_SOAK=full; `npm test` runs a part of it. */
const full = process.env['LANEWISE_SOAK'] === 'full'
const runs = full ? 10_000 : 2_000
const cycles = full ? 1_000 : 150
/** Until the host has compiled what runs often and its heap has found its size. */
const warmUp = full ? 500 : 60

/** The resident set in MiB, without what can be collected. */
async function resident(): Promise<number> {
  for (let pass = 0; pass < 4; pass++) {
    collect()
    await new Promise((turn) => setTimeout(turn, 5))
  }
  return process.memoryUsage().rss / 2 ** 20
}

const rounds = 5

/** What a round may add, in MiB. One lost copy of the weights a cycle adds 0.6 MiB times the cycles of a round, 18 or more. */
const slack = 3

/**
 * Runs `cycle` `count` times in rounds; fails where the resident set grew in every one of them, which is what a leak does. Heaps that
 * find their size, compilers and a fragmented allocator add tens of MiB at a time, but seldom.
 */
async function holds(count: number, cycle: (index: number) => Promise<void>): Promise<void> {
  const growths: number[] = []
  let before = await resident()
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < count / rounds; index++) await cycle(index)
    const after = await resident()
    growths.push(after - before)
    before = after
  }
  const told = growths.map((growth) => growth.toFixed(1)).join(', ')
  assert.ok(Math.min(...growths) < slack, `the resident set grew by ${told} MiB in rounds of ${count / rounds}`)
}

const network = sequential([
  layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
  layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
  layers.maxPooling2d({ poolSize: 4 }),
  layers.flatten(),
  layers.dense({ units: 128, activation: 'relu' }),
  layers.dense({ units: 10, activation: 'softmax' }),
])
const file = network.toOnnx()
const feeds = (session: InferenceSession, batch = 1) => ({
  [session.inputNames[0]]: new Tensor('float32', new Float32Array(batch * 784).fill(0.5), [batch, 28, 28, 1]),
})
const memoryOf = (backend: unknown): WasmMemory => (backend as { readonly memory: WasmMemory }).memory

test(`${runs} runs of one session take no memory`, async () => {
  const session = await InferenceSession.create(file)
  const memory = memoryOf(await defaultBackend())
  const input = feeds(session)
  for (let run = 0; run < 500; run++) await session.run(input)
  const before = { used: memory.usedBytes, total: memory.totalBytes }
  await holds(runs, async () => {
    await session.run(input)
  })
  assert.is(memory.usedBytes, before.used)
  assert.is(memory.totalBytes, before.total)
  await session.release()
})

test(`${cycles} sessions that come and go leave memory as it was`, async () => {
  const memory = memoryOf(await defaultBackend())
  const empty = memory.usedBytes
  const cycle = async (index: number) => {
    const session = await InferenceSession.create(file)
    await session.run(feeds(session))
    // A second plan of another size, so that blocks come and go in different sizes.
    if (index % 4 === 0) await session.run(feeds(session, 1 + (index % 7)))
    await session.release()
    assert.is(memory.usedBytes, empty)
  }
  for (let index = 0; index < warmUp; index++) await cycle(index)
  const before = memory.totalBytes
  await holds(cycles, cycle)
  assert.is(memory.totalBytes, before)
})

test('backends of their own go with their sessions', async () => {
  const cycle = async () => {
    const session = await InferenceSession.create(file, { threads: 1 })
    await session.run(feeds(session))
    await session.release()
  }
  for (let index = 0; index < 20; index++) await cycle()
  await holds(full ? 200 : 60, cycle)
})

test.run()
