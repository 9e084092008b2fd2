import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { type Layer, layers } from '../src/keras/index.js'
import {
  at,
  convolve,
  convolveDepthwise,
  convolveTransposed,
  type Grid,
  grid,
  make,
  mean,
  placement,
  pool,
  reduce,
  type Window,
} from './support/grids.js'
import { batch, list, type Row, ranks, sample, testRows } from './support/layer-rows.js'
import { around, far, normals, predictions, values } from './support/layers.js'

const convolutions: Row[] = [
  ...(['conv1d', 'conv2d', 'conv3d'] as const).flatMap((name, i): Row[] => {
    const rank = i + 1
    const kernel = list(rank, 3, 2, 2)
    const strides = list(rank, 2, 1, 2)
    return [
      {
        name: `${name}, strides, same`,
        layer: () => layers[name]({ filters: 3, kernelSize: kernel, strides, padding: 'same' }),
        inputs: [sample(rank, 2)],
        formula: ([x], [w, b]) => convolve(x, w, b, { kernel, strides, padding: 'same' }),
      },
      {
        name: `${name}, dilated`,
        layer: () => layers[name]({ filters: 2, kernelSize: 2, dilationRate: 2, activation: 'tanh' }),
        inputs: [sample(rank, 2)],
        formula: ([x], [w, b]) => {
          const y = convolve(x, w, b, { kernel: list(rank, 2, 2, 2), dilation: list(rank, 2, 2, 2) })
          return { dims: y.dims, data: y.data.map(Math.tanh) }
        },
      },
      {
        name: `${name}, groups`,
        layer: () => layers[name]({ filters: 4, kernelSize: 2, groups: 2, useBias: false }),
        inputs: [sample(rank, 4)],
        formula: ([x], [w]) => convolve(x, w, undefined, { kernel: list(rank, 2, 2, 2) }, 2),
      },
    ]
  }),
  {
    name: 'conv1d, causal',
    layer: () => layers.conv1d({ filters: 2, kernelSize: 3, dilationRate: 2, padding: 'causal' }),
    inputs: [[7, 2]],
    formula: ([x], [w, b]) => convolve(x, w, b, { kernel: [3], dilation: [2], padding: 'causal' }),
  },
  ...(['conv1dTranspose', 'conv2dTranspose', 'conv3dTranspose'] as const).flatMap((name, i): Row[] => {
    const rank = i + 1
    const kernel = list(rank, 3, 2, 4)
    const strides = list(rank, 2, 3, 2)
    const inputs = [[...[3, 2, 2].slice(0, rank), 2]]
    return (['valid', 'same'] as const).map((padding) => ({
      name: `${name}, ${padding}`,
      layer: () => layers[name]({ filters: 3, kernelSize: kernel, strides, padding }),
      inputs,
      formula: ([x], [w, b]) => convolveTransposed(x, w, b, { kernel, strides, padding }),
    }))
  }),
  ...(['depthwiseConv1d', 'depthwiseConv2d'] as const).map((name, i): Row => {
    const rank = i + 1
    const window: Window = { kernel: list(rank, 3, 2), strides: list(rank, 2, 2), padding: 'same' }
    return {
      name,
      layer: () =>
        layers[name]({ kernelSize: window.kernel, strides: window.strides, padding: 'same', depthMultiplier: 2 }),
      inputs: [sample(rank, 3)],
      formula: ([x], [w, b]) => {
        const y = convolveDepthwise(x, w, window)
        return make(y.dims, (index) => at(y, index) + b.data[index.at(-1)!])
      },
    }
  }),
  ...(['separableConv1d', 'separableConv2d'] as const).map((name, i): Row => {
    const rank = i + 1
    const window: Window = { kernel: list(rank, 3, 2) }
    return {
      name,
      layer: () => layers[name]({ filters: 3, kernelSize: window.kernel, depthMultiplier: 2 }),
      inputs: [sample(rank, 2)],
      formula: ([x], [depthwise, pointwise, b]) =>
        convolve(convolveDepthwise(x, depthwise, window), pointwise, b, { kernel: list(rank, 1, 1) }),
    }
  }),
]

const pools: Row[] = ranks.flatMap((rank): Row[] => {
  const poolSize = list(rank, 3, 2, 2)
  const strides = list(rank, 2, 2, 1)
  const inputs = [sample(rank, 2)]
  const plane = list(rank, 1, 2, 3)
  return [
    ...(['valid', 'same'] as const).flatMap((padding): Row[] => [
      {
        name: `maxPooling${rank}d, ${padding}`,
        layer: () => layers[`maxPooling${rank}d`]({ poolSize, strides, padding }),
        inputs,
        formula: ([x]) => pool(x, { kernel: poolSize, strides, padding }, 'max'),
      },
      {
        name: `averagePooling${rank}d, ${padding}`,
        layer: () => layers[`averagePooling${rank}d`]({ poolSize, padding }),
        inputs,
        formula: ([x]) => pool(x, { kernel: poolSize, strides: poolSize, padding }, 'mean'),
      },
    ]),
    {
      name: `globalMaxPooling${rank}d`,
      layer: () => layers[`globalMaxPooling${rank}d`]({ keepdims: true }),
      inputs,
      formula: ([x]) => reduce(x, plane, (all) => Math.max(...all)),
    },
    {
      name: `globalAveragePooling${rank}d`,
      layer: () => layers[`globalAveragePooling${rank}d`](),
      inputs,
      formula: ([x]) => ({ dims: [batch, 2], data: reduce(x, plane, mean).data }),
    },
  ]
})

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** A convolutional LSTM by its formulas, [n, steps, …, c] to the last output. */
function convLstm(x: Grid, [kernel, recurrent, bias]: readonly Grid[], window: Window): Grid {
  const [n, steps, ...rest] = x.dims
  const filters = kernel.dims.at(-1)! / 4
  const { out } = placement(rest.slice(0, -1), window)
  let h = make([n, ...out, filters], () => 0)
  let c = h
  for (let t = 0; t < steps; t++) {
    const now = make([n, ...rest], ([b, ...index]) => at(x, [b, t, ...index]))
    const input = convolve(now, kernel, bias, window)
    const state = convolve(h, recurrent, undefined, { kernel: window.kernel, padding: 'same' })
    const gate = (index: readonly number[], g: number) => {
      const place = [...index.slice(0, -1), g * filters + index.at(-1)!]
      return at(input, place) + at(state, place)
    }
    const old = c
    c = make(
      h.dims,
      (index) => sigmoid(gate(index, 1)) * at(old, index) + sigmoid(gate(index, 0)) * Math.tanh(gate(index, 2)),
    )
    const next = c
    h = make(h.dims, (index) => sigmoid(gate(index, 3)) * Math.tanh(at(next, index)))
  }
  return h
}
const recurrent: Row[] = ranks.map((rank) => {
  const kernelSize = list(rank, 3, 2, 2)
  const strides = list(rank, 2, 1, 1)
  const padding = rank === 2 ? 'valid' : 'same'
  return {
    name: `convLstm${rank}d`,
    layer: () => layers[`convLstm${rank}d`]({ filters: 2, kernelSize, strides, padding }),
    inputs: [[3, ...[5, 4, 3].slice(0, rank), 2]],
    formula: ([x], weights) => convLstm(x, weights, { kernel: kernelSize, strides, padding }),
  }
})

testRows([...convolutions, ...pools, ...recurrent])

test('channels first gives what channels last gives, axes moved', async () => {
  const pairs: readonly ((dataFormat: 'channels_first' | 'channels_last') => Layer)[] = [
    (dataFormat) => layers.conv2d({ filters: 3, kernelSize: 2, dataFormat, kernelInitializer: 'ones' }),
    (dataFormat) =>
      layers.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 2, dataFormat, kernelInitializer: 'ones' }),
    (dataFormat) => layers.depthwiseConv2d({ kernelSize: 2, dataFormat, depthwiseInitializer: 'ones' }),
    (dataFormat) => layers.maxPooling2d({ dataFormat }),
    (dataFormat) => layers.zeroPadding2d({ dataFormat }),
    (dataFormat) => layers.upSampling2d({ dataFormat, interpolation: 'bilinear' }),
  ]
  const last = normals(batch, 4, 6, 2)
  const source = grid(last)
  const first = make([batch, 2, 4, 6], ([n, c, i, k]) => at(source, [n, i, k, c]))
  for (const build of pairs) {
    const [a, b] = [around(build('channels_last'), [[4, 6, 2]]), around(build('channels_first'), [[2, 4, 6]])]
    const expected = grid((await predictions(a, [last]))[0])
    const [y] = await predictions(b, [new Tensor('float32', first.data, first.dims)])
    const [n, h, w, c] = expected.dims
    assert.equal(y.dims, [n, c, h, w])
    const moved = make(y.dims, ([n, c, i, k]) => at(expected, [n, i, k, c]))
    assert.ok(far(values(y), moved.data) < 1e-5)
    for (const net of [a, b]) net.dispose()
  }
})

test.run()
