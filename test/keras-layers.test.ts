import { test } from 'uvu'
import { layers } from '../src/keras/index.js'
import { at, type Grid, make, mean, reduce, spread } from './support/grids.js'
import { batch, list, type Row, ranks, sample, testRows } from './support/layer-rows.js'

const shapes: Row[] = [
  ...ranks.flatMap((rank): Row[] => {
    const margins = list(rank, 1, 0, 1).map((start, i) => [start, i + 1] as const)
    const inputs = [sample(rank, 2)]
    const resized = (x: Grid, by: (size: number, i: number) => number) =>
      x.dims.map((size, axis) => (axis === 0 || axis === rank + 1 ? size : by(size, axis - 1)))
    const moved = (index: readonly number[], sign: number) =>
      index.map((item, axis) => (axis === 0 || axis === rank + 1 ? item : item + sign * margins[axis - 1][0]))
    const factor = list(rank, 2, 3, 2)
    return [
      {
        name: `zeroPadding${rank}d`,
        layer: () => layers[`zeroPadding${rank}d`]({ padding: rank === 1 ? margins[0] : margins }),
        inputs,
        formula: ([x]) =>
          make(
            resized(x, (size, i) => size + margins[i][0] + margins[i][1]),
            (index) => at(x, moved(index, -1)),
          ),
      },
      {
        name: `cropping${rank}d`,
        layer: () => layers[`cropping${rank}d`]({ cropping: rank === 1 ? margins[0] : margins }),
        inputs,
        formula: ([x]) =>
          make(
            resized(x, (size, i) => size - margins[i][0] - margins[i][1]),
            (index) => at(x, moved(index, 1)),
          ),
      },
      {
        name: `upSampling${rank}d`,
        layer: () => layers[`upSampling${rank}d`]({ size: factor }),
        inputs,
        formula: ([x]) =>
          make(
            resized(x, (size, i) => size * factor[i]),
            (index) =>
              at(
                x,
                index.map((item, axis) =>
                  axis === 0 || axis === rank + 1 ? item : Math.floor(item / factor[axis - 1]),
                ),
              ),
          ),
      },
    ]
  }),
  {
    name: 'permute',
    layer: () => layers.permute({ dims: [3, 1, 2] }),
    inputs: [[2, 3, 4]],
    formula: ([x]) => make([batch, 4, 2, 3], ([n, c, a, b]) => at(x, [n, a, b, c])),
  },
  {
    name: 'repeatVector',
    layer: () => layers.repeatVector({ n: 3 }),
    inputs: [[4]],
    formula: ([x]) => make([batch, 3, 4], ([n, , c]) => at(x, [n, c])),
  },
  {
    name: 'reshape',
    layer: () => layers.reshape({ targetShape: [-1, 2] }),
    inputs: [[3, 4]],
    formula: ([x]) => ({ dims: [batch, 6, 2], data: x.data }),
  },
  {
    name: 'flatten, channels first',
    layer: () => layers.flatten({ dataFormat: 'channels_first' }),
    inputs: [[2, 3, 4]],
    formula: ([x]) => ({
      dims: [batch, 24],
      data: make([batch, 3, 4, 2], ([n, a, b, c]) => at(x, [n, c, a, b])).data,
    }),
  },
  { name: 'identity', layer: () => layers.identity(), inputs: [[3]], formula: ([x]) => x },
]

const fold = (combine: (a: number, b: number) => number) => (inputs: readonly Grid[]) => ({
  dims: inputs[0].dims,
  data: inputs[0].data.map((first, i) => inputs.slice(1).reduce((sum, { data }) => combine(sum, data[i]), first)),
})
const cosine = (a: readonly number[], b: readonly number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0)
const three = [
  [3, 2],
  [3, 2],
  [3, 2],
]
const merges: Row[] = [
  { name: 'add', layer: () => layers.add(), inputs: three, formula: fold((a, b) => a + b) },
  { name: 'subtract', layer: () => layers.subtract(), inputs: three.slice(1), formula: fold((a, b) => a - b) },
  { name: 'multiply', layer: () => layers.multiply(), inputs: three, formula: fold((a, b) => a * b) },
  { name: 'maximum', layer: () => layers.maximum(), inputs: three, formula: fold(Math.max) },
  { name: 'minimum', layer: () => layers.minimum(), inputs: three, formula: fold(Math.min) },
  {
    name: 'average',
    layer: () => layers.average(),
    inputs: three,
    formula: (all) => ({ dims: all[0].dims, data: fold((a, b) => a + b)(all).data.map((sum) => sum / 3) }),
  },
  {
    name: 'concatenate',
    layer: () => layers.concatenate({ axis: 1 }),
    inputs: [
      [3, 2],
      [1, 2],
    ],
    formula: ([a, b]) => make([batch, 4, 2], ([n, i, c]) => (i < 3 ? at(a, [n, i, c]) : at(b, [n, i - 3, c]))),
  },
  {
    name: 'dot',
    layer: () => layers.dot({ axes: [1, 2] }),
    inputs: [
      [4, 3],
      [2, 4],
    ],
    formula: ([a, b]) =>
      make([batch, 3, 2], ([n, i, k]) =>
        dot(
          [0, 1, 2, 3].map((j) => at(a, [n, j, i])),
          [0, 1, 2, 3].map((j) => at(b, [n, k, j])),
        ),
      ),
  },
  {
    name: 'dot of vectors, normalized',
    layer: () => layers.dot({ axes: 1, normalize: true }),
    inputs: [[4], [4]],
    formula: ([a, b]) =>
      make([batch, 1], ([n]) =>
        cosine(
          [0, 1, 2, 3].map((j) => at(a, [n, j])),
          [0, 1, 2, 3].map((j) => at(b, [n, j])),
        ),
      ),
  },
]

const variance = (all: readonly number[]) => mean(all.map((value) => (value - mean(all)) ** 2))
const meanSquare = (all: readonly number[]) => mean(all.map((value) => value ** 2))
/** What `axes` of an index are, for weights over them. */
const pick = (weight: Grid, index: readonly number[], axes: readonly number[]) =>
  at(
    weight,
    axes.map((axis) => index[axis]),
  )
const normalizations: Row[] = [
  {
    name: 'layerNormalization',
    layer: () => layers.layerNormalization(),
    inputs: [[3, 4]],
    formula: ([x], [gamma, beta]) => {
      const [centre, spreadOf] = [reduce(x, [2], mean), reduce(x, [2], variance)]
      return make(x.dims, (index) => {
        const normal = (at(x, index) - spread(centre, index)) / Math.sqrt(spread(spreadOf, index) + 1e-3)
        return normal * pick(gamma, index, [2]) + pick(beta, index, [2])
      })
    },
  },
  {
    name: 'layerNormalization over two axes',
    layer: () => layers.layerNormalization({ axis: [1, 2], epsilon: 0.01, center: false }),
    inputs: [[3, 4, 2]],
    formula: ([x], [gamma]) => {
      const [centre, spreadOf] = [reduce(x, [1, 2], mean), reduce(x, [1, 2], variance)]
      return make(x.dims, (index) => {
        const normal = (at(x, index) - spread(centre, index)) / Math.sqrt(spread(spreadOf, index) + 0.01)
        return normal * pick(gamma, index, [1, 2])
      })
    },
  },
  {
    name: 'rmsNormalization',
    layer: () => layers.rmsNormalization({ epsilon: 0.01 }),
    inputs: [[3, 4]],
    formula: ([x], [scale]) => {
      const square = reduce(x, [2], meanSquare)
      return make(x.dims, (index) => (at(x, index) / Math.sqrt(spread(square, index) + 0.01)) * pick(scale, index, [2]))
    },
  },
  {
    name: 'unitNormalization',
    layer: () => layers.unitNormalization({ axis: 1 }),
    inputs: [[3, 4]],
    formula: ([x]) => {
      const length = reduce(x, [1], (all) => Math.hypot(...all))
      return make(x.dims, (index) => at(x, index) / spread(length, index))
    },
  },
  {
    name: 'groupNormalization',
    layer: () => layers.groupNormalization({ groups: 2 }),
    inputs: [[3, 2, 4]],
    formula: ([x], [gamma, beta]) => {
      const parted = { dims: [batch, 3, 2, 2, 2], data: x.data }
      const [centre, spreadOf] = [reduce(parted, [1, 2, 4], mean), reduce(parted, [1, 2, 4], variance)]
      return make(x.dims, (index) => {
        const inner = [index[0], 0, 0, Math.floor(index[3] / 2), 0]
        const normal = (at(x, index) - at(centre, inner)) / Math.sqrt(at(spreadOf, inner) + 1e-3)
        return normal * pick(gamma, index, [3]) + pick(beta, index, [3])
      })
    },
  },
  {
    name: 'batchNormalization',
    layer: () => layers.batchNormalization({ axis: 1 }),
    inputs: [[3, 4]],
    formula: ([x], [gamma, beta, moving, movingVariance]) =>
      make(x.dims, (index) => {
        const of = (weight: Grid) => pick(weight, index, [1])
        return ((at(x, index) - of(moving)) / Math.sqrt(of(movingVariance) + 1e-3)) * of(gamma) + of(beta)
      }),
  },
]

const others: Row[] = [
  {
    name: 'dense on several axes',
    layer: () => layers.dense({ units: 3, activation: 'sigmoid' }),
    inputs: [[2, 4]],
    formula: ([x], [w, b]) =>
      make([batch, 2, 3], ([n, i, f]) => {
        const sum = [0, 1, 2, 3].reduce((all, c) => all + at(x, [n, i, c]) * at(w, [c, f]), b.data[f])
        return 1 / (1 + Math.exp(-sum))
      }),
  },
  {
    name: 'einsumDense with an ellipsis',
    layer: () => layers.einsumDense({ equation: '...x,xy->...y', outputShape: 3, biasAxes: 'y', activation: 'tanh' }),
    inputs: [[2, 4]],
    formula: ([x], [w, b]) =>
      make([batch, 2, 3], ([n, i, f]) =>
        Math.tanh([0, 1, 2, 3].reduce((all, c) => all + at(x, [n, i, c]) * at(w, [c, f]), b.data[f])),
      ),
  },
  {
    name: 'einsumDense over two axes',
    layer: () => layers.einsumDense({ equation: 'abc,cde->abde', outputShape: [null, 3, 2], biasAxes: 'd' }),
    inputs: [[2, 4]],
    formula: ([x], [w, b]) =>
      make([batch, 2, 3, 2], ([n, i, d, e]) =>
        [0, 1, 2, 3].reduce((all, c) => all + at(x, [n, i, c]) * at(w, [c, d, e]), at(b, [d, 0])),
      ),
  },
  {
    name: 'pReLU with a shared axis',
    layer: () => layers.pReLU({ sharedAxes: [1] }),
    inputs: [[3, 4]],
    formula: ([x], [alpha]) =>
      make(x.dims, (index) => Math.max(at(x, index), 0) + at(alpha, [0, index[2]]) * Math.min(at(x, index), 0)),
  },
  {
    name: 'reLU',
    layer: () => layers.reLU({ maxValue: 1, negativeSlope: 0.1, threshold: 0.2 }),
    inputs: [[9]],
    formula: ([x]) => ({ dims: x.dims, data: x.data.map((v) => (v > 0.2 ? Math.min(v, 1) : 0.1 * (v - 0.2))) }),
  },
  {
    name: 'leakyReLU',
    layer: () => layers.leakyReLU(),
    inputs: [[9]],
    formula: ([x]) => ({ dims: x.dims, data: x.data.map((v) => (v > 0 ? v : 0.3 * v)) }),
  },
  {
    name: 'elu',
    layer: () => layers.elu({ alpha: 0.5 }),
    inputs: [[9]],
    formula: ([x]) => ({ dims: x.dims, data: x.data.map((v) => (v > 0 ? v : 0.5 * Math.expm1(v))) }),
  },
  {
    name: 'softmax over two axes',
    layer: () => layers.softmax({ axis: [1, 2] }),
    inputs: [[3, 2]],
    formula: ([x]) => {
      const sums = reduce(x, [1, 2], (all) => all.reduce((sum, v) => sum + Math.exp(v), 0))
      return make(x.dims, (index) => Math.exp(at(x, index)) / spread(sums, index))
    },
  },
]

testRows([...shapes, ...merges, ...normalizations, ...others])

test.run()
