import { concrete, sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { matmul } from '../../ops/matmul.js'
import { broadcastIndices } from './broadcast.js'
import { activate } from './epilogue.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** The product of two tensors of rank 2 or more whose last two axes are optionally swapped; batch axes broadcast to `batch`. */
export function product(
  a: Tensor,
  b: Tensor,
  transA: boolean,
  transB: boolean,
  batch: readonly number[],
): Float64Array {
  const [left, right] = [numbersOf(a), numbersOf(b)]
  const [aRows, aColumns] = a.dims.slice(-2)
  const [bRows, bColumns] = b.dims.slice(-2)
  const [m, k, n] = [transA ? aColumns : aRows, transA ? aRows : aColumns, transB ? bRows : bColumns]
  const [aRow, aStep] = transA ? [1, aColumns] : [aColumns, 1]
  const [bStep, bColumn] = transB ? [1, bColumns] : [bColumns, 1]
  const [ia, ib] = [a, b].map(({ dims }) => broadcastIndices(dims.slice(0, -2), batch))
  const y = new Float64Array(sizeOf(batch) * m * n)
  for (let matrix = 0; matrix < ia.length; matrix++) {
    const [aStart, bStart] = [ia[matrix] * aRows * aColumns, ib[matrix] * bRows * bColumns]
    for (let row = 0; row < m; row++) {
      const yStart = (matrix * m + row) * n
      for (let inner = 0; inner < k; inner++) {
        const factor = left[aStart + row * aRow + inner * aStep]
        const start = bStart + inner * bStep
        for (let column = 0; column < n; column++) y[yStart + column] += factor * right[start + column * bColumn]
      }
    }
  }
  return y
}

export const matmulKernels = {
  MatMul: ({ inputs, outputs: [{ dtype, shape }] }) => {
    const [left, right] = inputs as readonly Tensor[]
    const a = left.dims.length === 1 ? left.reshape([1, left.size]) : left
    const b = right.dims.length === 1 ? right.reshape([right.size, 1]) : right
    const matrixAxes = (left.dims.length > 1 ? 1 : 0) + (right.dims.length > 1 ? 1 : 0)
    const batch = concrete(shape).slice(0, shape.length - matrixAxes)
    return [tensorOf(dtype, product(a, b, false, false, batch), shape)]
  },
  Gemm: ({ inputs: [a, b, c], outputs: [{ dtype, shape }], attributes }) => {
    const flag = (name: string) => intAttribute(attributes, name) === 1
    const [alpha, beta] = [floatAttribute(attributes, 'alpha'), floatAttribute(attributes, 'beta')]
    const y = product(a!, b!, flag('transA'), flag('transB'), [])
    const added = c && numbersOf(c)
    const indices = c && broadcastIndices(c.dims, concrete(shape))
    return [
      tensorOf(
        dtype,
        y.map((value, i) => alpha * value + (added && indices ? beta * added[indices[i]] : 0)),
        shape,
      ),
    ]
  },
  'lanewise.FusedMatMul': ({ inputs: [a, b, bias], outputs: [{ dtype, shape }], attributes }) => {
    const flag = (name: string) => intAttribute(attributes, name) === 1
    const y = product(a!, b!, flag('transA'), flag('transB'), concrete(shape).slice(0, -2))
    const added = bias && numbersOf(bias)
    const biased = added ? y.map((value, i) => value + added[i % added.length]) : y
    return [tensorOf(dtype, activate(biased, attributes), shape)]
  },
} as const satisfies Record<keyof typeof matmul, ReferenceKernel>
