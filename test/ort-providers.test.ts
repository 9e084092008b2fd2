import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import * as ort from '../src/ort.js'
import { loadOperators } from '../src/packs/index.js'
import { fails } from './support/errors.js'
import { openWebGpu } from './support/webgpu.js'

/** y = relu(a b); with `drawn`, also draws without a seed, which no GPU kernel makes. */
function model(drawn = false): Uint8Array {
  const k = new GraphBuilder()
  const a = k.input('a', 'float32', [3, 4])
  k.output(k.relu(k.matMul(a, k.input('b', 'float32', [4, 3]))), 'y')
  if (drawn) k.output(k.op('Bernoulli', [k.sigmoid(a)]), 'drawn')
  return exportModel(k.build())
}

const a = new ort.Tensor(
  Float32Array.from({ length: 12 }, (_, i) => i - 5),
  [3, 4],
)
const b = new ort.Tensor(
  Float32Array.from({ length: 12 }, (_, i) => (i % 5) - 2),
  [4, 3],
)
const feeds = { a, b }
await loadOperators(['Bernoulli'])

/** What `work` warned of. */
async function warnings(work: () => Promise<unknown>): Promise<readonly string[]> {
  const lines: string[] = []
  const { warn } = console
  console.warn = (...parts: unknown[]) => lines.push(parts.join(' '))
  try {
    await work()
  } finally {
    console.warn = warn
  }
  return lines
}

async function run(bytes: Uint8Array, executionProviders: readonly string[]) {
  const session = await ort.InferenceSession.create(bytes, { executionProviders })
  try {
    return await session.run(feeds)
  } finally {
    await session.release()
  }
}

const expected = (await run(model(), ['wasm'])).y
const backend = await openWebGpu('the provider webgpu')
backend?.dispose()

test('a provider that is not there gives way to the next, with a warning', async () => {
  const lines = await warnings(async () => {
    assert.equal((await run(model(), ['webnn', 'cpu', 'wasm'])).y.data, expected.data)
  })
  assert.equal(lines, ['lanewise/ort: webnn is not there; running on cpu'])
  await fails(() => run(model(), ['webnn', 'cuda']), /no available backend: webnn is not there; cuda is not there/)
})

test('warnings are left out where the log level says so', async () => {
  ort.env.logLevel = 'error'
  try {
    assert.equal(await warnings(() => run(model(), ['webnn', 'wasm'])), [])
  } finally {
    ort.env.logLevel = 'warning'
  }
})

test('outputs on a device are refused', async () => {
  for (const preferredOutputLocation of ['gpu-buffer', { y: 'ml-tensor' }])
    await fails(
      () => ort.InferenceSession.create(model(), { preferredOutputLocation }),
      /preferredOutputLocation (gpu-buffer|ml-tensor) is not there: outputs of lanewise lie on the host/,
    )
  await ort.InferenceSession.create(model(), { preferredOutputLocation: { y: 'cpu' } })
})

if (backend) {
  test('webgpu computes what wasm computes', async () => {
    const lines = await warnings(async () => {
      const { y } = await run(model(), ['webgpu'])
      assert.instance(y, ort.Tensor)
      y.data.forEach((element, i) => {
        assert.ok(Math.abs(Number(element) - Number(expected.data[i])) < 1e-4)
      })
    })
    assert.equal(lines, [])
  })

  test('a node without a kernel is refused, and moves the model to wasm where that is asked for', async () => {
    await fails(() => run(model(true), ['webgpu']), /webgpu has no kernel for 1 of .*Bernoulli/)
    const lines = await warnings(async () => {
      const session = await ort.InferenceSession.create(model(true), { executionProviders: ['webgpu', 'wasm'] })
      for (let i = 0; i < 2; i++) assert.equal((await session.run(feeds)).drawn.dims, [3, 4])
      await session.release()
    })
    assert.is(lines.length, 1)
    assert.match(lines[0], /^lanewise\/ort: the model runs on wasm: webgpu has no kernel for .*Bernoulli/)
  })
} else
  test('without a GPU webgpu is refused with the reason, or gives way to wasm', async () => {
    await fails(() => run(model(), ['webgpu']), /no available backend: webgpu is not there: \S+/)
    const lines = await warnings(async () => {
      assert.equal((await run(model(), ['webgpu', 'wasm'])).y.data, expected.data)
    })
    assert.match(lines.join(), /^lanewise\/ort: webgpu is not there: .*; running on wasm$/)
  })

test.run()
