import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { LanewiseError, type Layer, loadLayers } from '../src/index.js'
import { agreesInOnnx, around, far, inTraining, predictions, survivesJson, values } from './support/layers.js'

const rare = await loadLayers()
const random = new RandomGenerator(21)
const range = (length: number): number[] => Array.from({ length }, (_, i) => i)
/** Noise in [0, top). */
const noise = (top: number, ...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => top * random.uniform()),
    dims,
  )
const filled = (value: (y: number) => number, ...dims: number[]) => {
  const [, height, width, channels] = dims
  const data = range(dims.reduce((a, b) => a * b, 1)).map((i) => value(Math.floor(i / (width * channels)) % height))
  return new Tensor('float32', data, dims)
}
const refuses = (make: () => unknown, message: RegExp) =>
  assert.throws(make, (error: unknown) => error instanceof LanewiseError && message.test(error.message))
/** The layer alone in a model, at rest. */
async function atRest(layer: Layer, x: Tensor): Promise<number[]> {
  const net = around(layer, [x.dims.slice(1)])
  const [y] = await predictions(net, [x])
  await survivesJson(net, [x])
  net.dispose()
  return values(y)
}

/** Ranks of all values of a channel of a batch, spread over the range: the textbook's formula, by sorting. */
function equalized(x: Tensor, [low, high] = [0, 255], bins = 256): number[] {
  const channels = x.dims[3]
  const all = values(x).map((value) => ((value - low) * 255) / (high - low))
  const binOf = (value: number) => Math.min(bins - 1, Math.max(0, Math.floor((value / 255) * (bins - 1) + 1e-9)))
  return all.map((value, i) => {
    const peers = all.filter((_, k) => k % channels === i % channels).map(binOf)
    const upTo = (bin: number) => peers.filter((peer) => peer <= bin).length
    const least = upTo(Math.min(...peers))
    if (least === peers.length) return (value * (high - low)) / 255 + low
    const share = Math.round((255 * (upTo(binOf(value)) - least)) / (peers.length - least))
    return (share * (high - low)) / 255 + low
  })
}

test('equalization ranks the values of a channel within the batch', async () => {
  const x = noise(256, 2, 6, 5, 3)
  assert.ok(far(values(await inTraining(rare.equalization(), x)), equalized(x)) < 1e-3)
  const unit = noise(1, 2, 6, 5, 2)
  const scaled = values(await inTraining(rare.equalization({ valueRange: [0, 1], bins: 16 }), unit))
  assert.ok(far(scaled, equalized(unit, [0, 1], 16)) < 1e-5)
  const signed = new Tensor(
    'float32',
    values(unit).map((value) => 2 * value - 1),
    unit.dims,
  )
  const around0 = values(await inTraining(rare.equalization({ valueRange: [-1, 1] }), signed))
  assert.ok(far(around0, equalized(signed, [-1, 1])) < 1e-5)
})

test('equalization leaves what has every level as often, and one colour; three bands become black, grey, white', async () => {
  const even = new Tensor(
    'float32',
    range(1024).map((i) => (i * 37) % 256),
    [2, 16, 32, 1],
  )
  assert.equal(values(await inTraining(rare.equalization(), even)), values(even))
  const flat = filled(() => 128, 1, 8, 8, 3)
  assert.equal(values(await inTraining(rare.equalization(), flat)), values(flat))
  const bands = filled((y) => (y < 3 ? 50 : y < 6 ? 100 : 200), 1, 9, 4, 3)
  assert.equal([...new Set(values(await inTraining(rare.equalization(), bands)))], [0, 128, 255])
})

test('equalization: channels first alike, and as in Keras nothing in inference', async () => {
  const x = noise(256, 2, 4, 5, 3)
  const [batch, height, width, channels] = x.dims
  const flip = (list: readonly number[]) =>
    range(batch * channels * height * width).map((i) => {
      const [w, h] = [i % width, Math.floor(i / width) % height]
      const [c, n] = [Math.floor(i / (width * height)) % channels, Math.floor(i / (width * height * channels))]
      return list[((n * height + h) * width + w) * channels + c]
    })
  const first = new Tensor('float32', flip(values(x)), [batch, channels, height, width])
  const layer = rare.equalization({ dataFormat: 'channels_first' })
  assert.equal(values(await inTraining(layer, first)), flip(values(await inTraining(rare.equalization(), x))))
  assert.equal(await atRest(rare.equalization({ bins: 64 }), x), values(x))
  refuses(() => rare.equalization({ bins: 0 }), /bins/)
  assert.equal(rare.equalization({ name: 'e' }).getConfig()['bins'], 256)
})

/** Tables of tiles by plain loops; pixels between four of them. */
function adaptive(x: Tensor, [rows, columns]: readonly number[], clipLimit: number, top = 255): number[] {
  const [, height, width, channels] = x.dims
  const [tall, wide] = [Math.ceil(height / rows), Math.ceil(width / columns)]
  const all = values(x)
  const level = (n: number, y: number, x: number, c: number) => {
    const turn = (i: number, size: number): number => (i < size ? i : turn(Math.abs(2 * size - 1 - i), size))
    return Math.trunc((all[((n * height + turn(y, height)) * width + turn(x, width)) * channels + c] * 255) / top)
  }
  const tables = new Map<string, number[]>()
  const tableOf = (n: number, row: number, column: number, c: number): number[] => {
    const key = [n, row, column, c].join()
    const known = tables.get(key)
    if (known) return known
    const counts = new Array<number>(256).fill(0)
    for (let y = row * tall; y < (row + 1) * tall; y++)
      for (let x = column * wide; x < (column + 1) * wide; x++) counts[level(n, y, x, c)]++
    const limit = clipLimit > 0 ? (clipLimit * tall * wide) / 256 : Number.POSITIVE_INFINITY
    const excess = counts.reduce((sum, count) => sum + Math.max(0, count - limit), 0)
    const limited = counts.map((count) => Math.min(count, limit) + excess / 256)
    const sums: number[] = []
    for (const count of limited) sums.push((sums.at(-1) ?? 0) + count)
    const rest = tall * wide - sums[0] || 1
    const table = sums.map((value) => Math.min(255, Math.max(0, (255 * (value - sums[0])) / rest)))
    tables.set(key, table)
    return table
  }
  const within = (i: number, size: number) => Math.min(size - 1, Math.max(0, i))
  return range(all.length).map((i) => {
    const c = i % channels
    const [u, v] = [Math.floor(i / channels) % width, Math.floor(i / (channels * width)) % height]
    const n = Math.floor(i / (channels * width * height))
    const [row, column] = [v / tall - 0.5, u / wide - 0.5]
    const [down, right] = [row - Math.floor(row), column - Math.floor(column)]
    const at = (below: number, beside: number) =>
      tableOf(n, within(Math.floor(row) + below, rows), within(Math.floor(column) + beside, columns), c)[
        level(n, v, u, c)
      ]
    const line = (below: number) => (1 - right) * at(below, 0) + right * at(below, 1)
    return (((1 - down) * line(0) + down * line(1)) * top) / 255
  })
}

const grids = {
  'tiles that fit': [[2, 2], 4],
  'tiles with a margin, without a limit': [[3, 2], 0],
  'tiles of single pixels, more than the image has': [[9, 8], 4],
  'one tile, a low limit': [[1, 1], 1.5],
} as const

for (const [what, [tileGridSize, clipLimit]] of Object.entries(grids))
  test(`contrastLimitedAdaptiveHistogramEqualization: ${what}`, async () => {
    const x = noise(256, 2, 8, 6, 3)
    const make = () => rare.contrastLimitedAdaptiveHistogramEqualization({ tileGridSize, clipLimit })
    const expected = adaptive(x, tileGridSize, clipLimit)
    assert.ok(far(await atRest(make(), x), expected) < 1e-2, String(far(await atRest(make(), x), expected)))
    assert.ok(far(values(await inTraining(make(), x)), expected) < 1e-2)
    const net = around(make(), [[8, 6, 3]])
    await agreesInOnnx(net, [x], 1e-2)
    net.dispose()
  })

test('contrastLimitedAdaptiveHistogramEqualization: ranges of values, integers, options', async () => {
  const unit = noise(1, 1, 8, 8, 1)
  const layer = rare.contrastLimitedAdaptiveHistogramEqualization({ valueRange: [0, 1], tileGridSize: [2, 2] })
  assert.ok(far(await atRest(layer, unit), adaptive(unit, [2, 2], 4, 1)) < 1e-4)
  const config = rare.contrastLimitedAdaptiveHistogramEqualization({ name: 'clahe' }).getConfig()
  assert.equal([config['clip_limit'], config['tile_grid_size'], config['value_range']], [4, [8, 8], [0, 255]])
  refuses(
    () => rare.contrastLimitedAdaptiveHistogramEqualization({ tileGridSize: [8, 0] }),
    /tileGridSize must be \[rows, columns\]/,
  )
})

test.run()
