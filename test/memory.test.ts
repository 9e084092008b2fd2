import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { LocalContent, WasmMemory } from '../src/backend/wasm/memory.js'
import { LanewiseError } from '../src/core/errors.js'
import { configure, defaultBackend } from '../src/environment.js'
import { uniform } from './cases/case.js'
import { denseStep, load } from './support/steps.js'

test('blocks are aligned, disjoint, out of the first page and keep their content', () => {
  const random = uniform(7)
  const local = new LocalContent({ shared: false })
  const memory = new WasmMemory(local)
  const blocks = new Map<number, { bytes: number; mark: number }>()
  const check = (address: number) => {
    const { bytes, mark } = blocks.get(address)!
    const content = local.peek('uint8', address, bytes) as Uint8Array
    assert.ok(content.every((byte) => byte === mark))
  }
  for (let round = 0; round < 3000; round++) {
    const addresses = [...blocks.keys()]
    if (addresses.length > 0 && random() < 0.48) {
      const address = addresses[Math.floor(random() * addresses.length)]
      check(address)
      memory.free(address)
      blocks.delete(address)
    } else {
      const bytes = Math.floor(random() ** 4 * 200_000)
      const address = memory.allocate(bytes)
      assert.is(address % 64, 0)
      assert.ok(address >= 65536 && address + bytes <= local.memory.buffer.byteLength)
      for (const [other, { bytes: size }] of blocks) assert.ok(address + bytes <= other || other + size <= address)
      blocks.set(address, { bytes, mark: round % 251 })
      local.peek('uint8', address, bytes).fill((round % 251) as never)
    }
  }
  for (const address of blocks.keys()) {
    check(address)
    memory.free(address)
  }
  assert.is(memory.usedBytes, 0)
})

test('freed neighbours merge in any order, so that the whole is there again', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [0, 2, 1],
    [1, 0, 2],
  ]) {
    const memory = new WasmMemory(new LocalContent({ shared: false }))
    const blocks = [0, 1, 2].map(() => memory.allocate(1 << 20))
    const total = memory.totalBytes
    for (const index of order) memory.free(blocks[index])
    memory.allocate(3 << 20)
    assert.is(memory.totalBytes, total)
  }
})

test('memory that runs out says how much was needed and how much is there', () => {
  const memory = new WasmMemory(new LocalContent({ shared: false, maxBytes: 4 << 20 }))
  memory.allocate(1 << 20)
  assert.throws(
    () => memory.allocate(8 << 20, 'the arena of a test'),
    (error: unknown) =>
      error instanceof LanewiseError &&
      error.code === 'OUT_OF_MEMORY' &&
      /the arena of a test needs 8.0 MiB.*1.0 MiB are in use.*of 4.0 MiB/.test(error.message),
  )
  memory.allocate(2 << 20)
})

test('a block is freed once', () => {
  const memory = new WasmMemory(new LocalContent({ shared: true }))
  const address = memory.allocate(100)
  memory.free(address)
  assert.throws(() => memory.free(address), /no block in use/)
})

test('what is disposed of gives its memory back', async () => {
  const backend = await createWasmBackend({ threads: 1, maxBytes: 64 << 20 })
  const step = denseStep(64, [784, 1024, 10])
  for (let round = 0; round < 30; round++) load(step, backend).dispose()
  backend.dispose()
})

test('a plan that does not fit leaves nothing behind', async () => {
  const backend = await createWasmBackend({ threads: 1, maxBytes: 16 << 20 })
  const big = denseStep(4096, [784, 1024, 10])
  for (let round = 0; round < 20; round++)
    assert.throws(
      () => {
        load(big, backend)
      },
      (error: unknown) => error instanceof LanewiseError && error.code === 'OUT_OF_MEMORY',
    )
  backend.dispose()
})

const tasks = '/proc/self/task'

test('a default backend ends its threads once another is chosen and nothing uses it', async () => {
  if (!existsSync(tasks)) return console.log('SKIP the threads of forgotten backends: /proc tells how many there are')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const threads = () => readdirSync(tasks).length
  /** Whether the number of threads falls to `count` within some seconds. */
  const falls = async (count: number, seconds: number): Promise<boolean> => {
    for (let turn = 0; turn < seconds * 20 && threads() > count; turn++) {
      collect()
      await pause(50)
    }
    return threads() <= count
  }
  configure({ threads: 4 })
  const users = [await defaultBackend()]
  await users[0].ready()
  const all = threads()
  configure({ threads: 1 })
  assert.not(await falls(all - 3, 0.5), 'in use')
  users.pop()
  assert.ok(await falls(all - 3, 10), 'not in use')
})

test.run()
