import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../src/core/ir.js'
import { RandomGenerator, uniforms } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { LanewiseError, Layer, loadLayers } from '../src/index.js'
import { sampleImages } from '../src/keras/layers/affine.js'
import type { CallContext } from '../src/keras/layers/context.js'
import { perspective } from '../src/keras/layers/random-warps.js'
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

/** The image at a point between its pixels; `outside` tells which pixel stands at a place beyond them, -1: none. */
function between(x: Tensor, n: number, v: number, u: number, c: number, outside: (i: number, size: number) => number) {
  const [, height, width, channels] = x.dims
  const data = x.data as Float32Array
  const pixel = (row: number, column: number) => {
    const [y, z] = [outside(row, height), outside(column, width)]
    return y < 0 || z < 0 ? 0 : data[((n * height + y) * width + z) * channels + c]
  }
  const [top, left] = [Math.floor(v), Math.floor(u)]
  const line = (row: number) => (1 - (u - left)) * pixel(row, left) + (u - left) * pixel(row, left + 1)
  return (1 - (v - top)) * line(top) + (v - top) * line(top + 1)
}
const blank = (i: number, size: number) => (i >= 0 && i < size ? i : -1)
const mirror = (i: number, size: number) => {
  const turn = ((i % (2 * size)) + 2 * size) % (2 * size)
  return turn < size ? turn : 2 * size - 1 - turn
}
/** All pixels [y, x] of all images. */
const everywhere = ({ dims }: Tensor, value: (n: number, y: number, x: number, c: number) => number): number[] =>
  range(dims[0]).flatMap((n) =>
    range(dims[1]).flatMap((y) => range(dims[2]).flatMap((x) => range(dims[3]).map((c) => value(n, y, x, c)))),
  )

type Point = readonly [x: number, y: number]

/** The projective map that takes four points to four others, from its eight linear equations. */
function homography(from: readonly Point[], to: readonly Point[]): (point: Point) => Point {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i]
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ]
  })
  range(8).forEach((k) => {
    const best = range(8)
      .slice(k)
      .reduce((a, b) => (Math.abs(rows[b][k]) > Math.abs(rows[a][k]) ? b : a), k)
    ;[rows[k], rows[best]] = [rows[best], rows[k]]
    rows.forEach((row, i) => {
      const factor = row[k] / rows[k][k]
      if (i !== k) rows[i] = row.map((value, j) => value - factor * rows[k][j])
    })
  })
  const [a, b, c, d, e, f, g, h] = rows.map((row, k) => row[8] / row[k])
  return ([x, y]) => {
    const depth = g * x + h * y + 1
    return [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
  }
}
const cornersOf = (height: number, width: number): Point[] => [
  [0, 0],
  [width - 1, 0],
  [0, height - 1],
  [width - 1, height - 1],
]

/** `perspective` for the same corners each time. */
class Warp extends Layer<object> {
  static override readonly fields = {}
  readonly ends: readonly Point[] = []
  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [, height, width] = x.shape.map(Number)
    const [, [right], [, down], [u, v]] = this.ends
    const points = perspective(emit, x, {
      topRight: emit.scalar(right / (width - 1)),
      bottomLeft: emit.scalar(down / (height - 1)),
      bottomRight: [emit.scalar(u / (width - 1)), emit.scalar(v / (height - 1))],
    })
    return sampleImages(emit, x, points, { fillMode: 'constant', fillValue: 0, interpolation: 'bilinear' })
  }
}
const warp = (ends: readonly Point[]) => Object.assign(new Warp({}), { ends })

/** Corners and boxes as Keras's own test of RandomPerspective has them: images of 10 rows and 8 columns. */
const kerasBoxes = [
  {
    ends: [
      [0, 0],
      [8.151311, 0],
      [0, 12.695701],
      [9.2712054, 10.524198],
    ],
    boxes: [
      [2.6490488, 1.1149256, 5.2026834, 3.6187303],
      [7.5547166, 4.2492595, 8, 6.869391],
    ],
  },
  {
    ends: [
      [0, 0],
      [4.151311, 0],
      [0, 6.695701],
      [4.2712054, 7.524198],
    ],
    boxes: [
      [1.095408, 0.7504317, 2.2761598, 2.3389952],
      [3.5416048, 3.2349987, 4.920989, 5.0568376],
    ],
  },
] as const

test('perspective is the projective map by four corners, as Keras moves boxes and images', async () => {
  const starts = cornersOf(10, 8)
  const x = noise(256, 1, 10, 8, 2)
  for (const { ends, boxes } of kerasBoxes) {
    const there = homography(starts, ends)
    const moved = [
      [2, 1, 4, 3],
      [6, 4, 8, 6],
    ].map(([left, top, right, bottom]) => {
      const all = [there([left, top]), there([right, bottom]), there([left, bottom]), there([right, top])]
      const [xs, ys] = [all.map(([x]) => Math.min(8, x)), all.map(([, y]) => Math.min(10, y))]
      return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
    })
    assert.ok(far(moved.flat(), boxes.flat()) < 1e-3)
    const back = homography(ends, starts)
    const expected = everywhere(x, (n, v, u, c) => {
      const [column, row] = back([u, v])
      return between(x, n, row, column, c, blank)
    })
    assert.ok(far(values(await inTraining(warp(ends), x)), expected) < 2e-2)
  }
  const ones = new Tensor('float32', new Float32Array(16).fill(1), [1, 4, 4, 1])
  const quarter = await inTraining(
    warp([
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]),
    ones,
  )
  assert.equal(values(quarter), [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
})

/** Number n of those that a layer of seed 9 draws for its `stream`-th random op in step 0. */
const drawn = (count: number, stream: number) => uniforms(count, 9, stream, 0)

test('randomPerspective moves three corners of an image by up to half of its sides', async () => {
  const x = noise(256, 4, 6, 5, 2)
  const layer = rare.randomPerspective({ factor: [0.2, 0.9], scale: 0.6, fillValue: 0, seed: 9 })
  const [threshold, probability, ...corners] = range(6).map((stream) => drawn(4, stream))
  const by = corners.map((stream) => Array.from(stream, (u) => 0.7 + 0.6 * u))
  const happens = range(4).map((n) => threshold[n] < 0.2 + (0.9 - 0.2) * probability[n])
  assert.equal([...new Set(happens)].length, 2)
  const maps = range(4).map((n) => {
    const [p, q, r, s] = by.map((list) => list[n])
    const ends: Point[] = [
      [0, 0],
      [4 * p, 0],
      [0, 5 * q],
      [4 * r, 5 * s],
    ]
    return homography(ends, cornersOf(6, 5))
  })
  const expected = everywhere(x, (n, v, u, c) => {
    const [column, row] = maps[n]([u, v])
    return happens[n] ? between(x, n, row, column, c, blank) : values(x)[((n * 6 + v) * 5 + u) * 2 + c]
  })
  assert.ok(far(values(await inTraining(layer, x)), expected) < 2e-2)
})

test('randomElasticTransform moves pixels by smooth noise', async () => {
  const [batch, height, width] = [2, 50, 24]
  const x = noise(256, batch, height, width, 1)
  const layer = rare.randomElasticTransform({ factor: [1, 1], scale: [0.9, 1], seed: 9 })
  const size = batch * height * width
  const scale = 0.9 + 0.1 * drawn(1, 2)[0]
  const [sigma, alpha] = [0.05 * 24 * scale, 0.1 * 50 * scale]
  assert.is(Math.floor(sigma), 1)
  const heights = range(7).map((i) => Math.exp(-0.5 * ((i - 3) / sigma) ** 2))
  const bell = heights.map((value) => value / heights.reduce((a, b) => a + b))
  const fields = [3, 5].map((stream) => {
    const [radius, turn] = [drawn(size, stream), drawn(size, stream + 1)]
    const noise = range(size).map(
      (i) => Math.sqrt(-2 * Math.log(1 - radius[i])) * Math.cos(2 * Math.PI * turn[i]) * sigma,
    )
    const at = (n: number, v: number, u: number) =>
      v < 0 || u < 0 || v >= height || u >= width ? 0 : noise[(n * height + v) * width + u]
    return (n: number, v: number, u: number) =>
      range(49).reduce((sum, i) => {
        const [dv, du] = [Math.floor(i / 7), i % 7]
        return sum + alpha * bell[dv] * bell[du] * at(n, v + dv - 3, u + du - 3)
      }, 0)
  })
  const expected = everywhere(x, (n, v, u, c) =>
    between(x, n, v + fields[1](n, v, u), u + fields[0](n, v, u), c, mirror),
  )
  const changed = values(await inTraining(layer, x))
  assert.ok(far(changed, expected) < 2e-2, String(far(changed, expected)))
  assert.ok(far(changed, values(x)) > 50)
})

const warps: Readonly<Record<string, (options: object) => Layer>> = {
  randomPerspective: (options) => rare.randomPerspective(options),
  randomElasticTransform: (options) => rare.randomElasticTransform(options),
}

for (const [name, make] of Object.entries(warps))
  test(`${name}: nothing in inference, nor by a factor or a scale of 0; channels first; the same bits on any thread count`, async () => {
    const x = noise(256, 4, 24, 30, 3)
    assert.equal(await atRest(make({}), x), values(x))
    assert.equal(values(await inTraining(make({ factor: 0 }), x)), values(x))
    assert.ok(far(values(await inTraining(make({ scale: 0 }), x)), values(x)) < 1e-2)
    const one = values(await inTraining(make({}), x, 7))
    assert.equal(values(await inTraining(make({}), x, 7, 2)), one)
    assert.not.equal(values(await inTraining(make({}), x, 8)), one)
    const planes = new Tensor('float32', x.data, [4, 24, 10, 9])
    const turned = await inTraining(make({ dataFormat: 'channels_first', factor: 0 }), planes)
    assert.equal([turned.dims, values(turned)], [planes.dims, values(planes)])
    refuses(() => make({ scale: 1.5 }), /scale must be/)
    refuses(() => make({ interpolation: 'cubic' }), /interpolation must be one of nearest, bilinear/)
  })

test('maxNumBoundingBoxes lets images pass', async () => {
  const x = noise(256, 2, 3, 4, 3)
  assert.equal(await atRest(rare.maxNumBoundingBoxes({ maxNumber: 5 }), x), values(x))
  assert.equal(values(await inTraining(rare.maxNumBoundingBoxes({ maxNumber: 5 }), x)), values(x))
  const { max_number, fill_value } = rare.maxNumBoundingBoxes({ maxNumber: 5, fillValue: 0 }).getConfig()
  assert.equal([max_number, fill_value], [5, undefined])
})

test.run()
