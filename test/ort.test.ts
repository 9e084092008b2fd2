import * as web from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { Tensor as HostTensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { encode } from '../src/onnx/encode.js'
import { exportModel } from '../src/onnx/export.js'
import * as lanewise from '../src/ort.js'
import { loadOperators } from '../src/packs/index.js'
import { fails } from './support/errors.js'

web.env.wasm.numThreads = 1
web.env.logLevel = 'error'

/** c = a b, and d = relu(c). */
function model(): Uint8Array {
  const k = new GraphBuilder()
  const c = k.matMul(k.input('a', 'float32', [3, 4]), k.input('b', 'float32', [4, 'n']))
  k.output(c, 'c')
  k.output(k.relu(c), 'd')
  return exportModel(k.build())
}

type Face = typeof web
const faces: readonly (readonly [string, Face])[] = [
  ['onnxruntime-web', web],
  ['lanewise/ort', lanewise as unknown as Face],
]

/** Runs one program under both faces and gives what each answered. */
async function both<T>(program: (ort: Face) => Promise<T>): Promise<[T, T]> {
  return [await program(faces[0][1]), await program(faces[1][1])]
}

const feedsOf = (ort: Face, n = 3) => ({
  a: new ort.Tensor(
    'float32',
    Float32Array.from({ length: 12 }, (_, i) => i - 5),
    [3, 4],
  ),
  b: new ort.Tensor(
    Float32Array.from({ length: 4 * n }, (_, i) => (i % 5) - 2),
    [4, n],
  ),
})

test('a session is created from bytes, an ArrayBuffer, and a stretch of one; all outputs come back', async () => {
  const bytes = model()
  const padded = new Uint8Array(bytes.length + 20)
  padded.set(bytes, 8)
  const [expected, actual] = await both(async (ort) => {
    const answers = []
    for (const session of [
      await ort.InferenceSession.create(bytes),
      await ort.InferenceSession.create(bytes.slice().buffer),
      await ort.InferenceSession.create(padded.buffer, 8, bytes.length),
      await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' }),
    ]) {
      const results = await session.run(feedsOf(ort))
      answers.push(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          type,
          [...dims],
          Array.from(data as Float32Array),
        ]),
      )
      await session.release()
    }
    return answers
  })
  assert.equal(actual, expected)
})

test('names, metadata, fetches, preallocated outputs and run options', async () => {
  const bytes = model()
  const [expected, actual] = await both(async (ort) => {
    const session = await ort.InferenceSession.create(bytes)
    const target = new ort.Tensor('float32', new Float32Array(6), [3, 2])
    const filled = await session.run(feedsOf(ort, 2), { d: target })
    const nulled = await session.run(feedsOf(ort, 2), { c: null })
    const listed = await session.run(feedsOf(ort, 2), ['c'], { tag: 'x' })
    const tagged = await session.run(feedsOf(ort, 2), { tag: 'x' })
    return {
      inputs: [...session.inputNames],
      outputs: [...session.outputNames],
      metadata: session.inputMetadata.map((entry) => ({ ...entry, shape: 'shape' in entry ? [...entry.shape] : [] })),
      filled: Object.keys(filled),
      nulled: Object.keys(nulled),
      listed: Object.keys(listed),
      tagged: Object.keys(tagged),
      read: Array.from((await listed.c.getData()) as Float32Array),
      location: listed.c.location,
    }
  })
  assert.equal(actual, expected)
})

test('a preallocated output is filled in place', async () => {
  const session = await lanewise.InferenceSession.create(model())
  const target = new lanewise.Tensor('float32', new Float32Array(6), [3, 2])
  const feeds = feedsOf(lanewise as unknown as Face, 2) as unknown as Record<string, lanewise.Tensor>
  const { d } = await session.run(feeds, { d: target })
  assert.is(d, target)
  assert.ok((target.data as Float32Array).some((value) => value !== 0))
  await session.release()
})

test('tensors: constructor forms, reshape, pinned buffers', async () => {
  const [expected, actual] = await both(async ({ Tensor }) =>
    [
      new Tensor('int64', [1n, 2n], [2]),
      new Tensor('bool', [true, false]),
      new Tensor('string', ['a', 'b'], [2, 1]),
      new Tensor(Int32Array.of(1, 2, 3, 4), [2, 2]).reshape([4]),
      new Tensor('uint8', [1, 2, 3]),
      new Tensor([true, false]),
      new Tensor(['a']),
      Tensor.fromPinnedBuffer('float32', Float32Array.of(1, 2), [2]),
    ].map(({ type, dims, size, data }) => [type, [...dims], size, Array.from(data as ArrayLike<unknown>)]),
  )
  assert.equal(actual, expected)
})

test('tensors: clamped bytes, halves from numbers, and what no tensor can be made of', async () => {
  const [expected, actual] = await both(async ({ Tensor }) =>
    [new Tensor(Uint8ClampedArray.of(1, 2)), new Tensor('uint8', Uint8ClampedArray.of(3), [1])].map(
      ({ type, dims, data }) => [type, [...dims], data],
    ),
  )
  assert.equal(actual, expected)
  const { Tensor } = lanewise
  assert.equal(new Tensor('float16', [1, -2.5]).data, Uint16Array.of(0x3c00, 0xc100))
  const failure = (attempt: () => unknown): string => {
    try {
      attempt()
    } catch (error) {
      return error instanceof LanewiseError ? `${error.code} ${error.message}` : `${error}`
    }
    return 'no error'
  }
  const make = Tensor as unknown as new (...operands: unknown[]) => lanewise.Tensor
  assert.match(
    failure(() => new Tensor('int64', [1.5])),
    /TYPE_MISMATCH.*whole numbers, got 1.5/,
  )
  assert.match(
    failure(() => new make(new DataView(new ArrayBuffer(4)))),
    /TYPE_MISMATCH.*DataView/,
  )
  assert.match(
    failure(() => new make(new Float32Array(2), 2)),
    /SHAPE_MISMATCH.*list of sizes/,
  )
  const forms = Tensor as unknown as typeof web.Tensor
  assert.match(
    failure(() => forms.fromGpuBuffer(undefined as never, undefined as never)),
    /INVALID_ARGUMENT.*lie on the host/,
  )
})

test('the default export holds the same names', () => {
  assert.is(lanewise.default.InferenceSession, lanewise.InferenceSession)
  assert.is(lanewise.default.Tensor, lanewise.Tensor)
  assert.is(lanewise.default.env, lanewise.env)
})

test('external data as onnxruntime-web takes it', async () => {
  const data = Float32Array.of(1, 2, 3)
  const weight = {
    name: 'w',
    dataType: 1,
    dims: [3],
    dataLocation: 1,
    externalData: [{ key: 'location', value: 'weights.bin' }],
  }
  const type = { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 3 }] } } }
  const bytes = encode('ModelProto', {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 18 }],
    graph: {
      name: 'outside',
      node: [{ opType: 'Add', name: 'add', input: ['x', 'w'], output: ['y'] }],
      initializer: [weight],
      input: [{ name: 'x', type }],
      output: [{ name: 'y', type }],
    },
  })
  const [expected, actual] = await both(async (ort) => {
    const externalData = [{ path: './weights.bin', data: new Uint8Array(data.buffer) }]
    const session = await ort.InferenceSession.create(bytes, { externalData })
    const { y } = await session.run({ x: new ort.Tensor('float32', [1, 1, 1], [3]) })
    return Array.from(y.data as Float32Array)
  })
  assert.equal(actual, expected)
})

test('pixels become a tensor as in onnxruntime', async () => {
  const image = { width: 3, height: 2, data: Uint8ClampedArray.from({ length: 24 }, (_, i) => i * 10) }
  const tensor = await lanewise.Tensor.fromImage(image)
  assert.equal(tensor.dims, [1, 3, 2, 3])
  assert.equal(
    Array.from(tensor.data as Float32Array).slice(0, 2),
    [0, 40].map((pixel) => Math.fround(pixel / 255)),
  )
})

/** Gives Node the little of a page's canvas that onnxruntime-common asks for, while `work` runs. */
async function withCanvas(work: () => Promise<void>): Promise<void> {
  class Pixels {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  }
  class Canvas {
    getContext() {
      let kept: Pixels
      return {
        createImageData: (width: number, height: number) =>
          new Pixels(new Uint8ClampedArray(4 * width * height), width, height),
        putImageData: (pixels: Pixels) => {
          kept = pixels
        },
        getImageData: () => kept,
      }
    }
  }
  const host = globalThis as Record<string, unknown>
  Object.assign(host, { ImageData: Pixels, OffscreenCanvas: Canvas })
  try {
    await work()
  } finally {
    for (const name of ['ImageData', 'OffscreenCanvas']) delete host[name]
  }
}

test('pictures become tensors, and tensors pictures, as in onnxruntime', () =>
  withCanvas(async () => {
    const picture = () =>
      new ImageData(
        Uint8ClampedArray.from({ length: 24 }, (_, i) => (i * 37) % 256),
        3,
        2,
      )
    const norm = { mean: [200, 210, 220, 230] as const, bias: [1, 2, 3, 4] as const }
    for (const tensorFormat of ['RGB', 'BGR', 'RBG', 'RGBA'] as const) {
      const expected = await web.Tensor.fromImage(picture(), { tensorFormat, norm: norm as never })
      const actual = await lanewise.Tensor.fromImage(picture(), { tensorFormat, norm })
      assert.equal(actual.dims, expected.dims)
      assert.equal(Array.from(actual.data), Array.from(expected.data as Float32Array), tensorFormat)
    }
    const elements = Float32Array.from({ length: 18 }, (_, i) => i / 17)
    const options = { format: 'RGB', norm: { mean: 250, bias: 0.1 } } as const
    const expected = new web.Tensor('float32', elements, [1, 3, 2, 3]).toImageData(options)
    assert.equal(new lanewise.Tensor('float32', elements, [1, 3, 2, 3]).toImageData(options), expected)
    assert.equal(
      (await lanewise.Tensor.fromImage(picture(), { tensorFormat: 'RGBA', tensorLayout: 'NHWC' })).toImageData({
        format: 'RGBA',
        tensorLayout: 'NHWC',
      }),
      picture(),
    )
  }))

test("a picture is scaled as onnxruntime's antialiased Resize scales it", async () => {
  await loadOperators(['Resize'])
  const [width, height] = [11, 6]
  const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => (i * i * 37) % 256)
  for (const [resizedWidth, resizedHeight] of [
    [4, 3],
    [23, 9],
    [5, 6],
    [11, 1],
  ]) {
    const k = new GraphBuilder()
    const sizes = k.constant(new HostTensor('int64', [1, 4, resizedHeight, resizedWidth].map(BigInt), [4]))
    const attributes = { mode: 'linear', antialias: 1, exclude_outside: 1 }
    k.output(
      k.op('Resize', [k.input('x', 'float32', [1, 4, height, width]), undefined, undefined, sizes], attributes),
      'y',
    )
    const session = await web.InferenceSession.create(exportModel(k.build()))
    const whole = await lanewise.Tensor.fromImage({ width, height, data }, { tensorFormat: 'RGBA', norm: { mean: 1 } })
    const { y } = await session.run({ x: new web.Tensor('float32', whole.data, whole.dims) })
    const scaled = await lanewise.Tensor.fromImage(
      { width, height, data },
      { tensorFormat: 'RGBA', norm: { mean: 1 }, resizedWidth, resizedHeight },
    )
    assert.equal(scaled.dims, y.dims)
    scaled.data.forEach((element, i) => {
      assert.ok(Math.abs(element - Number(y.data[i])) < 1e-3, `${element} for ${y.data[i]} at ${i}`)
    })
  }
  const onlyWide = await lanewise.Tensor.fromImage({ width, height, data }, { resizedWidth: 22 })
  assert.equal(onlyWide.dims, [1, 3, 6, 22])
})

test('what is no picture is refused', async () => {
  await fails(() => lanewise.Tensor.fromImage({ width: 2, height: 2 }), /fromImage takes ImageData/)
  const pixels = { width: 1, height: 1, data: [1, 2, 3, 4] }
  await fails(() => lanewise.Tensor.fromImage(pixels, { resizedWidth: 0 }), /whole numbers of pixels.*got 0 x 1/)
  await fails(() => lanewise.Tensor.fromImage(pixels, { resizedHeight: 1e9 }), /at most 100000000 together/)
  await fails(() => lanewise.Tensor.fromImage(pixels, { tensorFormat: 'GRB' as 'RGB' }), /no format 'GRB'/)
  const flat = new lanewise.Tensor('float32', new Float32Array(12), [3, 4])
  await fails(() => flat.toImageData(), /a picture is a tensor \[1, 3, height, width\]/)
  await fails(() => new lanewise.Tensor('float32', new Float32Array(3), [1, 3, 1, 1]).toDataURL(), /needs a page/)
})

test('a tensor that was disposed of has no data any more', async () => {
  const [expected, actual] = await both(async (ort) => {
    const tensor = new ort.Tensor('float32', Float32Array.of(1), [1])
    tensor.dispose()
    return [tensor.location, await tensor.getData().then(String, () => 'fails'), tensor.dims]
  })
  assert.equal(actual, expected)
  const tensor = new lanewise.Tensor('float32', Float32Array.of(1), [1])
  tensor.dispose()
  await fails(() => tensor.data, /the tensor was disposed of/)
})

test('mistakes are errors under both faces', async () => {
  const bytes = model()
  const [expected, actual] = await both(async (ort) => {
    const session = await ort.InferenceSession.create(bytes)
    const fails = (attempt: () => unknown) =>
      Promise.resolve()
        .then(attempt)
        .then(
          () => false,
          () => true,
        )
    const { a, b } = feedsOf(ort)
    return [
      await fails(() => session.run({ a })),
      await fails(() => session.run({ a, b: new ort.Tensor('float32', new Float32Array(9), [3, 3]) })),
      await fails(() => session.run({ a, b }, ['nowhere'])),
      await fails(() => new ort.Tensor('float32', new Float32Array(3), [2, 2])),
      await fails(() => ort.InferenceSession.create(new Uint8Array([1, 2, 3]))),
      await fails(() => ort.InferenceSession.create(bytes, { executionProviders: ['nonsense'] })),
      await fails(() => ort.InferenceSession.create(bytes.slice().buffer, 10_000)),
      await fails(() => session.run(null as never)),
      await fails(() => session.run({ a, b }, 'c' as never)),
      await fails(() => session.run({ a: a.data, b } as never)),
      await fails(() => session.run({ a, b }, [])),
      await fails(() => session.run({ a, b }, b as never)),
      await fails(() => session.run({ a, b }, { terminate: true })),
      await fails(() => session.run({ a, b }, ['c'], { logSeverityLevel: 9 as 0 })),
      await fails(() => session.run({ a, b }, ['c'], 5 as never)),
      await fails(() => session.run({ a, b }, { c: new ort.Tensor(new Float32Array(9)) })),
      await fails(() => ort.InferenceSession.create(bytes, 5 as never)),
      await fails(() => ort.InferenceSession.create(bytes, { executionProviders: 'wasm' as never })),
      await fails(() => ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'most' as 'all' })),
      await fails(() => ort.InferenceSession.create(bytes, { executionMode: 'both' as 'parallel' })),
      await fails(() => ort.InferenceSession.create(bytes, { freeDimensionOverrides: { n: -1 } })),
      await fails(() => a.gpuBuffer),
    ]
  })
  assert.equal(
    expected,
    expected.map(() => true),
  )
  assert.equal(actual, expected)
})

test('outputs have the sizes by the names that the file has for them', async () => {
  const sized = (...dims: readonly (string | number)[]) => ({
    tensorType: {
      elemType: 1,
      shape: { dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })) },
    },
  })
  const bytes = encode('ModelProto', {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 18 }],
    graph: {
      name: 'cache',
      node: [
        { opType: 'Concat', input: ['past', 'key'], output: ['present'], attribute: [{ name: 'axis', type: 2, i: 1 }] },
      ],
      input: [
        { name: 'past', type: sized('batch', 'past', 4) },
        { name: 'key', type: sized('batch', 'length', 4) },
      ],
      output: [{ name: 'present', type: sized('batch', 'total', 4) }],
    },
  })
  const [expected, actual] = await both(async (ort) => {
    const shapes = async (options: web.InferenceSession.SessionOptions) => {
      const session = await ort.InferenceSession.create(bytes, options)
      return [...session.inputMetadata, ...session.outputMetadata]
    }
    return [await shapes({}), await shapes({ freeDimensionOverrides: { batch: 2, nowhere: 1 } })]
  })
  assert.equal(actual, expected)
})

test('sizes that the options of a session give hold in its runs', async () => {
  const [expected, actual] = await both(async (ort) => {
    const session = await ort.InferenceSession.create(model(), { freeDimensionOverrides: { n: 2 } })
    const { c } = await session.run(feedsOf(ort, 2))
    const refused = await session.run(feedsOf(ort, 3)).then(
      () => false,
      () => true,
    )
    return [c.dims, refused]
  })
  assert.equal(actual, expected)
})

test("tensors of another copy of onnxruntime-common are fed as lanewise's own", async () => {
  const session = await lanewise.InferenceSession.create(model())
  const foreign = feedsOf(web, 2) as unknown as Record<string, lanewise.Tensor>
  const own = feedsOf(lanewise as unknown as Face, 2) as unknown as Record<string, lanewise.Tensor>
  const [{ c }, { c: expected }] = [await session.run(foreign), await session.run(own)]
  assert.equal(c.data, expected.data)
  assert.instance(c, lanewise.Tensor)
  await fails(() => session.run(own, { c: 5 as never }), /output 'c' fills a tensor, got 5/)
  await session.release()
})

test('pinned tensors: both forms', async () => {
  const [expected, actual] = await both(async ({ Tensor }) => {
    const make = Tensor as unknown as new (params: object) => web.Tensor
    return [
      Tensor.fromPinnedBuffer('int32', Int32Array.of(1, 2), [2, 1]),
      new make({ location: 'cpu-pinned', type: 'float32', data: Float32Array.of(3), dims: [] }),
    ].map(({ type, dims, data, location }) => [type, [...dims], Array.from(data as Int32Array), location])
  })
  assert.equal(actual, expected)
})

test.run()
