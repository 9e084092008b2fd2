import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator, uniforms } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { type Layer, layers, sequential } from '../src/keras/index.js'
import { agreesInOnnx, around, far, inTraining, predictions, survivesJson, values } from './support/layers.js'

const [batch, height, width, channels] = [3, 5, 6, 2]
const random = new RandomGenerator(3)
const pixels = (dims: readonly number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 255 * random.uniform(0, 1)),
    dims,
  )
const images = pixels([batch, height, width, channels])

type Pixel = (n: number, y: number, x: number, c: number) => number
const table = (h: number, w: number, pixel: Pixel, depth = channels): number[] => {
  const all: number[] = []
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) for (let c = 0; c < depth; c++) all.push(pixel(n, y, x, c))
  return all
}
const whole = values(images)
const source = (
  (all: number[]): Pixel =>
  (n, y, x, c) =>
    all[((n * height + y) * width + x) * channels + c]
)(whole)

/** TensorFlow 2's resizing along one axis: what each place adds, half-pixel centres. */
function taps(from: number, to: number, kernel: (x: number) => number, radius: number, antialias = false) {
  const scale = from / to
  const wide = antialias ? Math.max(1, scale) : 1
  return Array.from({ length: to }, (_, i) => {
    const weights = Array.from({ length: from }, (_, k) => {
      const x = Math.abs((k + 0.5 - (i + 0.5) * scale) / wide)
      return x < radius ? kernel(x) : 0
    })
    const sum = weights.reduce((a, b) => a + b, 0)
    return weights.map((weight) => weight / sum)
  })
}
type Kernel = 'bilinear' | 'bicubic' | 'lanczos3' | 'lanczos5'
const kernels: Readonly<Record<Kernel, readonly [(x: number) => number, number]>> = {
  bilinear: [(x) => 1 - x, 1],
  bicubic: [(x) => (x < 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2), 2],
  lanczos3: [(x) => lanczos(x, 3), 3],
  lanczos5: [(x) => lanczos(x, 5), 5],
}
const lanczos = (x: number, a: number) =>
  x === 0 ? 1 : (a * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / a)) / (Math.PI * x) ** 2

function resized(name: string, h: number, w: number, antialias = false, from: Pixel = source, size = [height, width]) {
  if (name === 'nearest')
    return table(h, w, (n, y, x, c) =>
      from(n, Math.floor(((y + 0.5) * size[0]) / h), Math.floor(((x + 0.5) * size[1]) / w), c),
    )
  const [kernel, radius] = kernels[name as Kernel]
  const rows = taps(size[0], h, kernel, radius, antialias)
  const columns = taps(size[1], w, kernel, radius, antialias)
  return table(h, w, (n, y, x, c) =>
    rows[y].reduce(
      (sum, weight, i) =>
        sum + weight * columns[x].reduce((line, other, k) => line + (other === 0 ? 0 : other * from(n, i, k, c)), 0),
      0,
    ),
  )
}

const options: Readonly<Record<string, readonly [number, number, boolean]>> = {
  enlarged: [9, 8, false],
  'made smaller': [3, 4, false],
  'made smaller, antialiased': [2, 3, true],
}

for (const [what, [h, w, antialias]] of Object.entries(options))
  for (const interpolation of ['nearest', ...(Object.keys(kernels) as Kernel[])] as const)
    test(`resizing by ${interpolation}: ${what}`, async () => {
      const net = around(layers.resizing({ height: h, width: w, interpolation, antialias }), [
        [height, width, channels],
      ])
      const [y] = await predictions(net, [images])
      assert.equal(y.dims, [batch, h, w, channels])
      assert.ok(far(values(y), resized(interpolation, h, w, antialias)) < 1e-3)
      await agreesInOnnx(net, [images], 1e-3)
      await survivesJson(net, [images])
      net.dispose()
    })

test('resizing keeps the ratio by a crop or by margins; integers stay integers; channels first', async () => {
  const crop = around(layers.resizing({ height: 8, width: 4, cropToAspectRatio: true }), [[height, width, channels]])
  // Twice as high as wide: 5 rows and floor(5 * 4 / 8) = 2 columns, from column 2 on.
  const window: Pixel = (n, y, x, c) => source(n, y, x + 2, c)
  assert.ok(
    far(values((await predictions(crop, [images]))[0]), resized('bilinear', 8, 4, false, window, [5, 2])) < 1e-3,
  )
  const pad = around(
    layers.resizing({ height: 4, width: 8, padToAspectRatio: true, fillValue: 7, interpolation: 'nearest' }),
    [[height, width, channels]],
  )
  // Half as high as wide: 10 columns, 2 of them on each side.
  const padded: Pixel = (n, y, x, c) => (x < 2 || x > 7 ? 7 : source(n, y, x - 2, c))
  assert.ok(far(values((await predictions(pad, [images]))[0]), resized('nearest', 4, 8, false, padded, [5, 10])) < 1e-3)
  const first = around(layers.resizing({ height: 2, width: 2, dataFormat: 'channels_first' }), [[1, 2, 4]])
  const [y] = await predictions(first, [new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4])])
  assert.equal(values(y), [1.5, 3.5, 5.5, 7.5])
  for (const net of [crop, pad, first]) net.dispose()
})

test('centerCrop takes the middle, or resizes what is smaller', async () => {
  const middle = around(layers.centerCrop({ height: 2, width: 3 }), [[height, width, channels]])
  const [y] = await predictions(middle, [images])
  assert.ok(
    far(
      values(y),
      table(2, 3, (n, y, x, c) => source(n, y + 1, x + 1, c)),
    ) === 0,
  )
  const grown = around(layers.centerCrop({ height: 6, width: 6 }), [[height, width, channels]])
  // The largest square of 5 rows and 6 columns is 5 by 5.
  assert.ok(
    far(values((await predictions(grown, [images]))[0]), resized('bilinear', 6, 6, false, source, [5, 5])) < 1e-3,
  )
  await agreesInOnnx(middle, [images])
  await survivesJson(grown, [images])
  for (const net of [middle, grown]) net.dispose()
})

/** The number that a layer draws for image `n`, from its own seed. */
const drawn = (n: number, low: number, high: number, stream = 0, step = 0, count = batch) =>
  low + (high - low) * uniforms(count, 9, stream, step)[n]

/** The pixel of an image that `mode` puts at whole places outside of it. */
const outside: Readonly<Record<string, (i: number, size: number) => number>> = {
  nearest: (i, size) => Math.min(Math.max(i, 0), size - 1),
  wrap: (i, size) => ((i % size) + size) % size,
  reflect: (i, size) => {
    const turn = ((i % (2 * size)) + 2 * size) % (2 * size)
    return turn < size ? turn : 2 * size - 1 - turn
  },
}
const fill = 11
/** The image at a point between pixels. */
function sample(n: number, y: number, x: number, c: number, mode: string, interpolation: string): number {
  const whole = (row: number, column: number) => {
    const beyond = row < 0 || column < 0 || row >= height || column >= width
    if (mode === 'constant' && beyond) return fill
    const place = outside[mode] ?? ((i: number) => i)
    return source(n, place(row, height), place(column, width), c)
  }
  if (interpolation === 'nearest') return whole(Math.floor(y + 0.5), Math.floor(x + 0.5))
  const [top, left] = [Math.floor(y), Math.floor(x)]
  const [v, u] = [y - top, x - left]
  const line = (row: number) => (1 - u) * whole(row, left) + u * whole(row, left + 1)
  return (1 - v) * line(top) + v * line(top + 1)
}

/** Where the pixel (x, y) of image n comes from. */
type Origin = (n: number, y: number, x: number) => readonly [y: number, x: number]
const middleOf = [(height - 1) / 2, (width - 1) / 2]
const maps: readonly (readonly [string, (options: object) => Layer, Origin])[] = [
  [
    'randomRotation',
    (rest) => layers.randomRotation({ factor: [-0.2, 0.4], seed: 9, ...rest }),
    (n, y, x) => {
      const angle = 2 * Math.PI * drawn(n, -0.2, 0.4)
      const [dy, dx] = [y - middleOf[0], x - middleOf[1]]
      return [
        middleOf[0] + dx * Math.sin(angle) + dy * Math.cos(angle),
        middleOf[1] + dx * Math.cos(angle) - dy * Math.sin(angle),
      ]
    },
  ],
  [
    'randomZoom',
    (rest) => layers.randomZoom({ heightFactor: 0.5, widthFactor: [-0.3, 0.9], seed: 9, ...rest }),
    (n, y, x) => [
      middleOf[0] + (y - middleOf[0]) * (1 + drawn(n, -0.5, 0.5)),
      middleOf[1] + (x - middleOf[1]) * (1 + drawn(n, -0.3, 0.9, 1)),
    ],
  ],
  [
    'randomTranslation',
    (rest) => layers.randomTranslation({ heightFactor: 0.5, widthFactor: [0.2, 0.6], seed: 9, ...rest }),
    (n, y, x) => [y - height * drawn(n, -0.5, 0.5), x - width * drawn(n, 0.2, 0.6, 1)],
  ],
]

for (const [name, make, origin] of maps)
  test(`${name}: each fill mode and interpolation by plain loops`, async () => {
    for (const fillMode of ['reflect', 'wrap', 'constant', 'nearest'])
      for (const interpolation of ['bilinear', 'nearest']) {
        const layer = make({ fillMode, interpolation, fillValue: fill })
        const actual = values(await inTraining(layer, images))
        const expected = table(height, width, (n, y, x, c) => sample(n, ...origin(n, y, x), c, fillMode, interpolation))
        const wrong = actual.filter((value, i) => Math.abs(value - expected[i]) > 0.02).length
        // Rounding decides which of two pixels is nearest where a point lies halfway.
        assert.ok(wrong <= (interpolation === 'nearest' ? 2 : 0), `${fillMode} ${interpolation}: ${wrong} differ`)
      }
  })

test('randomFlip mirrors the images whose number is at most a half', async () => {
  const flipped = (n: number) => drawn(n, 0, 1) <= 0.5
  const cases = {
    horizontal: (n, y, x, c) => source(n, y, flipped(n) ? width - 1 - x : x, c),
    vertical: (n, y, x, c) => source(n, flipped(n) ? height - 1 - y : y, x, c),
    horizontal_and_vertical: (n, y, x, c) =>
      flipped(n) ? source(n, height - 1 - y, width - 1 - x, c) : source(n, y, x, c),
  } as const satisfies Readonly<Record<string, Pixel>>
  for (const [mode, pixel] of Object.entries(cases) as [keyof typeof cases, Pixel][])
    assert.equal(values(await inTraining(layers.randomFlip({ mode, seed: 9 }), images)), table(height, width, pixel))
})

test('randomCrop cuts one window a batch, at whole places', async () => {
  const y = await inTraining(layers.randomCrop({ height: 3, width: 2, seed: 9 }), images)
  const top = Math.floor(drawn(0, 0, height - 2, 0, 0, 1))
  const left = Math.floor(drawn(0, 0, width - 1, 1, 0, 1))
  assert.equal(
    values(y),
    table(3, 2, (n, y, x, c) => source(n, y + top, x + left, c)),
  )
})

test('randomContrast and randomBrightness change all pixels of an image alike', async () => {
  const limit = (x: number) => Math.min(Math.max(x, 0), 255)
  const mean = (n: number, c: number) => {
    let sum = 0
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) sum += source(n, y, x, c)
    return sum / (height * width)
  }
  const contrast = await inTraining(layers.randomContrast({ factor: [0.6, 0.3], seed: 9 }), images)
  const stretched: Pixel = (n, y, x, c) => limit((source(n, y, x, c) - mean(n, c)) * drawn(n, 0.4, 1.3) + mean(n, c))
  assert.ok(far(values(contrast), table(height, width, stretched)) < 1e-3)
  const brightness = await inTraining(layers.randomBrightness({ factor: 0.4, seed: 9 }), images)
  const lit: Pixel = (n, y, x, c) => limit(source(n, y, x, c) + 255 * drawn(n, -0.4, 0.4))
  assert.ok(far(values(brightness), table(height, width, lit)) < 1e-3)
})

const randomLayers: Readonly<Record<string, () => Layer>> = {
  randomFlip: () => layers.randomFlip(),
  randomRotation: () => layers.randomRotation({ factor: 0.3 }),
  randomZoom: () => layers.randomZoom({ heightFactor: 0.3 }),
  randomTranslation: () => layers.randomTranslation({ heightFactor: 0.3, widthFactor: 0.3 }),
  randomCrop: () => layers.randomCrop({ height, width }),
  randomContrast: () => layers.randomContrast({ factor: 0.3 }),
  randomBrightness: () => layers.randomBrightness({ factor: 0.3 }),
}

for (const [name, make] of Object.entries(randomLayers))
  test(`${name}: the identity in inference; the same bits on any thread count, others in another step`, async () => {
    const net = around(make(), [[height, width, channels]])
    assert.equal(values((await predictions(net, [images]))[0]), whole)
    await survivesJson(net, [images])
    net.dispose()
    const large = pixels([8, height, width, channels])
    const one = values(await inTraining(make(), large, 7))
    assert.equal(values(await inTraining(make(), large, 7, 2)), one)
    if (name !== 'randomCrop') assert.not.equal(values(await inTraining(make(), large, 8)), one)
  })

test('drawn numbers fill their range evenly', async () => {
  const many = new Tensor('float32', new Float32Array(4000), [4000, 1, 1, 1])
  const layer = layers.randomBrightness({ factor: [-0.5, 0.5], valueRange: [-1, 1] })
  const shifts = values(await inTraining(layer, many))
  const mean = shifts.reduce((a, b) => a + b, 0) / shifts.length
  const variance = shifts.reduce((sum, shift) => sum + (shift - mean) ** 2, 0) / shifts.length
  // Uniform in [-1, 1): mean 0, variance 1/3; four standard errors.
  assert.ok(Math.abs(mean) < 4 * Math.sqrt(1 / 3 / 4000), `mean ${mean}`)
  assert.ok(Math.abs(variance - 1 / 3) < 0.02, `variance ${variance}`)
})

test('a network that learns from changed images learns alike from the same seed', async () => {
  const x = pixels([12, 8, 8, 1])
  const y = new Tensor(
    'float32',
    Array.from({ length: 12 }, (_, i) => i % 2),
    [12, 1],
  )
  const train = async () => {
    const net = sequential([
      layers.rescaling({ scale: 1 / 255, inputShape: [8, 8, 1] }),
      layers.randomFlip({ seed: 1 }),
      layers.randomRotation({ factor: 0.1, seed: 2 }),
      layers.flatten(),
      layers.dense({ units: 1, kernelInitializer: 'ones' }),
    ])
    net.compile({ optimizer: 'sgd', loss: 'mse' })
    const losses: number[] = []
    for (let step = 0; step < 3; step++) losses.push((await net.trainOnBatch(x, y)).loss)
    net.dispose()
    return losses
  }
  const losses = await train()
  assert.equal(await train(), losses)
  assert.ok(losses[2] < losses[0])
})

test.run()
