import { suite } from 'uvu'
import { convLowerings } from '../src/backend/wasm/lower/conv.js'
import { convGradientLowerings } from '../src/backend/wasm/lower/conv-gradients.js'
import type { Attributes } from '../src/core/ir.js'
import { sizeOf } from '../src/core/shape.js'
import { runLowering } from './support/kernels.js'
import { assertNear, loadableBuilds, randomTensor } from './support/products.js'

interface Case {
  readonly images?: number
  readonly size: readonly [number, number]
  readonly channels: number
  readonly outputs: number
  readonly kernel: readonly [number, number]
  readonly strides?: readonly [number, number]
  readonly dilations?: readonly [number, number]
  readonly pads?: readonly [number, number, number, number]
  readonly group?: number
}

/** Each channel has a kernel of its own. */
const depthwise = (
  [
    { size: [9, 13], channels: 21, kernel: [3, 3], pads: [1, 1, 1, 1], images: 2 },
    { size: [12, 11], channels: 16, kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], images: 2 },
    { size: [11, 12], channels: 10, kernel: [5, 5], pads: [2, 2, 2, 2] },
    { size: [11, 14], channels: 11, kernel: [5, 5], strides: [2, 2], pads: [1, 2, 2, 1], images: 3 },
    { size: [13, 9], channels: 12, kernel: [2, 7], strides: [3, 2], pads: [0, 5, 1, 6], images: 2 },
    { size: [9, 15], channels: 9, kernel: [3, 3], dilations: [2, 3], pads: [2, 3, 2, 3] },
    { size: [9, 15], channels: 8, kernel: [3, 3], strides: [1, 2], dilations: [2, 1], pads: [2, 1, 2, 1] },
    { size: [9, 15], channels: 8, kernel: [3, 3], strides: [2, 2], dilations: [2, 2], pads: [2, 1, 2, 1] },
    { size: [2, 2], channels: 24, kernel: [3, 3], pads: [1, 1, 1, 1], images: 2 },
    { size: [3, 3], channels: 5, kernel: [5, 5], pads: [4, 4, 4, 4] },
    { size: [5, 7], channels: 5, kernel: [1, 1], strides: [2, 2] },
    { size: [5, 6], channels: 3, kernel: [3, 3], images: 0 },
    { size: [60, 60], channels: 20, kernel: [3, 3], pads: [1, 1, 1, 1], images: 3 },
  ] satisfies Omit<Case, 'outputs'>[]
).map((each): Case => ({ ...each, outputs: each.channels, group: each.channels }))

const cases: readonly Case[] = [
  { size: [1, 1], channels: 1, outputs: 1, kernel: [1, 1] },
  { size: [5, 7], channels: 3, outputs: 5, kernel: [1, 1], images: 3 },
  { size: [5, 7], channels: 3, outputs: 17, kernel: [3, 3] },
  { size: [7, 5], channels: 1, outputs: 20, kernel: [5, 5], images: 2 },
  { size: [9, 11], channels: 1, outputs: 7, kernel: [3, 5], images: 2, pads: [1, 2, 0, 3] },
  { size: [17, 17], channels: 5, outputs: 33, kernel: [3, 3], images: 3, pads: [1, 1, 1, 1] },
  { size: [12, 12], channels: 20, outputs: 40, kernel: [3, 3], images: 5 },
  { size: [28, 28], channels: 1, outputs: 20, kernel: [5, 5], images: 17 },
  { size: [33, 5], channels: 7, outputs: 3, kernel: [7, 3], images: 2, pads: [3, 1, 3, 1] },
  { size: [7, 9], channels: 3, outputs: 4, kernel: [3, 3], strides: [2, 2], images: 2 },
  { size: [8, 8], channels: 3, outputs: 6, kernel: [3, 3], strides: [2, 3], pads: [1, 1, 1, 1], images: 2 },
  { size: [9, 9], channels: 1, outputs: 3, kernel: [1, 1], strides: [2, 2], images: 2 },
  { size: [9, 9], channels: 1, outputs: 5, kernel: [3, 3], strides: [2, 1], pads: [0, 1, 2, 0] },
  { size: [6, 6], channels: 2, outputs: 3, kernel: [2, 2], strides: [3, 3] },
  { size: [9, 11], channels: 3, outputs: 5, kernel: [3, 3], dilations: [2, 2], images: 2 },
  { size: [9, 11], channels: 1, outputs: 5, kernel: [3, 2], dilations: [2, 3], pads: [2, 2, 1, 3], images: 2 },
  { size: [11, 11], channels: 4, outputs: 3, kernel: [3, 3], dilations: [3, 1], strides: [2, 2], pads: [3, 1, 3, 1] },
  { size: [7, 7], channels: 6, outputs: 9, kernel: [3, 3], group: 3, pads: [1, 1, 1, 1], images: 2 },
  { size: [7, 5], channels: 5, outputs: 5, kernel: [3, 3], group: 5, images: 2 },
  {
    size: [7, 5],
    channels: 4,
    outputs: 8,
    kernel: [3, 2],
    group: 4,
    strides: [2, 1],
    dilations: [1, 2],
    pads: [1, 1, 1, 1],
  },
  { size: [3, 3], channels: 2, outputs: 3, kernel: [3, 3], pads: [4, 4, 4, 4] },
  ...depthwise,
  { size: [5, 5], channels: 2, outputs: 3, kernel: [1, 1], pads: [2, 1, 0, 3], images: 2 },
  { size: [20, 20], channels: 16, outputs: 24, kernel: [3, 3], images: 4, pads: [1, 1, 1, 1] },
  { size: [6, 6], channels: 64, outputs: 96, kernel: [3, 3], images: 2, pads: [1, 1, 1, 1] },
  { size: [6, 6], channels: 32, outputs: 64, kernel: [3, 3], images: 2, group: 2, pads: [1, 1, 1, 1] },
  { size: [5, 6], channels: 3, outputs: 4, kernel: [3, 3], images: 0 },
  { size: [7, 9], channels: 17, outputs: 19, kernel: [3, 3], images: 3, pads: [1, 1, 1, 1] },
  { size: [6, 11], channels: 16, outputs: 33, kernel: [3, 3], images: 2, pads: [2, 0, 1, 3] },
  { size: [9, 8], channels: 33, outputs: 18, kernel: [3, 3], images: 1, pads: [3, 4, 3, 0] },
  { size: [12, 12], channels: 20, outputs: 40, kernel: [3, 3], images: 9 },
  { size: [13, 11], channels: 16, outputs: 20, kernel: [3, 3], images: 3, pads: [1, 1, 1, 1] },
  { size: [14, 9], channels: 28, outputs: 16, kernel: [3, 3], images: 5, pads: [2, 0, 1, 3] },
  { size: [9, 8], channels: 36, outputs: 24, kernel: [3, 3], images: 4, pads: [2, 1, 2, 0] },
  { size: [25, 13], channels: 16, outputs: 20, kernel: [3, 3], images: 11, pads: [1, 1, 1, 1] },
  { size: [11, 9], channels: 17, outputs: 19, kernel: [3, 3], images: 9, pads: [1, 1, 1, 1] },
  { size: [12, 12], channels: 20, outputs: 40, kernel: [3, 3], images: 21 },
  { size: [11, 9], channels: 84, outputs: 28, kernel: [3, 3], images: 6, pads: [1, 2, 1, 0] },
]

const one = [1, 1] as const
const none = [0, 0, 0, 0] as const

interface Result {
  readonly values: Float64Array
  readonly scale: Float64Array
  /** The largest number of products that one element sums. */
  depth: number
}

const emptyResult = (dims: readonly number[]): Result => ({
  values: new Float64Array(sizeOf(dims)),
  scale: new Float64Array(sizeOf(dims)),
  depth: 0,
})

/** Calls `visit` with the flat indices of x, w and y for every product in the convolution. */
function walk(c: Case, outSize: readonly number[], visit: (x: number, w: number, y: number) => void): void {
  const { images = 1, size, channels, outputs, kernel, strides = one, dilations = one, pads = none, group = 1 } = c
  const groupChannels = channels / group
  const groupOutputs = outputs / group
  for (let n = 0; n < images; n++)
    for (let oy = 0; oy < outSize[0]; oy++)
      for (let ox = 0; ox < outSize[1]; ox++)
        for (let ky = 0; ky < kernel[0]; ky++)
          for (let kx = 0; kx < kernel[1]; kx++) {
            const iy = oy * strides[0] + ky * dilations[0] - pads[0]
            const ix = ox * strides[1] + kx * dilations[1] - pads[1]
            if (iy < 0 || ix < 0 || iy >= size[0] || ix >= size[1]) continue
            for (let i = 0; i < groupChannels; i++)
              for (let o = 0; o < outputs; o++)
                visit(
                  ((n * size[0] + iy) * size[1] + ix) * channels + Math.floor(o / groupOutputs) * groupChannels + i,
                  ((ky * kernel[1] + kx) * groupChannels + i) * outputs + o,
                  ((n * outSize[0] + oy) * outSize[1] + ox) * outputs + o,
                )
          }
}

const outputSize = ({ size, kernel, strides = one, dilations = one, pads = none }: Case) =>
  [0, 1].map(
    (axis) =>
      Math.floor(
        (size[axis] + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis],
      ) + 1,
  )

const attributesOf = ({ kernel, strides = one, dilations = one, pads = none, group = 1 }: Case): Attributes => ({
  auto_pad: 'NOTSET',
  kernel_shape: kernel,
  strides,
  dilations,
  pads,
  group,
})

const float32 = (shape: readonly number[]) => [{ dtype: 'float32' as const, shape }]

for (const build of loadableBuilds()) {
  const convolutions = suite(`conv ${build}`)

  for (const c of cases) {
    const { images = 1, size, channels, outputs, kernel, group = 1 } = c
    const outSize = outputSize(c)
    const xShape = [images, ...size, channels]
    const wShape = [...kernel, channels / group, outputs]
    const yShape = [images, ...outSize, outputs]
    const attributes = attributesOf(c)
    const title = JSON.stringify(c)
    const x = randomTensor(xShape)
    const w = randomTensor(wShape)
    const dy = randomTensor(yShape)
    const [xData, wData, dyData] = [x, w, dy].map((tensor) => tensor.data as Float32Array)

    const sum = (dims: readonly number[], term: (x: number, w: number, y: number) => readonly [number, number]) => {
      const result = emptyResult(dims)
      const counts = new Int32Array(result.values.length)
      walk(c, outSize, (xAt, wAt, yAt) => {
        const [at, product] = term(xAt, wAt, yAt)
        result.values[at] += product
        result.scale[at] += Math.abs(product)
        result.depth = Math.max(result.depth, ++counts[at])
      })
      return result
    }

    convolutions(`forward ${title}`, () => {
      const bias = outputs % 2 === 1 ? randomTensor([outputs]) : undefined
      const { values, scale, depth } = sum(yShape, (xAt, wAt, yAt) => [yAt, xData[xAt] * wData[wAt]])
      if (bias)
        values.forEach((_, at) => {
          const addend = (bias.data as Float32Array)[at % outputs]
          values[at] += addend
          scale[at] += Math.abs(addend)
        })
      const run = (activation: string | undefined, constants: readonly number[] = []) =>
        runLowering(convLowerings['lanewise.ConvNhwc'], 'lanewise.ConvNhwc', {
          build,
          inputs: [x, w, bias],
          outputs: float32(yShape),
          attributes: { ...attributes, activation },
          constants,
        })[0]
      assertNear(run(undefined), values, scale, depth, title)
      assertNear(run(undefined, [1]), values, scale, depth, `${title}, constant weights`)
      assertNear(
        run('relu'),
        values.map((value) => Math.max(0, value)),
        scale,
        depth,
        title,
      )
      assertNear(
        run('tanh'),
        values.map(Math.tanh),
        scale.map((value) => value + 1),
        depth + 4,
        title,
      )
    })

    convolutions(`input gradient ${title}`, () => {
      const { values, scale, depth } = sum(xShape, (xAt, wAt, yAt) => [xAt, dyData[yAt] * wData[wAt]])
      for (const constants of [[], [1]]) {
        const [dx] = runLowering(
          convGradientLowerings['lanewise.ConvInputGradientNhwc'],
          'lanewise.ConvInputGradientNhwc',
          {
            build,
            inputs: [dy, w],
            outputs: float32(xShape),
            attributes: { ...attributes, input_shape: xShape },
            constants,
          },
        )
        assertNear(dx, values, scale, depth, `${title}, constants ${constants}`)
      }
    })

    convolutions(`weight gradient ${title}`, () => {
      const { values, scale, depth } = sum(wShape, (xAt, wAt, yAt) => [wAt, xData[xAt] * dyData[yAt]])
      const [dw] = runLowering(
        convGradientLowerings['lanewise.ConvWeightGradientNhwc'],
        'lanewise.ConvWeightGradientNhwc',
        {
          build,
          inputs: [x, dy],
          outputs: float32(wShape),
          attributes: { ...attributes, weight_shape: wShape },
        },
      )
      assertNear(dw, values, scale, depth, title)
    })
  }

  convolutions('one spatial axis', () => {
    const flat: Case = {
      images: 3,
      size: [1, 13],
      channels: 3,
      outputs: 5,
      kernel: [1, 3],
      strides: [1, 2],
      dilations: [1, 2],
      pads: [0, 1, 0, 2],
    }
    const outSize = outputSize(flat)
    const x = randomTensor([3, 13, 3])
    const w = randomTensor([3, 3, 5])
    const yShape = [3, outSize[1], 5]
    const result = emptyResult(yShape)
    walk(flat, outSize, (xAt, wAt, yAt) => {
      const product = (x.data as Float32Array)[xAt] * (w.data as Float32Array)[wAt]
      result.values[yAt] += product
      result.scale[yAt] += Math.abs(product)
    })
    const [y] = runLowering(convLowerings['lanewise.ConvNhwc'], 'lanewise.ConvNhwc', {
      build,
      inputs: [x, w],
      outputs: float32(yShape),
      attributes: { auto_pad: 'NOTSET', kernel_shape: [3], strides: [2], dilations: [2], pads: [1, 2], group: 1 },
    })
    assertNear(y, result.values, result.scale, 9, 'one axis')
  })

  convolutions.run()
}
