import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { reductionPasses } from '../src/backend/reduction.js'
import { crossEntropyLowerings } from '../src/backend/wasm/lower/crossentropy.js'
import { reduceLowerings } from '../src/backend/wasm/lower/reduce.js'
import { partLengthOf } from '../src/backend/wasm/lower/reduction-passes.js'
import { softmaxLowerings } from '../src/backend/wasm/lower/softmax.js'
import { broadcastStrides, sizeOf, stridesOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { operandTensor } from './cases/case.js'
import { builds, runLowering } from './support/kernels.js'

const random = (shape: readonly number[], seed: number, range?: readonly [number, number]) =>
  operandTensor({ shape, range }, seed)

/** For each element of the reduction of `dims` over `axes`, the indices of what it is made of, in order. */
function indicesOf(dims: readonly number[], axes: readonly number[]): number[][] {
  const strides = stridesOf(dims)
  const kept = keptOf(dims, axes)
  const reads = broadcastStrides(kept, dims)
  const indices = Array.from({ length: sizeOf(kept) }, (): number[] => [])
  for (let index = 0; index < sizeOf(dims); index++) {
    let group = 0
    for (let axis = 0; axis < dims.length; axis++)
      group += (Math.floor(index / strides[axis]) % dims[axis]) * reads[axis]
    indices[group].push(index)
  }
  return indices
}

const known = new Map<string, number[][]>()

/** The elements of `x` that each element of the reduction over `axes` is made of, in order. */
function groupsOf(x: Tensor, axes: readonly number[]): number[][] {
  const key = `${x.dims} over ${axes}`
  const indices = known.get(key) ?? indicesOf(x.dims, axes)
  known.set(key, indices)
  return indices.map((group) => group.map((index) => Number(x.data[index])))
}

const keptOf = (shape: readonly number[], axes: readonly number[]) =>
  shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))

function assertClose(got: Tensor, want: readonly number[], tolerance: number, title: string): void {
  assert.is(got.size, want.length)
  got.toNumbers().forEach((value, i) => {
    const close = Object.is(value, want[i]) || Math.abs(value - want[i]) <= tolerance * (1 + Math.abs(want[i]))
    assert.ok(close, `${title}: element ${i} is ${value}, not ${want[i]}`)
  })
}

const sum = (x: readonly number[]) => x.reduce((total, value) => total + value, 0)
const most = (x: readonly number[]) => x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
const least = (x: readonly number[]) => x.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const logSumExp = (x: readonly number[]) => {
  const highest = most(x)
  return highest + Math.log(sum(x.map((value) => Math.exp(value - highest))))
}

type Reduction = Exclude<keyof typeof reduceLowerings, 'ArgMax' | 'ArgMin'>
const naive: Record<Reduction, (x: readonly number[]) => number> = {
  ReduceSum: sum,
  ReduceMean: (x) => sum(x) / x.length,
  ReduceMax: most,
  ReduceMin: least,
  ReduceProd: (x) => x.reduce((a, b) => a * b, 1),
  ReduceSumSquare: (x) => sum(x.map((value) => value * value)),
  ReduceL1: (x) => sum(x.map(Math.abs)),
  ReduceL2: (x) => Math.sqrt(sum(x.map((value) => value * value))),
  ReduceLogSum: (x) => Math.log(sum(x)),
  ReduceLogSumExp: logSumExp,
}

const odd = [1, 3, 5, 7, 17, 33, 1000]
const patterns: readonly (readonly [shape: readonly number[], axes: readonly number[]])[] = [
  [[], []],
  ...odd.map((size) => [[size], [0]] as const),
  ...odd.map((size) => [[3, size], [1]] as const),
  ...odd.map((size) => [[size, 3], [0]] as const),
  ...odd.map((size) => [[5, size], [0]] as const),
  [
    [2, 3, 5, 7],
    [0, 2],
  ],
  [
    [2, 3, 5, 7],
    [1, 3],
  ],
  [
    [2, 3, 5, 7],
    [0, 2, 3],
  ],
  [
    [2, 3, 5, 7],
    [1, 2],
  ],
  [[2, 1, 5, 7], [1]],
  [[3, 2050], []],
  [
    [9, 3, 1, 17],
    [0, 1],
  ],
  [[3000, 20], [0]],
  [[70, 1030], [0]],
  [[2, 700, 40], [1]],
  [[40000], [0]],
  [[2, 40000], [1]],
  [
    [70, 5, 300],
    [0, 2],
  ],
]

const reduceOf = (op: Reduction, x: Tensor, axes: readonly number[], build: (typeof builds)[number]) => {
  const [y] = runLowering(reduceLowerings[op], op, {
    inputs: [x, new Tensor('int64', axes, [axes.length])],
    outputs: [{ dtype: 'float32', shape: keptOf(x.dims, axes) }],
    attributes: { keepdims: 1, noop_with_empty_axes: 1 },
    constants: [1],
    build,
  })
  return y
}

for (const op of Object.keys(naive) as Reduction[])
  test(`${op} over any axes`, () => {
    for (const [shape, axes] of patterns) {
      const range =
        op === 'ReduceProd' ? ([0.9, 1.1] as const) : op === 'ReduceLogSum' ? ([0.1, 2] as const) : undefined
      const size = sizeOf(shape)
      if (op === 'ReduceProd' && size > 2000) continue
      const x = random(shape, size + 1, range)
      const want = groupsOf(x, axes).map(naive[op])
      const tolerance = op === 'ReduceSum' || op === 'ReduceMean' ? 3e-7 * Math.sqrt(size) + 1e-6 : 1e-5
      for (const build of builds)
        assertClose(reduceOf(op, x, axes, build), want, tolerance, `${op} [${shape}] ${axes} ${build}`)
    }
  })

test('sums are exact where float32 is', () => {
  for (const [shape, axes] of patterns) {
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7) % 13),
      shape,
    )
    const want = groupsOf(x, axes).map(sum)
    assert.equal(reduceOf('ReduceSum', x, axes, 'single-simd').toNumbers(), want)
  }
})

test('all axes are reduced where none are given', () => {
  const x = random([3, 5, 7], 1)
  const [y] = runLowering(reduceLowerings.ReduceSum, 'ReduceSum', {
    inputs: [x],
    outputs: [{ dtype: 'float32', shape: [] }],
    attributes: { keepdims: 0, noop_with_empty_axes: 0 },
  })
  assertClose(y, [sum(x.toNumbers())], 1e-5, 'ReduceSum')
})

test('reductions of nothing, of infinities and of NaN', () => {
  const empty = new Tensor('float32', [], [2, 0])
  assert.equal(reduceOf('ReduceSum', empty, [1], 'single-simd').toNumbers(), [0, 0])
  assert.equal(reduceOf('ReduceProd', empty, [1], 'single-simd').toNumbers(), [1, 1])
  assert.equal(reduceOf('ReduceMax', empty, [1], 'single-simd').toNumbers(), [-Infinity, -Infinity])
  const x = new Tensor('float32', [-Infinity, -Infinity, 1, Infinity, 1, Number.NaN], [3, 2])
  assert.equal(reduceOf('ReduceLogSumExp', x, [1], 'single-simd').toNumbers(), [-Infinity, Infinity, Number.NaN])
  assert.equal(reduceOf('ReduceMax', x, [1], 'single-simd').toNumbers(), [-Infinity, Infinity, Number.NaN])
  const large = new Tensor('float32', [1000, 1000, -1000, -1000], [2, 2])
  const want = [1000 + Math.LN2, -1000 + Math.LN2]
  assertClose(reduceOf('ReduceLogSumExp', large, [1], 'single-simd'), want, 1e-6, 'ReduceLogSumExp')
})

test('a bias gradient is cut into parts that are added in order', () => {
  const passes = reductionPasses([73728, 20], [0], partLengthOf)
  assert.is(passes.length, 2)
  assert.is(passes[0].outer * passes[0].parts, passes[1].length)
  assert.ok(passes[0].parts >= 64 && passes[0].parts * passes[0].partLength >= 73728)
})

for (const op of ['ArgMax', 'ArgMin'] as const)
  test(`${op} along any axis, first and last of equals`, () => {
    for (const [shape, axis] of [
      ...odd.map((size) => [[3, size], 1] as const),
      ...odd.map((size) => [[size, 3], 0] as const),
      [[5, 7, 3], -2] as const,
      [[20000, 2], 1] as const,
    ])
      for (const last of [0, 1]) {
        const x = operandTensor({ shape, dtype: 'int32', range: [-4, 4] }, 5)
        const floats = new Tensor('float32', x.toNumbers(), shape)
        const at = axis < 0 ? axis + shape.length : axis
        const groups = groupsOf(floats, [at])
        const want = groups.map((group) => {
          const best = op === 'ArgMax' ? most(group) : least(group)
          return last ? group.lastIndexOf(best) : group.indexOf(best)
        })
        const [y] = runLowering(reduceLowerings[op], op, {
          inputs: [floats],
          outputs: [{ dtype: 'int64', shape: keptOf(shape, [at]) }],
          attributes: { axis, keepdims: 1, select_last_index: last },
        })
        assert.equal(y.toNumbers(), want)
      }
  })

const softmaxShapes: readonly (readonly [readonly number[], number])[] = [
  ...odd.map((size) => [[3, size], -1] as const),
  ...odd.map((size) => [[size, 3], 0] as const),
  [[2, 5, 7], 1],
  [[2, 5, 33], 1],
  [[700, 10], -1],
]

/** Applies `f` to every line of the operands along `axis`. */
function alongAxis(f: (...lines: number[][]) => number[], operands: readonly Tensor[], axis: number): number[] {
  const { dims } = operands[0]
  const at = axis < 0 ? axis + dims.length : axis
  const stride = sizeOf(dims.slice(at + 1))
  const result = new Array<number>(sizeOf(dims))
  const numbers = operands.map((operand) => operand.toNumbers())
  for (let start = 0; start < result.length; start++) {
    if (Math.floor(start / stride) % dims[at] !== 0) continue
    const places = Array.from({ length: dims[at] }, (_, i) => start + i * stride)
    f(...numbers.map((values) => places.map((place) => values[place]))).forEach((value, i) => {
      result[places[i]] = value
    })
  }
  return result
}

const logSoftmax = (x: readonly number[]) => {
  const total = logSumExp(x)
  return x.map((value) => value - total)
}
const crossEntropySlope = (target: readonly number[]) => {
  const total = sum(target)
  return (p: number, i: number) => p * total - target[i]
}
const softmax = (x: readonly number[]) => logSoftmax(x).map(Math.exp)

test('Softmax and LogSoftmax along any axis, also in place', () => {
  for (const build of builds)
    for (const [shape, axis] of softmaxShapes)
      for (const inPlace of [undefined, [0]]) {
        const x = random(shape, 3, [-30, 30])
        const spec = {
          inputs: [x],
          outputs: [{ dtype: 'float32', shape }],
          attributes: { axis },
          inPlace,
          build,
        } as const
        const title = `[${shape}] ${axis} ${build}`
        const [y] = runLowering(softmaxLowerings.Softmax, 'Softmax', spec)
        assertClose(y, alongAxis(softmax, [x], axis), 1e-6, `Softmax ${title}`)
        const [z] = runLowering(softmaxLowerings.LogSoftmax, 'LogSoftmax', spec)
        assertClose(z, alongAxis(logSoftmax, [x], axis), 1e-6, `LogSoftmax ${title}`)
      }
})

test('Softmax of large logits, and NaN stays in its row', () => {
  const x = new Tensor('float32', [1000, 1000, -1000, 0, Number.NaN, 0], [3, 2])
  const [y] = runLowering(softmaxLowerings.Softmax, 'Softmax', {
    inputs: [x],
    outputs: [{ dtype: 'float32', shape: [3, 2] }],
    attributes: { axis: -1 },
  })
  assert.equal(y.toNumbers(), [0.5, 0.5, 0, 1, Number.NaN, Number.NaN])
})

test('SoftmaxGradient along any axis, over either operand', () => {
  for (const build of builds)
    for (const [shape, axis] of softmaxShapes)
      for (const inPlace of [undefined, [0], [1]]) {
        const [dy, y] = [random(shape, 1), random(shape, 2, [0, 1])]
        const [dx] = runLowering(crossEntropyLowerings['lanewise.SoftmaxGradient'], 'lanewise.SoftmaxGradient', {
          inputs: [dy, y],
          outputs: [{ dtype: 'float32', shape }],
          attributes: { axis },
          inPlace,
          build,
        })
        const want = alongAxis(
          (g, p) => {
            const total = sum(g.map((value, i) => value * p[i]))
            return p.map((value, i) => value * (g[i] - total))
          },
          [dy, y],
          axis,
        )
        assertClose(dx, want, 1e-5, `SoftmaxGradient [${shape}] ${axis}`)
      }
})

test('SoftmaxCrossEntropy and its gradient', () => {
  for (const build of builds)
    for (const length of odd)
      for (const rows of [1, 3, 130]) {
        const shape = [rows, length]
        const logits = random(shape, 1, [-20, 20])
        const target = random(shape, 2, [0, 1])
        for (let i = 0; i < target.size; i += 3) target.data[i] = 0
        const [loss, p] = runLowering(
          crossEntropyLowerings['lanewise.SoftmaxCrossEntropy'],
          'lanewise.SoftmaxCrossEntropy',
          {
            inputs: [logits, target],
            outputs: [
              { dtype: 'float32', shape: [rows] },
              { dtype: 'float32', shape },
            ],
            build,
          },
        )
        const terms = alongAxis((x, t) => logSoftmax(x).map((value, i) => -value * t[i]), [logits, target], -1)
        const want = Array.from({ length: rows }, (_, row) => sum(terms.slice(row * length, (row + 1) * length)))
        assertClose(loss, want, 1e-5, `loss [${shape}]`)
        assertClose(p, alongAxis(softmax, [logits], -1), 1e-6, `probabilities [${shape}]`)

        const dloss = random([rows], 3)
        const [dx] = runLowering(
          crossEntropyLowerings['lanewise.SoftmaxCrossEntropyGradient'],
          'lanewise.SoftmaxCrossEntropyGradient',
          {
            inputs: [dloss, p, target],
            outputs: [{ dtype: 'float32', shape }],
            build,
            inPlace: [length > 5 ? 1 : undefined],
          },
        )
        const slopes = alongAxis((q, t) => q.map(crossEntropySlope(t)), [p, target], -1)
        const gradient = slopes.map((slope, i) => slope * Number(dloss.data[Math.floor(i / length)]))
        assertClose(dx, gradient, 1e-5, `gradient [${shape}]`)
      }
})

test('a target of zero takes no part, whatever the logit', () => {
  const [loss] = runLowering(crossEntropyLowerings['lanewise.SoftmaxCrossEntropy'], 'lanewise.SoftmaxCrossEntropy', {
    inputs: [new Tensor('float32', [-Infinity, 0, 0], [1, 3]), new Tensor('float32', [0, 0.5, 0.5], [1, 3])],
    outputs: [
      { dtype: 'float32', shape: [1] },
      { dtype: 'float32', shape: [1, 3] },
    ],
  })
  assertClose(loss, [Math.LN2], 1e-6, 'loss')
})

test.run()
