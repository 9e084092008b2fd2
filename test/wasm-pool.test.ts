import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { poolLowerings } from '../src/backend/wasm/lower/pool.js'
import { poolGradientLowerings } from '../src/backend/wasm/lower/pool-gradients.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { builds, runLowering } from './support/kernels.js'

interface Pool {
  readonly input: readonly number[]
  readonly kernel: readonly number[]
  readonly strides?: readonly number[]
  readonly dilations?: readonly number[]
  readonly pads?: readonly number[]
  readonly ceil?: number
}

const channels = [1, 3, 4, 7, 20, 33]

const pools: Pool[] = [
  ...channels.map((c) => ({ input: [2, 6, 8, c], kernel: [2, 2], strides: [2, 2] })),
  ...channels.map((c) => ({ input: [2, 7, 5, c], kernel: [2, 2], strides: [2, 2] })),
  ...channels.map((c) => ({ input: [9, 7, 6, c], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })),
  { input: [1, 17, 33, 20], kernel: [2, 2] },
  { input: [3, 17, 17, 5], kernel: [3, 2], strides: [3, 2], pads: [1, 0, 2, 1] },
  { input: [2, 7, 7, 5], kernel: [2, 2], strides: [2, 2], ceil: 1 },
  { input: [1, 9, 9, 6], kernel: [2, 3], strides: [4, 5] },
  { input: [1, 9, 9, 6], kernel: [3, 2], strides: [1, 2], dilations: [2, 3], pads: [2, 1, 1, 2] },
  { input: [2, 11, 12, 5], kernel: [5, 5], pads: [2, 2, 2, 2] },
  { input: [1, 9, 8, 6], kernel: [7, 6], strides: [2, 3], dilations: [1, 2], pads: [3, 5, 3, 5] },
  { input: [2, 33, 5], kernel: [3], strides: [2], pads: [1, 1] },
  { input: [2, 5, 6, 7, 3], kernel: [2, 2, 2], strides: [2, 2, 2] },
  { input: [1, 5, 4, 3, 3], kernel: [3, 2, 2], pads: [1, 1, 0, 1, 0, 1] },
  { input: [1, 1, 1, 17], kernel: [1, 1] },
  { input: [1, 5000, 2], kernel: [3] },
  { input: [1, 5001, 1], kernel: [4], strides: [2], pads: [1, 2] },
  { input: [1, 2, 4600, 1], kernel: [2, 5], strides: [1, 4], dilations: [1, 7], pads: [0, 9, 1, 20] },
]

const outputShape = ({ input, kernel, strides, dilations, pads, ceil }: Pool): number[] => {
  const spatial = input.slice(1, -1).map((size, axis) => {
    const stride = strides?.[axis] ?? 1
    const begin = pads?.[axis] ?? 0
    const reach = (kernel[axis] - 1) * (dilations?.[axis] ?? 1) + 1
    const room = size + begin + (pads?.[axis + kernel.length] ?? 0) - reach
    const count = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1
    return ceil && (count - 1) * stride >= size + begin ? count - 1 : count
  })
  return [input[0], ...spatial, input[input.length - 1]]
}

/** Visits each output element with the offsets of its window's elements in the input, and the taps inside the padded input. */
function forEachElement(pool: Pool, visit: (output: number, taps: number[], padded: number) => void): void {
  const { input, kernel, strides, dilations, pads } = pool
  const output = outputShape(pool)
  const coordinates = (index: number, dims: readonly number[]) => {
    const result: number[] = []
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      result[axis] = index % dims[axis]
      index = Math.floor(index / dims[axis])
    }
    return result
  }
  for (let o = 0; o < sizeOf(output); o++) {
    const at = coordinates(o, output)
    const taps: number[] = []
    let padded = 0
    for (let k = 0; k < sizeOf(kernel); k++) {
      const tap = coordinates(k, kernel).map(
        (i, axis) => at[axis + 1] * (strides?.[axis] ?? 1) - (pads?.[axis] ?? 0) + i * (dilations?.[axis] ?? 1),
      )
      const size = input.slice(1, -1)
      if (tap.every((i, axis) => i < size[axis] + (pads?.[axis + kernel.length] ?? 0))) padded++
      if (tap.every((i, axis) => i >= 0 && i < size[axis]))
        taps.push([at[0], ...tap, at[at.length - 1]].reduce((sum, i, axis) => sum * input[axis] + i, 0))
    }
    visit(o, taps, padded)
  }
}

/** The tensor [N, …, C] as [N, C, …], and the shape. */
const channelsFirst = <T>([batch, ...rest]: readonly T[]): T[] => [batch, rest.at(-1)!, ...rest.slice(0, -1)]

function planesOf(x: Tensor): Tensor {
  const [batch, c] = channelsFirst(x.dims)
  const size = x.size / batch / c
  const data = Float32Array.from({ length: x.size }, (_, i) => {
    const [image, channel, pixel] = [Math.floor(i / size / c), Math.floor(i / size) % c, i % size]
    return x.data[(image * size + pixel) * c + channel] as number
  })
  return new Tensor(data, channelsFirst(x.dims))
}

const attributesOf = (pool: Pool, includePad = 0) => ({
  kernel_shape: pool.kernel,
  strides: pool.strides,
  dilations: pool.dilations,
  pads: pool.pads,
  ceil_mode: pool.ceil ?? 0,
  count_include_pad: includePad,
})

const close = (actual: Tensor, expected: Float64Array, what: string) => {
  const data = actual.data as Float32Array
  expected.forEach((value, i) => {
    const same = Number.isNaN(value)
      ? Number.isNaN(data[i])
      : Math.abs(data[i] - value) <= 1e-5 + 1e-5 * Math.abs(value)
    assert.ok(same, `${what} [${i}]: ${data[i]} instead of ${value}`)
  })
}

/** Few distinct values, so that windows have several maxima. */
const fill = (random: RandomGenerator, shape: readonly number[], steps: number) =>
  new Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.integer(steps) / 4 - 1),
    shape,
  )

for (const build of builds) {
  test(`max pools and their gradients, ${build}`, () => {
    const random = new RandomGenerator(1)
    for (const pool of pools) {
      const what = JSON.stringify(pool)
      const x = fill(random, pool.input, 8)
      const shape = outputShape(pool)
      const dy = fill(random, shape, 100)
      const expected = new Float64Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY)
      const gradient = new Float64Array(x.size)
      forEachElement(pool, (o, taps) => {
        const values = taps.map((tap) => x.data[tap] as number)
        expected[o] = Math.max(...values)
        gradient[taps[values.indexOf(expected[o])]] += dy.data[o] as number
      })
      const attributes = attributesOf(pool)
      const [y] = runLowering(poolLowerings['lanewise.MaxPoolNhwc'], 'lanewise.MaxPoolNhwc', {
        inputs: [x],
        outputs: [{ dtype: 'float32', shape }],
        attributes,
        build,
      })
      close(y, expected, what)
      const [planes] = runLowering(poolLowerings.MaxPool, 'MaxPool', {
        inputs: [planesOf(x)],
        outputs: [{ dtype: 'float32', shape: channelsFirst(shape) }],
        attributes,
        build,
      })
      assert.equal(planes, planesOf(y), `planes of ${what}`)
      const [dx] = runLowering(poolGradientLowerings['lanewise.MaxPoolGradientNhwc'], 'lanewise.MaxPoolGradientNhwc', {
        inputs: [dy, x, y],
        outputs: [{ dtype: 'float32', shape: pool.input }],
        attributes,
        build,
      })
      close(dx, gradient, `gradient of ${what}`)
    }
  })

  test(`average pools and their gradients, ${build}`, () => {
    const random = new RandomGenerator(2)
    for (const pool of pools)
      for (const includePad of [0, 1]) {
        const what = `${JSON.stringify(pool)} includePad ${includePad}`
        const x = fill(random, pool.input, 100)
        const shape = outputShape(pool)
        const dy = fill(random, shape, 100)
        const expected = new Float64Array(sizeOf(shape))
        const gradient = new Float64Array(x.size)
        forEachElement(pool, (o, taps, padded) => {
          const divisor = includePad ? padded : taps.length
          for (const tap of taps) {
            expected[o] += (x.data[tap] as number) / divisor
            gradient[tap] += (dy.data[o] as number) / divisor
          }
        })
        const attributes = attributesOf(pool, includePad)
        const [y] = runLowering(poolLowerings['lanewise.AveragePoolNhwc'], 'lanewise.AveragePoolNhwc', {
          inputs: [x],
          outputs: [{ dtype: 'float32', shape }],
          attributes,
          build,
        })
        close(y, expected, what)
        const [planes] = runLowering(poolLowerings.AveragePool, 'AveragePool', {
          inputs: [planesOf(x)],
          outputs: [{ dtype: 'float32', shape: channelsFirst(shape) }],
          attributes,
          build,
        })
        close(
          planes,
          Float64Array.from(planesOf(new Tensor(Float32Array.from(expected), shape)).toNumbers()),
          `planes of ${what}`,
        )
        const [dx] = runLowering(
          poolGradientLowerings['lanewise.AveragePoolGradientNhwc'],
          'lanewise.AveragePoolGradientNhwc',
          {
            inputs: [dy],
            outputs: [{ dtype: 'float32', shape: pool.input }],
            attributes: { ...attributes, input_shape: pool.input },
            build,
          },
        )
        close(dx, gradient, `gradient of ${what}`)
      }
  })
}

test('NaN is the maximum of its window and takes the gradient', () => {
  const x = new Tensor(Float32Array.of(1, 5, Number.NaN, 2), [1, 2, 2, 1])
  const attributes = { kernel_shape: [2, 2] }
  const [y] = runLowering(poolLowerings['lanewise.MaxPoolNhwc'], 'lanewise.MaxPoolNhwc', {
    inputs: [x],
    outputs: [{ dtype: 'float32', shape: [1, 1, 1, 1] }],
    attributes,
  })
  assert.ok(Number.isNaN(y.data[0]))
  const [dx] = runLowering(poolGradientLowerings['lanewise.MaxPoolGradientNhwc'], 'lanewise.MaxPoolGradientNhwc', {
    inputs: [new Tensor(Float32Array.of(3), [1, 1, 1, 1]), x, y],
    outputs: [{ dtype: 'float32', shape: x.dims }],
    attributes,
  })
  assert.equal([...(dx.data as Float32Array)], [0, 0, 3, 0])
})

test('NaN reaches every window that holds it, infinities of both signs do not make one', () => {
  const data = new Float32Array(9 * 9)
  data.set([Number.NaN], 4 * 9 + 4)
  data.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  for (const size of [3, 5]) {
    const side = 10 - size
    const attributes = { kernel_shape: [size, size] }
    // Channels-last, two channels; channels-first.
    const [pixels] = runLowering(poolLowerings['lanewise.MaxPoolNhwc'], 'lanewise.MaxPoolNhwc', {
      inputs: [
        new Tensor(
          Float32Array.from({ length: 162 }, (_, i) => data[i >> 1]),
          [1, 9, 9, 2],
        ),
      ],
      outputs: [{ dtype: 'float32', shape: [1, side, side, 2] }],
      attributes,
    })
    const [y] = runLowering(poolLowerings.MaxPool, 'MaxPool', {
      inputs: [new Tensor(data, [1, 1, 9, 9])],
      outputs: [{ dtype: 'float32', shape: [1, 1, side, side] }],
      attributes,
    })
    assert.is(planesOf(pixels).toNumbers().join(), [...y.toNumbers(), ...y.toNumbers()].join())
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) {
        const holds = [row, column].every((at) => at <= 4 && at + size > 4)
        const expected = holds ? Number.NaN : row === 0 && column === 0 ? Number.POSITIVE_INFINITY : 0
        assert.equal(y.data[row * side + column], expected)
      }
  }
})

test('global pools', () => {
  const random = new RandomGenerator(3)
  for (const size of [1, 3, 7, 8, 17, 33, 576]) {
    const x = fill(random, [2, 5, size, 1], 100)
    const planes = Array.from({ length: 10 }, (_, i) => x.toNumbers().slice(i * size, (i + 1) * size))
    const outputs = [{ dtype: 'float32' as const, shape: [2, 5, 1, 1] }]
    const [max] = runLowering(poolLowerings.GlobalMaxPool, 'GlobalMaxPool', { inputs: [x], outputs })
    const [average] = runLowering(poolLowerings.GlobalAveragePool, 'GlobalAveragePool', { inputs: [x], outputs })
    close(
      max,
      Float64Array.from(planes, (plane) => Math.max(...plane)),
      'max',
    )
    close(
      average,
      Float64Array.from(planes, (plane) => plane.reduce((sum, value) => sum + value, 0) / size),
      'average',
    )
  }
})

test.run()
