import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import {
  input,
  LanewiseError,
  type Layer,
  layers,
  loadKeras,
  loadLayers,
  model,
  modelFromJSON,
  sequential,
} from '../src/index.js'
import { stft, windowOf } from '../src/keras/layers/stft.js'
import {
  agreesInOnnx,
  around,
  far,
  inTraining,
  normals,
  predictions,
  slopesAgree,
  survivesJson,
  values,
} from './support/layers.js'

const huge = {
  class_name: 'Sequential',
  config: {
    layers: [
      { class_name: 'InputLayer', config: { batch_shape: [null, 6, 1] } },
      { class_name: 'AdaptiveMaxPooling1D', config: { output_size: 2 } },
    ],
  },
}

const early = (() => {
  try {
    return modelFromJSON(huge)
  } catch (error) {
    return error
  }
})()
const fromFile = await (async () => {
  const empty = sequential([layers.dense({ units: 1, inputShape: [2] })])
  const files = await empty.toFiles('model.json')
  const { modelTopology, ...rest } = JSON.parse(new TextDecoder().decode(files['model.json']))
  const file = { ...rest, weightsManifest: [], modelTopology: { ...modelTopology, model_config: huge } }
  return loadKeras({ 'model.json': new TextEncoder().encode(JSON.stringify(file)) })
})()

test('a config of a rarer layer says how it is loaded; loadKeras loads it by itself', async () => {
  assert.instance(early, LanewiseError)
  assert.match((early as Error).message, /'AdaptiveMaxPooling1D' .*rarer ones once loadLayers\(\)/)
  const x = new Tensor('float32', [1, 5, 2, 3, 4, 0], [1, 6, 1])
  assert.equal(values((await predictions(fromFile, [x]))[0]), [5, 4])
  assert.is(modelFromJSON(huge).layers.length, 1)
})

const rare = await loadLayers()
const range = (length: number) => Array.from({ length }, (_, i) => i)
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)

test('adaptive pooling takes windows from floor(i n / m) to ceil((i + 1) n / m), along each axis', async () => {
  const [batch, sizes, out, channels] = [2, [7, 5, 4], [3, 4, 2], 2]
  const pools = {
    Max: (list: readonly number[]) => Math.max(...list),
    Average: (list: readonly number[]) => sum(list) / list.length,
  }
  for (const rank of [1, 2, 3])
    for (const [name, pool] of Object.entries(pools)) {
      const make = rare[`adaptive${name}Pooling${rank}d` as 'adaptiveMaxPooling1d'] as (options: object) => Layer
      const shape = [...sizes.slice(0, rank), channels]
      const net = around(make({ outputSize: out.slice(0, rank) }), [shape])
      const x = normals(batch, ...shape)
      const [y] = await predictions(net, [x])
      assert.equal(y.dims, [batch, ...out.slice(0, rank), channels])
      const flat = (place: readonly number[]) => place.reduce((index, at, axis) => index * x.dims[axis] + at, 0)
      const places = (lists: readonly (readonly number[])[]): number[][] =>
        lists.reduce<number[][]>((all, list) => all.flatMap((before) => list.map((item) => [...before, item])), [[]])
      const windows = (at: readonly number[]) =>
        at.map((i, axis) => {
          const [n, m] = [sizes[axis], out[axis]]
          return range(n).filter((k) => k >= Math.floor((i * n) / m) && k < Math.ceil(((i + 1) * n) / m))
        })
      const expected = places([range(batch), ...out.slice(0, rank).map(range), range(channels)]).map((place) => {
        const window = windows(place.slice(1, -1))
        return pool(places([[place[0]], ...window, [place[rank + 1]]]).map((from) => values(x)[flat(from)]))
      })
      assert.ok(far(values(y), expected) < 1e-5, `${name} ${rank}`)
      await agreesInOnnx(net, [x])
      await survivesJson(net, [x])
      await slopesAgree(net, [x], 5e-3, 3)
      net.dispose()
    }
  const first = around(rare.adaptiveAveragePooling1d({ outputSize: 2, dataFormat: 'channels_first' }), [[1, 4]])
  assert.equal(values((await predictions(first, [new Tensor('float32', [1, 3, 5, 9], [1, 1, 4])]))[0]), [2, 7])
  first.dispose()
})

const hann = (length: number, last: number) => range(length).map((t) => 0.5 - 0.5 * Math.cos((2 * Math.PI * t) / last))

test('stftSpectrogram: every mode by a plain Fourier transform', async () => {
  const [frame, step, size, samples, channels] = [8, 3, 16, 23, 2]
  const window = hann(frame, frame - 1)
  const scale = Math.sqrt(sum(window.map((value) => value ** 2)))
  const x = normals(2, samples, channels)
  const frames = Math.floor((samples - frame) / step) + 1
  const wave = (b: number, f: number, k: number, c: number, of: (angle: number) => number) =>
    sum(
      range(frame).map(
        (t) =>
          (values(x)[(b * samples + f * step + t) * channels + c] * window[t] * of((-2 * Math.PI * t * k) / size)) /
          scale,
      ),
    )
  const epsilon = 1e-7
  type Mode = (real: number, imag: number, k: number) => number
  const modes = {
    real: (real) => real,
    imag: (_, imag) => imag,
    angle: (real, imag) => Math.atan2(imag, real),
    psd: (real, imag, k) => (real ** 2 + imag ** 2) * (k > 0 && k < size / 2 ? 2 : 1),
    magnitude: (real, imag) => Math.sqrt(Math.max(real ** 2 + imag ** 2, epsilon)),
    log: (real, imag) => Math.log(Math.sqrt(Math.max(real ** 2 + imag ** 2, epsilon))),
  } as const satisfies Readonly<Record<string, Mode>>
  const all = (mode: Mode) =>
    range(2).flatMap((b) =>
      range(frames).flatMap((f) =>
        range(channels).flatMap((c) =>
          range(size / 2 + 1).map((k) => mode(wave(b, f, k, c, Math.cos), wave(b, f, k, c, Math.sin), k)),
        ),
      ),
    )
  for (const [name, mode] of Object.entries(modes) as [keyof typeof modes, Mode][]) {
    const net = around(rare.stftSpectrogram({ mode: name, frameLength: frame, frameStep: step, fftLength: size }), [
      [samples, channels],
    ])
    const [y] = await predictions(net, [x])
    assert.equal(y.dims, [2, frames, channels * (size / 2 + 1)])
    // The angle of the constant part and the last one is 0 or pi, by a rounding of 0.
    const sure = (list: readonly number[]) => (name === 'angle' ? list.map(Math.cos) : list)
    assert.ok(far(sure(values(y)), sure(all(mode))) < 1e-4, `${name}: ${far(sure(values(y)), sure(all(mode)))}`)
    if (name !== 'angle') await agreesInOnnx(net, [x])
    await survivesJson(net, [x])
    if (name === 'log' || name === 'real') await slopesAgree(net, [x], 1e-2, 3)
    net.dispose()
  }
  const shapes = [
    [{ frameStep: 3, expandDims: true }, [2, frames, 5, 2]],
    [{ frameStep: 2, mode: 'stft', padding: 'same' }, [2, 12, 20]],
    [{ frameStep: 2, expandDims: true, dataFormat: 'channels_first', padding: 'same' }, [2, 23, 1, 5]],
  ] as const
  for (const [options, dims] of shapes) {
    const net = around(rare.stftSpectrogram({ frameLength: 8, fftLength: 8, ...options }), [[samples, channels]])
    assert.equal((await predictions(net, [x]))[0].dims, dims)
    net.dispose()
  }
  assert.throws(() => rare.stftSpectrogram({ window: 'cat' }), /unknown window "cat"; known: boxcar, hann/)
})

test('stft as an initializer; windows by their formulas', () => {
  const kernel = stft({ side: 'imag', window: 'hamming', scaling: 'spectrum', periodic: true })
  const window = range(4).map((t) => 0.54 - 0.46 * Math.cos((2 * Math.PI * t) / 4))
  const expected = range(4).flatMap((t) =>
    range(3).map((k) => (Math.sin((-2 * Math.PI * t * k) / 4) * window[t]) / sum(window)),
  )
  assert.ok(far(Array.from(kernel.fill([4, 1, 3])), expected) < 1e-6)
  assert.equal(kernel.serialize().config, { side: 'imag', window: 'hamming', scaling: 'spectrum', periodic: true })
  assert.ok(far(windowOf('hann', 5, false), [0, 0.5, 1, 0.5, 0]) < 1e-12)
  assert.ok(far(windowOf('blackman', 3, false), [0, 1, 0]) < 1e-12)
})

test('melSpectrogram by a plain Fourier transform and triangles on the mel scale', async () => {
  const [fft, length, stride, samples, bands, rate] = [16, 12, 5, 40, 4, 8000]
  const x = normals(2, samples)
  const window = [0, 0, ...hann(length, length), 0, 0]
  const at = (b: number, t: number) => {
    const mirrored = t < 0 ? -t : t >= samples ? 2 * (samples - 1) - t : t
    return values(x)[b * samples + mirrored]
  }
  const frames = Math.floor(samples / stride) + 1
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700)
  const edges = range(bands + 2).map((i) => mel(20) + ((mel(rate / 2) - mel(20)) * i) / (bands + 1))
  const power = (b: number, f: number, k: number) => {
    const part = (of: (angle: number) => number) =>
      sum(range(fft).map((t) => at(b, f * stride + t - fft / 2) * window[t] * of((2 * Math.PI * t * k) / fft)))
    return part(Math.cos) ** 2 + part(Math.sin) ** 2
  }
  const filter = (k: number, m: number) => {
    const place = mel((rate / 2 / (fft / 2)) * k)
    return k === 0
      ? 0
      : Math.max(
          0,
          Math.min(
            (place - edges[m]) / (edges[m + 1] - edges[m]),
            (edges[m + 2] - place) / (edges[m + 2] - edges[m + 1]),
          ),
        )
  }
  const raw = range(2).flatMap((b) =>
    range(bands).flatMap((m) =>
      range(frames).map((f) => sum(range(fft / 2 + 1).map((k) => power(b, f, k) * filter(k, m)))),
    ),
  )
  const options = {
    fftLength: fft,
    sequenceLength: length,
    sequenceStride: stride,
    numMelBins: bands,
    samplingRate: rate,
  }
  const plain = around(rare.melSpectrogram({ ...options, powerToDb: false }), [[samples]])
  const [y] = await predictions(plain, [x])
  assert.equal(y.dims, [2, bands, frames])
  assert.ok(far(values(y), raw) < 1e-3, String(far(values(y), raw)))
  const decibels = raw.map((value) => 10 * Math.log10(Math.max(value, 1e-10)))
  const net = around(rare.melSpectrogram({ ...options, topDb: 20 }), [[samples]])
  const expected = decibels.map((value) => Math.max(value, Math.max(...decibels) - 20))
  assert.ok(far(values((await predictions(net, [x]))[0]), expected) < 1e-3)
  await agreesInOnnx(net, [x], 1e-3)
  await survivesJson(net, [x])
  for (const each of [plain, net]) each.dispose()
})

const lexicon = [0, 0, 2, 2, 3, 3]
// Numbers of Keras's own test of the layer.
const backwards = {
  tied: [{}, [lexicon], [0, 4, 6]],
  'tied, capped': [{ logitSoftCap: 5 }, [lexicon], [0, 3.320184, 4.168273]],
  'by weights of its own': [{ tieWeights: false }, [lexicon, [1, 2, 3, 4, 5, 6]], [5, 7, 9]],
} as const

for (const [what, [options, contents, expected]] of Object.entries(backwards))
  test(`reversibleEmbedding there and back: ${what}`, async () => {
    const layer = rare.reversibleEmbedding({ inputDim: 3, outputDim: 2, ...options })
    const [ids, features] = [input({ shape: [3], dtype: 'int32' }), input({ shape: [2] })]
    const net = model({
      inputs: [ids, features],
      outputs: [layer.apply(ids), layer.apply(features, { reverse: true })],
    })
    net.setWeights(contents.map((list, i) => new Tensor('float32', [...list], i === 0 ? [3, 2] : [2, 3])))
    const x = [new Tensor('int32', [2, 1, 0], [1, 3]), new Tensor('float32', [1, 1], [1, 2])]
    const [rows, scores] = await predictions(net, x)
    assert.equal(values(rows), [3, 3, 2, 2, 0, 0])
    assert.ok(far(values(scores), expected) < 1e-5, String(values(scores)))
    await survivesJson(net, x)
    await agreesInOnnx(net, x)
    const copy = await loadKeras((await net.toFiles('model.keras'))['model.keras'])
    assert.equal(values((await predictions(copy, x))[1]), values(scores))
    for (const each of [net, copy]) each.dispose()
  })

test('reversibleEmbedding learns by both of its uses', async () => {
  const layer = rare.reversibleEmbedding({ inputDim: 4, outputDim: 3, maskZero: true, logitSoftCap: 3 })
  const ids = input({ shape: [5], dtype: 'int32' })
  const net = model({ inputs: ids, outputs: layer.apply(layer.apply(ids), { reverse: true }) })
  await slopesAgree(net, [new Tensor('int32', [1, 2, 3, 1, 2], [1, 5])])
  assert.throws(() => rare.reversibleEmbedding({ inputDim: 4, outputDim: 3, reverseDtype: 'float16' }), /reverseDtype/)
  net.dispose()
})

test('pipeline is its layers one after the other', async () => {
  const net = around(
    rare.pipeline({ layers: [layers.rescaling({ scale: 2 }), layers.rescaling({ scale: 1, offset: -1 })] }),
    [[3]],
  )
  const x = new Tensor('float32', [1, 2, 3], [1, 3])
  assert.equal(values((await predictions(net, [x]))[0]), [1, 3, 5])
  await survivesJson(net, [x])
  net.dispose()
})

const [batch, height, width] = [4, 5, 6]
const random = new RandomGenerator(9)
const images = new Tensor(
  'float32',
  Float32Array.from({ length: batch * height * width * 3 }, () => Math.floor(256 * random.uniform())),
  [batch, height, width, 3],
)
const source = values(images)
const pixel = (n: number, y: number, x: number, c: number) => source[((n * height + y) * width + x) * 3 + c]
const clip = (value: number) => Math.min(255, Math.max(0, value))
type Pixel = (n: number, y: number, x: number, c: number) => number
const table = (of: Pixel, count = batch): number[] =>
  range(count).flatMap((n) =>
    range(height).flatMap((y) => range(width).flatMap((x) => range(3).map((c) => of(n, y, x, c)))),
  )
const grey = (n: number, y: number, x: number) =>
  0.2989 * pixel(n, y, x, 0) + 0.587 * pixel(n, y, x, 1) + 0.114 * pixel(n, y, x, 2)
const whole = { factor: [1, 1] }

/** Turns hue and scales saturation by the textbook's hexagon. */
function coloured(n: number, y: number, x: number, c: number, turn: number, saturate = 1, top = 1): number {
  const rgb = [0, 1, 2].map((i) => pixel(n, y, x, i) / 255)
  const [max, min] = [Math.max(...rgb), Math.min(...rgb)]
  const [r, g, b] = rgb
  const span = max - min || 1
  const sixth = max === min ? 0 : max === r ? (g - b) / span : max === g ? 2 + (b - r) / span : 4 + (r - g) / span
  const hue = (((sixth / 6 + turn) % 1) + 1) % 1
  const saturation = Math.min(top, (max === 0 ? 0 : (max - min) / max) * saturate)
  const k = ((([5, 3, 1][c] + hue * 6) % 6) + 6) % 6
  return 255 * (max - max * saturation * Math.max(0, Math.min(k, 4 - k, 1)))
}

/** Layers without chance, and what they make of the images. */
const certain: Readonly<Record<string, readonly [Layer, Pixel]>> = {
  randomGrayscale: [rare.randomGrayscale({ factor: 1 }), grey],
  'randomGrayscale of none': [rare.randomGrayscale({ factor: 0 }), pixel],
  randomInvert: [rare.randomInvert(whole), (...at) => 255 - pixel(...at)],
  'randomInvert of none': [rare.randomInvert({ factor: 0 }), pixel],
  'solarization of all': [rare.solarization(), (...at) => 255 - pixel(...at)],
  randomSaturation: [
    rare.randomSaturation({ factor: [0.25, 0.25], valueRange: [0, 1] }),
    (n, y, x, c) => coloured(n, y, x, c, 0, 1 / 3),
  ],
  randomPosterization: [rare.randomPosterization({ factor: [3, 3] }), (...at) => Math.floor(pixel(...at) / 32) * 32],
  randomColorDegeneration: [
    rare.randomColorDegeneration({ factor: [0.4, 0.4] }),
    (n, y, x, c) => clip(0.6 * pixel(n, y, x, c) + 0.4 * grey(n, y, x)),
  ],
  randomSharpness: [
    rare.randomSharpness({ factor: [0.2, 0.2] }),
    (n, y, x, c) => {
      const inside = (v: number, u: number) => (v < 0 || u < 0 || v >= height || u >= width ? 0 : pixel(n, v, u, c))
      const smooth = sum(
        [-1, 0, 1].flatMap((dy) =>
          [-1, 0, 1].map((dx) => (inside(y + dy, x + dx) * (dx === 0 && dy === 0 ? 5 : 1)) / 13),
        ),
      )
      return clip(pixel(n, y, x, c) + 0.6 * (smooth - pixel(n, y, x, c)))
    },
  ],
  randomGaussianBlur: [
    rare.randomGaussianBlur({ ...whole, kernelSize: [3, 5], sigma: [0.8, 0.8] }),
    (n, y, x, c) => {
      const bell = (size: number) => {
        const heights = range(size).map((i) => Math.exp(-0.5 * ((i - (size - 1) / 2) / 0.8) ** 2))
        return heights.map((value) => value / sum(heights))
      }
      const inside = (v: number, u: number) => (v < 0 || u < 0 || v >= height || u >= width ? 0 : pixel(n, v, u, c))
      return sum(range(5).flatMap((v) => range(3).map((u) => inside(y + v - 2, x + u - 1) * bell(5)[v] * bell(3)[u])))
    },
  ],
  randomColorJitter: [
    rare.randomColorJitter({ brightnessFactor: [0.1, 0.1], contrastFactor: null, saturationFactor: [0.5, 0.5] }),
    (...at) => clip(pixel(...at) + 25.5),
  ],
}

for (const [name, [layer, expected]] of Object.entries(certain))
  test(`${name} by its formula`, async () => {
    const changed = values(await inTraining(layer, images))
    assert.ok(far(changed, table(expected)) < 2e-3 * 255, `${name}: ${far(changed, table(expected))}`)
  })

const halves = (whatever: readonly number[], n: number) =>
  whatever.slice(n * height * width * 3, (n + 1) * height * width * 3)

test('randomHue turns each image one way or the other', async () => {
  const changed = values(await inTraining(rare.randomHue({ factor: [0.3, 0.3] }), images))
  const ways = [0.15, -0.15].map((turn) => table((n, y, x, c) => coloured(n, y, x, c, turn)))
  for (const n of range(batch)) assert.ok(Math.min(...ways.map((way) => far(halves(changed, n), halves(way, n)))) < 0.1)
})

test('randomShear moves rows by their height, one way or the other', async () => {
  const layer = rare.randomShear({ xFactor: [1, 1], fillMode: 'constant', interpolation: 'nearest' })
  const changed = values(await inTraining(layer, images))
  const ways = [1, -1].map((by) =>
    table((n, y, x, c) => (x + by * y >= 0 && x + by * y < width ? pixel(n, y, x + by * y, c) : 0)),
  )
  for (const n of range(batch)) assert.is(Math.min(...ways.map((way) => far(halves(changed, n), halves(way, n)))), 0)
})

test('solarization keeps what is below a threshold of its own for each image', async () => {
  const changed = values(await inTraining(rare.solarization({ thresholdFactor: 1 }), images))
  for (const n of range(batch)) {
    const [before, after] = [halves(source, n), halves(changed, n)]
    const kept = before.filter((value, i) => after[i] === value && value !== 127.5)
    const turned = before.filter((value, i) => after[i] !== value)
    assert.ok(before.every((value, i) => after[i] === value || after[i] === 255 - value))
    assert.ok(Math.max(-1, ...kept) < Math.min(256, ...turned))
  }
})

test('randomErasing leaves out one rectangle, filled with a value or with noise', async () => {
  const erased = values(
    await inTraining(rare.randomErasing({ ...whole, scale: [0.3, 0.5], fillValue: -3, valueRange: [-5, 255] }), images),
  )
  for (const n of range(batch)) {
    const lost = range(height * width).filter((at) => halves(erased, n)[3 * at] === -3)
    const [rows, columns] = [lost.map((at) => Math.floor(at / width)), lost.map((at) => at % width)]
    const side = (list: readonly number[]) => Math.max(...list) - Math.min(...list) + 1
    assert.is(lost.length, side(rows) * side(columns))
    // Sides of sqrt(0.3) to sqrt(0.5) of the image, within a pixel.
    assert.ok(side(rows) >= 2 && side(rows) <= 4 && side(columns) >= 3 && side(columns) <= 5)
    range(height * width * 3).forEach((at) => {
      if (!lost.includes(Math.floor(at / 3))) assert.is(halves(erased, n)[at], halves(source, n)[at])
    })
  }
  const noisy = values(await inTraining(rare.randomErasing(whole), images))
  assert.ok(noisy.every((value) => value >= 0 && value <= 255) && far(noisy, source) > 1)
  assert.equal(values(await inTraining(rare.randomErasing({ factor: 0 }), images)), source)
})

test('autoContrast stretches each channel, in inference, too; a flat one stays', async () => {
  const net = around(rare.autoContrast(), [[height, width, 3]])
  const flat = new Tensor(
    'float32',
    source.map((value, i) => (i % 3 === 1 ? 77 : value / 2 + 20)),
    images.dims,
  )
  const at = (n: number, y: number, x: number, c: number) => values(flat)[((n * height + y) * width + x) * 3 + c]
  const all = (n: number, c: number) => range(height * width).map((i) => at(n, Math.floor(i / width), i % width, c))
  const expected = table((n, y, x, c) => {
    const [low, high] = [Math.min(...all(n, c)), Math.max(...all(n, c))]
    return high === low ? at(n, y, x, c) : ((at(n, y, x, c) - low) * 255) / (high - low)
  })
  assert.ok(far(values((await predictions(net, [flat]))[0]), expected) < 1e-3)
  await agreesInOnnx(net, [flat], 1e-3)
  net.dispose()
})

test('rarer changes of images: the identity in inference; the same bits on any thread count', async () => {
  const makers = {
    randomHue: () => rare.randomHue({ factor: 0.5 }),
    randomErasing: () => rare.randomErasing(),
    randomGaussianBlur: () => rare.randomGaussianBlur(),
    randomShear: () => rare.randomShear({ xFactor: 0.3, yFactor: 0.2 }),
    randomColorJitter: () =>
      rare.randomColorJitter({ brightnessFactor: 0.2, contrastFactor: 0.2, saturationFactor: 0.4, hueFactor: 0.3 }),
  }
  for (const make of Object.values(makers)) {
    const net = around(make(), [[height, width, 3]])
    assert.equal(values((await predictions(net, [images]))[0]), source)
    await survivesJson(net, [images])
    net.dispose()
    const one = values(await inTraining(make(), images, 7))
    assert.equal(values(await inTraining(make(), images, 7, 2)), one)
    assert.not.equal(values(await inTraining(make(), images, 8)), one)
  }
})

test.run()
