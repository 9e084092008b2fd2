import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encode } from 'fast-png'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { Tensor } from '../src/core/tensor.js'
import { writeFileAtomic } from '../src/core/write-files.js'
import { gunzip } from '../src/data/compression.js'
import { classIndices, confusionMatrix } from '../src/data/confusion.js'
import { parseIdx } from '../src/data/idx.js'
import { toCategorical } from '../src/data/labels.js'
import { mnist } from '../src/data/mnist.js'
import { formatNpy, parseNpy } from '../src/data/npy.js'
import { readDrawing, toDigitImage } from '../src/data/picture.js'
import { formatSafetensors, parseSafetensors } from '../src/data/safetensors.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { serve } from './embed/server.js'

const idx = (type: number, dims: readonly number[], payload: readonly number[]) =>
  Uint8Array.from([0, 0, type, dims.length, ...dims.flatMap((dim) => [0, 0, dim >> 8, dim & 255]), ...payload])

/** Runs `attempt` and returns the code of the LanewiseError it throws. */
async function codeOf(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    return error instanceof LanewiseError ? error.code : `not a LanewiseError: ${error}`
  }
}

const withFolder = async (use: (folder: string) => Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('IDX: bytes and big-endian elements', () => {
  assert.equal(parseIdx(idx(0x08, [2, 2], [1, 2, 3, 4])).toNumbers(), [1, 2, 3, 4])
  const wide = parseIdx(idx(0x0b, [2], [0x01, 0x02, 0xff, 0xfe]))
  assert.is(wide.type, 'int16')
  assert.equal(wide.toNumbers(), [0x0102, -2])
})

test('IDX: a truncated, overlong or foreign file is refused', async () => {
  const whole = idx(0x08, [2, 2], [1, 2, 3, 4])
  for (let length = 0; length < whole.length; length++)
    assert.is(await codeOf(() => parseIdx(whole.subarray(0, length))), 'INVALID_DATA', `${length} bytes`)
  assert.is(await codeOf(() => parseIdx(Uint8Array.from([...whole, 0]))), 'INVALID_DATA')
  assert.is(await codeOf(() => parseIdx(idx(0x77, [1], [1]))), 'INVALID_DATA')
})

test('gzip: cut short is refused', async () => {
  const packed = gzipSync(idx(0x08, [4], [1, 2, 3, 4]))
  assert.equal(parseIdx(await gunzip(packed, 'a')).toNumbers(), [1, 2, 3, 4])
  assert.is(await codeOf(() => gunzip(packed.subarray(0, packed.length - 5), 'a')), 'INVALID_DATA')
})

test('npy: every dtype survives the round trip', () => {
  for (const dtype of ['float32', 'float64', 'int8', 'uint8', 'int32', 'bool'] as const) {
    const tensor = new Tensor(dtype, [1, 0, 1, 1, 0, 1], [2, 3])
    const back = parseNpy(formatNpy(tensor))
    assert.equal([back.type, back.dims, back.toNumbers()], [dtype, [2, 3], [1, 0, 1, 1, 0, 1]])
  }
  const scalar = parseNpy(formatNpy(Tensor.scalar(7, 'int64')))
  assert.equal([scalar.type, scalar.dims, scalar.toNumbers()], ['int64', [], [7]])
})

test("files in Node's Buffers, which lie somewhere in a pool, are read like others", () => {
  const tensor = new Tensor('float32', [1, 2, 3], [3])
  const npy = Buffer.from(formatNpy(tensor))
  assert.ok(npy.byteLength < npy.buffer.byteLength)
  assert.equal(parseNpy(npy).toNumbers(), [1, 2, 3])
  const weights = Buffer.from(formatSafetensors({ tensors: new Map([['w', tensor]]), metadata: {} }))
  assert.equal(parseSafetensors(weights).tensors.get('w')?.toNumbers(), [1, 2, 3])
})

test('npy: truncated is refused', async () => {
  const whole = formatNpy(new Tensor('float32', [1, 2, 3], [3]))
  for (const length of [0, 5, 11, 40, whole.length - 1])
    assert.is(await codeOf(() => parseNpy(whole.subarray(0, length))), 'INVALID_DATA')
})

test('one-hot rows, and labels out of range', async () => {
  assert.equal(toCategorical(new Tensor('uint8', [2, 0], [2]), 3).toNumbers(), [0, 0, 1, 1, 0, 0])
  assert.is(await codeOf(() => toCategorical(new Tensor('uint8', [3], [1]), 3)), 'INVALID_DATA')
})

test('synthetic digits: seeded, in range, all classes, with ink', () => {
  const { x, y } = syntheticDigits(200, 3)
  const pixels = x.data as Float32Array
  assert.equal(x.dims, [200, 28, 28, 1])
  assert.equal(syntheticDigits(200, 3).x.data, x.data)
  assert.not.equal(syntheticDigits(200, 4).x.data, x.data)
  assert.is(new Set(y.toNumbers()).size, 10)
  for (let image = 0; image < 200; image++) {
    const ink = pixels.subarray(image * 784, (image + 1) * 784).reduce((sum, pixel) => sum + pixel, 0)
    assert.ok(ink > 20 && ink < 300, `image ${image} has ink ${ink}`)
  }
  assert.ok(pixels.every((pixel) => pixel >= 0 && pixel <= 1))
})

const idxFolder = (folder: string, images: Uint8Array) => {
  const labels = gzipSync(idx(0x08, [2], [7, 3]))
  for (const part of ['train', 't10k']) {
    writeFileSync(join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(images))
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte.gz`), labels)
  }
}

test('mnist reads IDX files from a folder and scales the pixels', () =>
  withFolder(async (folder) => {
    idxFolder(folder, idx(0x08, [2, 1, 2], [0, 255, 51, 102]))
    const { train, test: held, synthetic } = await mnist({ dataDir: folder })
    assert.not(synthetic)
    assert.equal(train.x.dims, [2, 1, 2, 1])
    assert.equal(Array.from(train.x.data as Float32Array), [0, 1, 0.2, 0.4].map(Math.fround))
    assert.equal(held.y.toNumbers(), [7, 3])
  }))

test('mnist from files by name, and from an address', () =>
  withFolder(async (folder) => {
    idxFolder(folder, idx(0x08, [2, 1, 2], [0, 255, 51, 102]))
    const files = Object.fromEntries(
      readdirSync(folder).map((name) => [name.replace('.gz', ' (1).gz'), readFileSync(join(folder, name))]),
    )
    const wanted = Array.from([0, 1, 0.2, 0.4], Math.fround)
    const given = await mnist({ files })
    assert.not(given.synthetic)
    assert.equal(Array.from(given.test.x.data as Float32Array), wanted)
    const server = await serve({ folders: { '/mnist/': folder } })
    try {
      const fetched = await mnist({ address: `${server.origin}/mnist/` })
      assert.equal(Array.from(fetched.train.x.data as Float32Array), wanted)
      assert.equal(fetched.train.y.toNumbers(), [7, 3])
      assert.is(await codeOf(() => mnist({ address: `${server.origin}/mnist.npz` })), 'DATA_NOT_FOUND')
    } finally {
      await server.close()
    }
    assert.is(await codeOf(() => mnist({ files: { 'a.txt': new Uint8Array(3) } })), 'DATA_NOT_FOUND')
    assert.is(await codeOf(() => mnist({ files: { 'mnist.npz': new Uint8Array(3) } })), 'INVALID_DATA')
  }))

test('confusion matrix: rows are the true classes, scores count by their highest', async () => {
  const actual = new Tensor('uint8', [0, 1, 2, 2, 1], [5])
  const scores = new Tensor('float32', [0.9, 0.1, 0, 0, 0.2, 0.8, 0.1, 0.2, 0.7, 0.5, 0.3, 0.2, 0, 1, 0], [5, 3])
  const wanted = [
    [1, 0, 0],
    [0, 1, 1],
    [1, 0, 1],
  ]
  assert.equal(confusionMatrix(actual, scores), wanted)
  assert.equal(confusionMatrix(toCategorical(actual, 3), new Tensor('int64', [0, 2, 2, 0, 1], [5])), wanted)
  assert.equal(classIndices(scores), [0, 2, 2, 0, 1])
  assert.is(await codeOf(() => confusionMatrix(actual, scores, 2)), 'INVALID_DATA')
  assert.is(await codeOf(() => confusionMatrix(actual, new Tensor('uint8', [1], [1]))), 'SHAPE_MISMATCH')
})

test('mnist: an explicit folder without data, or with a broken file, is an error and no fallback', () =>
  withFolder(async (folder) => {
    assert.is(await codeOf(() => mnist({ dataDir: folder })), 'DATA_NOT_FOUND')
    idxFolder(folder, idx(0x08, [2, 1, 2], [0, 255, 51]))
    assert.is(await codeOf(() => mnist({ dataDir: folder })), 'INVALID_DATA')
  }))

test('mnist: the synthetic fallback says so', () =>
  withFolder(async (folder) => {
    const places = { LANEWISE_DATA: process.env.LANEWISE_DATA, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME }
    const home = process.cwd()
    try {
      Object.assign(process.env, { LANEWISE_DATA: folder, XDG_CACHE_HOME: folder })
      process.chdir(folder)
      const notices: string[] = []
      const data = await mnist({ download: false, onNotice: (text) => notices.push(text) })
      assert.ok(data.synthetic)
      assert.match(data.source, 'synthetic')
      assert.is(notices.length, 1)
      assert.match(notices[0], 'SYNTHETIC')
      mkdirSync(join(folder, 'work'))
      process.chdir(join(folder, 'work'))
      idxFolder(process.cwd(), idx(0x08, [2, 1, 2], [0, 255, 51]))
      process.env.LANEWISE_DATA = ''
      assert.ok(
        (await mnist({ download: false, onNotice: () => {} })).synthetic,
        'an empty LANEWISE_DATA names no folder',
      )
    } finally {
      process.chdir(home)
      for (const [name, value] of Object.entries(places)) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
  }))

test('PNG: a dark digit on white becomes a light one on black', async () => {
  const width = 56
  const data = new Uint8Array(width * width).fill(255)
  for (let y = 10; y < 46; y++) for (let x = 26; x < 30; x++) data[y * width + x] = 0
  const image = toDigitImage(await readDrawing(encode({ width, height: width, data, channels: 1, depth: 8 })), 28, 28)
  const pixels = image.data as Float32Array
  assert.equal(image.dims, [1, 28, 28, 1])
  assert.is(pixels[14 * 28 + 13], 1)
  assert.is(pixels[0], 0)
})

test('PNG: rubbish is refused', async () => {
  assert.is(await codeOf(() => readDrawing(Uint8Array.from([1, 2, 3]))), 'INVALID_DATA')
})

test('files are written whole or not at all', () =>
  withFolder(async (folder) => {
    await writeFileAtomic(join(folder, 'a/b.txt'), 'hello')
    assert.equal(readdirSync(join(folder, 'a')), ['b.txt'])
    assert.is(await codeOf(() => writeFileAtomic(join(folder, 'a/b.txt/c'), 'x')), 'IO_ERROR')
    if (existsSync('/proc/self')) assert.is(await codeOf(() => writeFileAtomic('/proc/no/such.txt', 'x')), 'IO_ERROR')
    assert.equal(readdirSync(join(folder, 'a')), ['b.txt'])
  }))

test('a full disk leaves nothing behind', () =>
  withFolder(async (folder) => {
    const small = join(folder, 'small')
    try {
      execFileSync('sh', ['-c', 'mkdir "$0" && mount -t tmpfs -o size=64k tmpfs "$0"', small], { stdio: 'ignore' })
    } catch {
      console.log('SKIP full disk: this user may not mount a small file system')
      return
    }
    try {
      assert.is(await codeOf(() => writeFileAtomic(join(small, 'model.onnx'), new Uint8Array(1 << 20))), 'IO_ERROR')
      assert.equal(readdirSync(small), [])
    } finally {
      execFileSync('umount', [small])
    }
  }))

test.run()
