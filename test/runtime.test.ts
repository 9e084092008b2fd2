import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import type { Machine } from '../src/backend/wasm/machine.js'
import { hostSupport } from '../src/backend/wasm/module.js'
import { compile } from '../src/compile.js'
import { LanewiseError } from '../src/core/errors.js'
import { configure, environment } from '../src/environment.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { convolutionStep, denseStep, load, random, type Step } from './support/steps.js'

const refusal =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof LanewiseError && error.code === code && message.test(error.message)

const bits = (data: ArrayBufferView): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** The loss and the weights after `runs` training steps on a backend with these options. */
async function train(step: Step, options: Parameters<typeof createWasmBackend>[0], runs: number) {
  const backend = await createWasmBackend(options)
  const trainer = load(step, backend)
  for (let run = 0; run < runs; run++) trainer.executable.run()
  const result = [await trainer.executable.read('loss'), ...(await trainer.weights())]
  const { notes } = trainer.executable
  trainer.dispose()
  backend.dispose()
  return { result, notes, threads: backend.report.threads }
}

const steps = {
  'a dense network': denseStep(33, [97, 130, 10]),
  'a convolutional network': convolutionStep(9, 28),
}

for (const [name, step] of Object.entries(steps)) {
  test(`${name} trains as in the reference backend`, async () => {
    const reference = load(step, createReferenceBackend())
    for (let run = 0; run < 3; run++) reference.executable.run()
    const expected = [await reference.executable.read('loss'), ...(await reference.weights())]
    const { result, notes } = await train(step, { threads: 2 }, 3)
    assert.equal(notes, [], 'every node has a kernel')
    expected.forEach((content, index) => {
      const actual = result[index] as Float32Array
      content.forEach((value, i) => {
        assert.ok(Math.abs(actual[i] - Number(value)) <= 1e-5 * (1 + Math.abs(Number(value))), `${actual[i]} ${value}`)
      })
    })
  })

  test(`${name} has the same bits on 1, 2, 3 and 4 threads`, async () => {
    const { result: expected } = await train(step, { threads: 1, build: 'single-simd' }, 40)
    for (const threads of [1, 2, 3, 4])
      for (let repeat = 0; repeat < 3; repeat++) {
        const { result, threads: got } = await train(step, { threads, build: 'shared-simd' }, 40)
        assert.is(got, threads)
        result.forEach((content, index) => {
          assert.ok(bits(content).equals(bits(expected[index])), `${threads} threads, tensor ${index}`)
        })
      }
  })
}

test('ten thousand small runs on four threads miss no step', async () => {
  const size = 16384 * 9
  const builder = new GraphBuilder('count')
  const counter = { name: 'counter', dtype: 'float32', shape: [size], trainable: false } as const
  const value = builder.variable(counter)
  builder.update(counter, builder.add(value, 1))
  builder.output(builder.neg(value), 'y')
  const graph = builder.build()
  const backend = await createWasmBackend({ threads: 4 })
  const storage = backend.allocate('float32', [size])
  const executable = compile(graph, backend, { storageOf: () => storage })
  assert.match(executable.describe(), 'tape on 4 thread(s)')
  const runs = 10_000
  for (let run = 0; run < runs; run++) executable.run()
  assert.ok((storage.read() as Float32Array).every((element) => element === runs))
  assert.ok(((await executable.read('y')) as Float32Array).every((element) => element === 1 - runs))
  backend.dispose()
})

test('executables with different thread counts take turns on one pool', async () => {
  const backend = await createWasmBackend({ threads: 3 })
  const wide = load(denseStep(64, [128, 512, 512]), backend)
  const small = load(denseStep(2, [5, 3]), backend)
  assert.match(wide.executable.describe(), 'tape on 3 thread(s)')
  assert.match(small.executable.describe(), 'tape on 1 thread(s)')
  for (let run = 0; run < 200; run++) {
    small.executable.run()
    wide.executable.run()
  }
  wide.dispose()
  small.dispose()
  backend.dispose()
})

test('nodes without a kernel run in the reference backend on the same memory', async () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [7])
  builder.output(builder.cast(builder.exp(builder.neg(x)), 'float32'), 'y')
  const backend = await createWasmBackend({ threads: 1 })
  const executable = compile(builder.build(), backend)
  assert.ok(executable.notes.some((note) => /^Exp '.*' has no wasm kernel/.test(note)))
  const data = Float64Array.from([-2, -1, 0, 0.5, 1, 2, 3])
  executable.write('x', data)
  executable.run()
  const y = (await executable.read('y')) as Float32Array
  data.forEach((value, i) => {
    assert.is(y[i], Math.fround(Math.exp(-value)))
  })
  backend.dispose()
})

test('a profile runs every step and names its node', async () => {
  const step = denseStep(33, [97, 130, 10])
  for (const threads of [1, 2]) {
    const backend = await createWasmBackend({ threads })
    const [whole, stepwise] = [load(step, backend), load(step, backend)]
    for (let run = 0; run < 3; run++) whole.executable.run()
    const times = await stepwise.executable.profile!(3)
    assert.is(times.length, stepwise.executable.describe().split('\n').length - 1)
    assert.ok(times.every(({ ms, tiles }) => ms > 0 && tiles > 0))
    assert.ok(times.some(({ kernel, node }) => kernel === 'gemm_f32' && node?.op === 'lanewise.FusedMatMul'))
    assert.equal(await stepwise.executable.read('loss'), await whole.executable.read('loss'))
    backend.dispose()
  }
})

test('an executable survives the growth of the memory that later ones cause', async () => {
  const backend = await createWasmBackend({ threads: 1, build: 'single-simd' })
  const builder = new GraphBuilder()
  builder.output(builder.relu(builder.input('x', 'float32', [100])), 'y')
  const executable = compile(builder.build(), backend)
  const storages = [1, 2, 3].map(() => backend.allocate('float32', [1 << 20]))
  const x = random(100, 3)
  executable.write('x', x)
  executable.run()
  assert.equal(
    await executable.read('y'),
    x.map((value) => Math.max(0, value)),
  )
  for (const storage of storages) storage.dispose()
  backend.dispose()
})

test('wrong data, unknown names and use after dispose are refused', async () => {
  const backend = await createWasmBackend({ threads: 1 })
  const builder = new GraphBuilder()
  builder.output(builder.relu(builder.input('x', 'float32', [2, 3])), 'y')
  const executable = compile(builder.build(), backend)
  assert.throws(
    () => executable.write('x', new Float32Array(5)),
    refusal('SHAPE_MISMATCH', /'x' has 6 elements, got 5/),
  )
  assert.throws(() => executable.write('x', new Float64Array(6)), refusal('TYPE_MISMATCH', /takes a Float32Array/))
  assert.throws(() => executable.write('z', new Float32Array(6)), refusal('INVALID_ARGUMENT', /no input 'z'.*are x/))
  assert.throws(() => executable.read('z'), refusal('INVALID_ARGUMENT', /no output 'z'/))
  executable.dispose()
  assert.throws(() => executable.run(), refusal('DISPOSED', /executable/))
  backend.dispose()
  assert.throws(() => backend.allocate('float32', [1]), refusal('DISPOSED', /backend/))
})

test('options that the backend cannot follow are refused', async () => {
  const failure = async (options: Parameters<typeof createWasmBackend>[0]) => {
    try {
      await createWasmBackend(options)
    } catch (error) {
      return error
    }
    return undefined
  }
  assert.ok(refusal('INVALID_ARGUMENT', /threads is 0/)(await failure({ threads: 0 })))
  assert.ok(refusal('INVALID_ARGUMENT', /threads is 1.5/)(await failure({ threads: 1.5 })))
  const relaxed = await failure({ deterministic: true, build: 'single-relaxed' })
  assert.ok(relaxed instanceof LanewiseError)
})

test('deterministic picks baseline SIMD, and the environment says what runs', async () => {
  configure({ threads: 2, deterministic: true })
  const { threads, variant, host } = await environment()
  assert.is(threads, 2)
  assert.is(variant, 'shared, baseline SIMD')
  assert.ok(host.simd && host.sharedMemory)
  configure({ threads: undefined, deterministic: undefined })
  assert.is(host.relaxedSimd, hostSupport().relaxedSimd)
})

test('a kernel that traps is an error on every number of threads, not a wait without end', async () => {
  for (const threads of [1, 2, 3]) {
    const backend = await createWasmBackend({ threads })
    const { memory, run } = backend as unknown as Machine
    const tape = memory.allocate(16)
    const UNKNOWN_KERNEL = 100_000
    memory.content.write(tape, Int32Array.of(UNKNOWN_KERNEL, 0, 50, 0))
    assert.throws(() => run.call(backend, tape, 1, true), refusal('BACKEND_UNAVAILABLE', /a kernel stopped/))
    assert.throws(() => backend.allocate('float32', [1]), refusal('BACKEND_UNAVAILABLE', /cannot be used any more/))
    backend.dispose()
  }
})

/** Ids and sizes of the sections of a wasm module. */
function sectionsOf(bytes: Uint8Array): { id: number; size: number }[] {
  const sections = []
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++]
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      size |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    sections.push({ id, size })
    at += size
  }
  return sections
}

test('the builds with relaxed SIMD train close to the baseline', async () => {
  const step = denseStep(33, [97, 130, 10])
  const { result: expected } = await train(step, { threads: 1, deterministic: true }, 5)
  for (const build of ['single-relaxed', 'shared-relaxed'] as const) {
    const { result } = await train(step, { threads: 2, build }, 5)
    expected.forEach((content, index) => {
      content.forEach((value, i) => {
        assert.ok(Math.abs(Number(result[index][i]) - Number(value)) <= 1e-5)
      })
    })
  }
})

for (const build of ['single-simd', 'single-relaxed', 'shared-simd', 'shared-relaxed'])
  test(`the build ${build} has code but no data segment, and less than 150 kB`, () => {
    const path = join('build/wasm', `lanewise-${build}.wasm`)
    const ids = sectionsOf(readFileSync(path)).map((section) => section.id)
    const [CODE, DATA, DATA_COUNT] = [10, 11, 12]
    assert.ok(ids.includes(CODE))
    assert.not.ok(ids.includes(DATA) || ids.includes(DATA_COUNT))
    assert.ok(statSync(path).size < 150_000, `${statSync(path).size} bytes`)
  })

test.run()
