import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { matMulLowerings } from '../src/backend/wasm/lower/matmul.js'
import type { Attributes } from '../src/core/ir.js'
import { broadcastShapes, broadcastStrides, sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { runLowering } from './support/kernels.js'
import { assertNear, loadableBuilds, randomTensor } from './support/products.js'

interface Product {
  readonly a: Tensor
  readonly b: Tensor
  readonly bias?: Tensor
  readonly transA?: boolean
  readonly transB?: boolean
}

/** a b + bias in float64, with the sum of the absolute products beside each element. */
function naive({ a, b, bias, transA, transB }: Product) {
  const [aRows, aColumns] = a.dims.slice(-2)
  const [bRows, bColumns] = b.dims.slice(-2)
  const [rows, depth] = transA ? [aColumns, aRows] : [aRows, aColumns]
  const columns = transB ? bRows : bColumns
  const batch = broadcastShapes(a.dims.slice(0, -2), b.dims.slice(0, -2)) as number[]
  const aStrides = broadcastStrides(a.dims.slice(0, -2), batch)
  const bStrides = broadcastStrides(b.dims.slice(0, -2), batch)
  const dims = [...batch, rows, columns]
  const values = new Float64Array(sizeOf(dims))
  const scale = new Float64Array(values.length)
  const [x, w, c] = [a.data, b.data, bias?.data].map((data) => data as Float32Array)
  for (let index = 0; index < sizeOf(batch); index++) {
    let rest = index
    let aAt = 0
    let bAt = 0
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      aAt += (rest % batch[axis]) * aStrides[axis] * aRows * aColumns
      bAt += (rest % batch[axis]) * bStrides[axis] * bRows * bColumns
      rest = Math.floor(rest / batch[axis])
    }
    for (let m = 0; m < rows; m++)
      for (let n = 0; n < columns; n++) {
        const at = (index * rows + m) * columns + n
        values[at] = c ? c[n] : 0
        scale[at] = Math.abs(values[at])
        for (let k = 0; k < depth; k++) {
          const product =
            x[aAt + (transA ? k * aColumns + m : m * aColumns + k)] *
            w[bAt + (transB ? n * bColumns + k : k * bColumns + n)]
          values[at] += product
          scale[at] += Math.abs(product)
        }
      }
  }
  return { values, scale, dims, depth }
}

const float32 = (shape: readonly number[]) => [{ dtype: 'float32' as const, shape }]
const sizes = [1, 3, 5, 7, 17, 33]

for (const build of loadableBuilds()) {
  const products = suite(`gemm ${build}`)

  const check = (product: Product, title: string) => {
    const { values, scale, dims, depth } = naive(product)
    for (const constants of [[], [1]]) {
      const [y] = runLowering(matMulLowerings['lanewise.FusedMatMul'], 'lanewise.FusedMatMul', {
        build,
        inputs: [product.a, product.b, product.bias],
        outputs: float32(dims),
        attributes: { transA: product.transA ? 1 : 0, transB: product.transB ? 1 : 0 },
        constants,
      })
      assertNear(y, values, scale, depth, `${title}, constants ${constants}`)
    }
  }

  for (const transA of [false, true])
    for (const transB of [false, true])
      products(`odd sizes, transA ${transA}, transB ${transB}`, () => {
        for (const rows of sizes)
          for (const columns of [...sizes, 2, 4, 6, 8, 12, 20])
            for (const depth of sizes) {
              const a = randomTensor(transA ? [depth, rows] : [rows, depth])
              const b = randomTensor(transB ? [columns, depth] : [depth, columns])
              const bias = (rows + columns + depth) % 2 === 0 ? randomTensor([columns]) : undefined
              check({ a, b, bias, transA, transB }, `${rows}x${columns}x${depth}`)
            }
      })

  products('sizes that are cut into tiles', () => {
    for (const [rows, columns, depth] of [
      [100, 130, 67],
      [257, 33, 40],
      [5, 300, 784],
      [6, 1000, 129],
      [131, 21, 1100],
    ])
      for (const transA of [false, true])
        for (const transB of [false, true])
          check(
            {
              a: randomTensor(transA ? [depth, rows] : [rows, depth]),
              b: randomTensor(transB ? [columns, depth] : [depth, columns]),
              bias: randomTensor([columns]),
              transA,
              transB,
            },
            `${rows}x${columns}x${depth}`,
          )
  })

  products('no rows, no columns, no depth', () => {
    check({ a: randomTensor([0, 5]), b: randomTensor([5, 3]) }, '0x3x5')
    check({ a: randomTensor([3, 5]), b: randomTensor([5, 0]) }, '3x0x5')
    check({ a: randomTensor([3, 0]), b: randomTensor([0, 5]), bias: randomTensor([5]) }, '3x5x0')
    check({ a: randomTensor([0, 3]), b: randomTensor([0, 5]), transA: true }, '3x5x0 transposed')
  })

  products('batches broadcast', () => {
    for (const [a, b] of [
      [
        [2, 3, 5, 7],
        [2, 3, 7, 9],
      ],
      [
        [2, 1, 5, 7],
        [3, 7, 9],
      ],
      [
        [3, 5, 7],
        [7, 9],
      ],
      [
        [5, 7],
        [4, 7, 9],
      ],
      [
        [4, 1, 5, 7],
        [1, 7, 9],
      ],
    ])
      for (const transA of [false, true])
        for (const transB of [false, true]) {
          const swap = (shape: number[], swapped: boolean) =>
            swapped ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]] : shape
          const product = { a: randomTensor(swap(a, transA)), b: randomTensor(swap(b, transB)), transA, transB }
          check(product, `${a} x ${b}`)
        }
  })

  products('MatMul of vectors', () => {
    const matMul = (a: Tensor, b: Tensor, dims: readonly number[]) => {
      const lift = {
        a: a.dims.length === 1 ? a.reshape([1, a.size]) : a,
        b: b.dims.length === 1 ? b.reshape([b.size, 1]) : b,
      }
      const { values, scale, depth } = naive(lift)
      const [y] = runLowering(matMulLowerings.MatMul, 'MatMul', { build, inputs: [a, b], outputs: float32(dims) })
      assertNear(y, values, scale, depth, `${a.dims} x ${b.dims}`)
    }
    matMul(randomTensor([7]), randomTensor([7, 5]), [5])
    matMul(randomTensor([3, 7]), randomTensor([7]), [3])
    matMul(randomTensor([7]), randomTensor([7]), [])
    matMul(randomTensor([2, 3, 7]), randomTensor([7]), [2, 3])
    matMul(randomTensor([7]), randomTensor([2, 7, 3]), [2, 3])
  })

  products('epilogue', () => {
    const product = { a: randomTensor([13, 21]), b: randomTensor([21, 11]), bias: randomTensor([11]) }
    const activations: readonly (readonly [Attributes, (x: number) => number])[] = [
      [{ activation: 'relu' }, (x) => Math.max(0, x)],
      [{ activation: 'leakyRelu', activation_alpha: 0.25 }, (x) => (x < 0 ? 0.25 * x : x)],
      [{ activation: 'tanh' }, Math.tanh],
      [{ activation: 'clip', activation_alpha: -0.5, activation_beta: 0.5 }, (x) => Math.min(0.5, Math.max(-0.5, x))],
    ]
    for (const transA of [false, true])
      for (const [attributes, apply] of activations) {
        const operands = transA ? { ...product, a: randomTensor([21, 13]), transA } : product
        const { values, scale, dims, depth } = naive(operands)
        const [y] = runLowering(matMulLowerings['lanewise.FusedMatMul'], 'lanewise.FusedMatMul', {
          build,
          inputs: [operands.a, operands.b, operands.bias],
          outputs: float32(dims),
          attributes: { ...attributes, transA: transA ? 1 : 0 },
        })
        assertNear(y, values.map(apply), scale, depth + 8, `${attributes['activation']}`)
      }
  })

  products('Gemm: factors and broadcast addends', () => {
    for (const cShape of [undefined, [5], [1, 5], [7, 1], [1], [], [7, 5]])
      for (const [alpha, beta] of [
        [1, 1],
        [0.5, 2],
        [1, 0],
      ])
        for (const transB of [0, 1]) {
          const a = randomTensor([7, 9])
          const b = randomTensor(transB ? [5, 9] : [9, 5])
          const c = cShape && randomTensor(cShape)
          const { values, scale, depth } = naive({ a, b, transB: transB === 1 })
          const strides = c ? broadcastStrides(c.dims, [7, 5]) : [0, 0]
          const addend = (at: number) =>
            c ? beta * (c.data as Float32Array)[Math.floor(at / 5) * strides[0] + (at % 5) * strides[1]] : 0
          const [y] = runLowering(matMulLowerings.Gemm, 'Gemm', {
            build,
            inputs: [a, b, c],
            outputs: float32([7, 5]),
            attributes: { alpha, beta, transA: 0, transB },
          })
          assertNear(
            y,
            values.map((value, at) => alpha * value + addend(at)),
            scale.map((value, at) => value + Math.abs(addend(at))),
            depth,
            `c ${cShape}`,
          )
        }
  })

  products('NaN and infinities pass through relu as in ONNX', () => {
    const a = new Tensor('float32', [Number.NaN, 1, Number.NEGATIVE_INFINITY, 1, 2, 3], [3, 2])
    const b = new Tensor('float32', [1, 1], [2, 1])
    const [y] = runLowering(matMulLowerings['lanewise.FusedMatMul'], 'lanewise.FusedMatMul', {
      build,
      inputs: [a, b],
      outputs: float32([3, 1]),
      attributes: { activation: 'relu' },
    })
    assert.equal(y.toNumbers(), [Number.NaN, 0, 5])
  })

  products.run()
}
