import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Progress, Source } from '../src/core/source.js'
import { InferenceSession, LanewiseError, layers, loadKeras, loadOnnx, sequential, Tensor } from '../src/index.js'
import type { LoadOptions } from '../src/onnx/source.js'
import { withExternalData } from './support/external.js'

const folder = mkdtempSync(join(tmpdir(), 'lanewise-delivery-'))
process.env['XDG_CACHE_HOME'] = join(folder, 'cache')

const net = sequential([layers.dense({ units: 64, inputShape: [64], useBias: false })])
const model = await net.exportOnnx()
const x = new Tensor('float32', Float32Array.from({ length: 64 }, Math.sin), [1, 64])
const expected = (await net.predict(x)).toNumbers()
const external = withExternalData(model, 'weights.bin')
const path = join(folder, 'model.onnx')
writeFileSync(path, model)

const hashOf = (bytes: Uint8Array, algorithm = 'sha256') =>
  `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`

let requests: string[] = []
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/model.onnx': (response) => response.writeHead(200, { 'content-length': model.length }).end(model),
  '/page': (response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>'),
  '/slow': (response) => {
    response.writeHead(200, { 'content-length': model.length }).write(model.subarray(0, 100))
  },
  '/broken': (response) => {
    response.writeHead(200, { 'content-length': model.length })
    response.write(model.subarray(0, 100), () => response.destroy())
  },
  '/external/model.onnx?v=1': (response) => response.end(external.model),
  '/external/model.onnx': (response) => response.end(external.model),
  '/external/weights.bin': (response) => response.end(external.weights),
}
const server = createServer(({ url = '' }, response) => {
  requests.push(url)
  const answer = answers[url]
  if (answer) answer(response)
  else response.writeHead(404).end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const address = `${origin}/model.onnx`

async function predict(source: Source, options?: LoadOptions): Promise<number[]> {
  const session = await InferenceSession.create(source, options)
  const results = await session.run({ [session.inputNames[0]]: x })
  await session.release()
  return results[session.outputNames[0]].toNumbers()
}

async function rejects(loading: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await loading.then(
    () => undefined,
    (reason) => reason,
  )
  assert.ok(error instanceof LanewiseError, String(error))
  assert.is(error.code, code)
  assert.match(error.message, message)
}

const sources: Readonly<Record<string, () => Source>> = {
  'a path': () => path,
  'a file URL': () => pathToFileURL(path),
  'the text of a file URL': () => pathToFileURL(path).href,
  'an http URL': () => new URL(address),
  'the text of an http URL': () => address,
  'a data URL': () => `data:application/octet-stream;base64,${Buffer.from(model).toString('base64')}`,
  'an ArrayBuffer': () => Uint8Array.from(model).buffer,
  'a SharedArrayBuffer': () => {
    const shared = new SharedArrayBuffer(model.length)
    new Uint8Array(shared).set(model)
    return shared
  },
  'a typed array within a buffer': () => {
    const buffer = new Uint8Array(model.length + 8)
    buffer.set(model, 3)
    return buffer.subarray(3, 3 + model.length)
  },
  'a DataView': () => new DataView(Uint8Array.from(model).buffer),
  'a Blob': () => new Blob([Uint8Array.from(model)]),
  'a stream': () => new Blob([Uint8Array.from(model)]).stream(),
  'a response': () => new Response(Uint8Array.from(model)),
}

for (const [name, source] of Object.entries(sources))
  test(`a model from ${name}, plainly and with its progress and hash`, async () => {
    assert.equal(await predict(source()), expected)
    const progress: Progress[] = []
    const options = { onProgress: (event: Progress) => progress.push(event), integrity: hashOf(model) }
    assert.equal(await predict(source(), options), expected)
    const { loaded, total } = progress.at(-1)!
    assert.equal([loaded, total], [model.length, model.length])
    for (const [index, event] of progress.entries()) assert.ok(event.loaded >= (progress[index - 1]?.loaded ?? 0))
  })

test('loadOnnx and loadKeras take them, too', async () => {
  const loaded = await loadOnnx(new Blob([Uint8Array.from(model)]), { integrity: hashOf(model, 'sha512') })
  assert.equal((await loaded.predict(x)).toNumbers(), expected)
  await rejects(loadKeras(address, { integrity: hashOf(external.model) }), 'INVALID_DATA', /its hash is/)
})

test('progress tells the address and the size that the server gives', async () => {
  const progress: Progress[] = []
  await predict(address, { onProgress: (event) => progress.push(event) })
  for (const event of progress) {
    assert.is(event.address, address)
    assert.is(event.total, model.length)
  }
})

test('faults of servers are told', async () => {
  await rejects(predict(`${origin}/missing`), 'DATA_NOT_FOUND', /missing: the server answered 404/)
  await rejects(predict(`${origin}/page`), 'DATA_NOT_FOUND', /answered with a page \(text\/html\)/)
  await rejects(predict(await fetch(`${origin}/page`)), 'DATA_NOT_FOUND', /\/page: the server answered with a page/)
  await rejects(predict(`${origin}/broken`), 'IO_ERROR', /broke off/)
  await rejects(predict(`${origin}/broken`, { onProgress: () => {} }), 'IO_ERROR', /broke off/)
  await rejects(
    predict('http://127.0.0.1:1/model.onnx'),
    'IO_ERROR',
    /cannot fetch http:\/\/127\.0\.0\.1:1.*is the address right/,
  )
  await rejects(predict(join(folder, 'none.onnx')), 'DATA_NOT_FOUND', /there is no file/)
})

test('what is no file is refused, as is a stream of something else', async () => {
  await rejects(predict(5 as unknown as Source), 'INVALID_ARGUMENT', /path, its URL/)
  const words = new ReadableStream({ start: (controller) => controller.enqueue('word') })
  await rejects(predict(words, { onProgress: () => {} }), 'IO_ERROR', /other than bytes/)
})

test('an abort rejects with its reason: before, and in the midst of a transfer', async () => {
  const reason = new Error('enough')
  const slow: readonly LoadOptions[] = [{}, { onProgress: () => {} }]
  for (const options of slow)
    for (const source of [`${origin}/slow`, new ReadableStream<Uint8Array>()]) {
      const controller = new AbortController()
      const loading = predict(source, { ...options, signal: controller.signal })
      setTimeout(() => controller.abort(reason), 20)
      assert.is(await loading.catch((error) => error), reason)
    }
  assert.is(await predict(path, { signal: AbortSignal.abort(reason) }).catch((error) => error), reason)
})

test('integrity: the strongest of several hashes counts; a wrong one is told; the form is checked', async () => {
  const wrong = hashOf(external.model)
  assert.equal(await predict(path, { integrity: `${wrong} ${hashOf(model, 'sha384')}` }), expected)
  assert.equal(await predict(path, { integrity: `${wrong} ${hashOf(model)}` }), expected)
  const mismatch = predict(path, { integrity: `${hashOf(model)} ${hashOf(external.model, 'sha384')}` })
  await rejects(mismatch, 'INVALID_DATA', /model\.onnx: its hash is sha384-.*, not sha384-.*not used/)
  for (const integrity of ['', 'md5-abc', 'sha256-abc', hashOf(model).slice(0, -5)])
    await rejects(predict(path, { integrity }), 'INVALID_ARGUMENT', /is not of the form sha256-/)
})

test('a kept model is not asked for again; one whose hash is wrong is not kept, and replaced', async () => {
  requests = []
  for (const cache of [true, 'models-of-mine']) {
    assert.equal(await predict(address, { cache }), expected)
    assert.equal(await predict(address, { cache, integrity: hashOf(model) }), expected)
  }
  assert.equal(requests, ['/model.onnx', '/model.onnx'])
  const kept = join(folder, 'cache/lanewise/models/lanewise')
  const [name] = readdirSync(kept)
  writeFileSync(join(kept, name), model.subarray(0, 50))
  assert.equal(await predict(address, { cache: true, integrity: hashOf(model) }), expected)
  assert.equal(await predict(address, { cache: true, integrity: hashOf(model) }), expected)
  assert.is(requests.length, 3)
  await rejects(
    predict(`${origin}/external/weights.bin`, { cache: 'others', integrity: hashOf(model) }),
    'INVALID_DATA',
    /hash/,
  )
  assert.throws(() => readdirSync(join(folder, 'cache/lanewise/models/others')), /ENOENT/)
})

test('external data: beside the model, or given as content, by an address, a blob', async () => {
  const whole = { 'model.onnx': hashOf(external.model), 'weights.bin': hashOf(external.weights) }
  for (const cache of [false, 'several']) {
    const load = (integrity: string | Record<string, string>) =>
      predict(`${origin}/external/model.onnx?v=1`, { integrity, cache })
    assert.equal(await load(whole), expected)
    await rejects(
      load(hashOf(external.model)),
      'INVALID_ARGUMENT',
      /has 'weights.bin', too: give the hashes of all by name/,
    )
    await rejects(load({ 'model.onnx': whole['model.onnx'] }), 'INVALID_ARGUMENT', /no hash for 'weights.bin'/)
    await rejects(load({ 'weights.bin': whole['weights.bin'] }), 'INVALID_ARGUMENT', /no hash for 'model.onnx'/)
    await rejects(load({ ...whole, 'weights.bin': hashOf(model) }), 'INVALID_DATA', /weights.bin.*its hash is/)
  }
  const content = { externalData: { 'weights.bin': external.weights } }
  assert.equal(
    await predict(external.model, {
      ...content,
      integrity: { model: hashOf(external.model), 'weights.bin': whole['weights.bin'] },
    }),
    expected,
  )
  assert.equal(await predict(external.model, { ...content, integrity: hashOf(external.model) }), expected)
  await rejects(
    predict(external.model, { ...content, integrity: { model: hashOf(external.model), 'weights.bin': hashOf(model) } }),
    'INVALID_DATA',
    /its hash is/,
  )
  const given: readonly Source[] = [
    external.weights,
    `${origin}/external/weights.bin`,
    new Blob([Uint8Array.from(external.weights)]),
  ]
  for (const source of given)
    assert.equal(await predict(external.model, { externalData: { 'weights.bin': source } }), expected)
  await rejects(predict(external.model), 'INVALID_MODEL', /'weights\.bin': the file was not given/)
  const other = { externalData: { 'weights.bin': `${origin}/external/none.bin` } }
  await rejects(predict(external.model, other), 'DATA_NOT_FOUND', /none\.bin: the server answered 404/)
})

test.after(() => {
  server.close()
  server.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

test.run()
