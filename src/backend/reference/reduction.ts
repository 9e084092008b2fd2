import { type DType, isBigInt, isFloat } from '../../core/dtype.js'
import { concrete, normalizeAxis, sizeOf, stridesOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { reducedAxes, reducedShape, type reductions } from '../../ops/reduction.js'
import { broadcastIndices } from './broadcast.js'
import { castTensor } from './cast.js'
import type { ReferenceContext, ReferenceKernel } from './kernel.js'
import { bigIntsOf, isExact, largestOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** For each element of input 0 the output element that it belongs to, and how many belong to one. */
function groupsOf({ inputs: [x, axes], attributes }: ReferenceContext) {
  const dims = x!.dims
  const reduced = reducedAxes(axes?.toNumbers(), dims.length, attributes)
  const kept = concrete(reducedShape(dims, reduced, true))
  return {
    groups: broadcastIndices(kept, dims),
    size: sizeOf(kept),
    count: sizeOf(reduced.map((axis) => dims[axis])),
  }
}

interface Reduction {
  readonly start: number
  readonly step: (total: number, x: number) => number
  readonly finish?: (total: number, count: number) => number
  /** The same on integers that float64 may not hold; `bound` is the largest magnitude that a total may reach, from that of the elements and their count. */
  readonly exact?: {
    readonly start: bigint
    readonly step: (total: bigint, x: bigint) => bigint
    readonly finish?: (total: bigint, count: bigint) => bigint
    readonly bound: (largest: number, count: number) => number
  }
}

/** The smallest (sign -1) or largest element of an integer dtype, infinity for floats: the extremum of nothing. */
const limit = (dtype: DType, sign: 1 | -1): number => {
  const integer = /^(u?)int(\d+)$/.exec(dtype)
  if (dtype === 'bool') return sign > 0 ? 1 : 0
  if (!integer) return sign * Number.POSITIVE_INFINITY
  const bits = Number(integer[2])
  return integer[1] ? (sign > 0 ? 2 ** bits - 1 : 0) : sign > 0 ? 2 ** (bits - 1) - 1 : -(2 ** (bits - 1))
}

const reduce =
  ({ start, step, finish, exact }: Reduction): ReferenceKernel =>
  (context) => {
    const { dtype, shape } = context.outputs[0]
    const { groups, size, count } = groupsOf(context)
    const xs = numbersOf(context.inputs[0]!)
    if (exact && !isFloat(dtype) && !isExact(exact.bound(largestOf(xs), count))) {
      const totals = new Array<bigint>(size).fill(exact.start)
      const integers = isBigInt(dtype) ? bigIntsOf(context.inputs[0]!) : Array.from(xs, BigInt)
      integers.forEach((x, i) => {
        totals[groups[i]] = exact.step(totals[groups[i]], x)
      })
      const { finish: last = (total) => total } = exact
      const wrap = dtype === 'uint64' ? BigInt.asUintN : BigInt.asIntN
      const results = totals.map((total) => last(wrap(64, total), BigInt(count)))
      return [castTensor(tensorOfBigInts(dtype === 'uint64' ? dtype : 'int64', results, shape), dtype)]
    }
    const totals = new Float64Array(size).fill(start)
    for (let i = 0; i < xs.length; i++) totals[groups[i]] = step(totals[groups[i]], xs[i])
    return [tensorOf(dtype, finish ? totals.map((total) => finish(total, count)) : totals, shape)]
  }

const extremum =
  (sign: 1 | -1): ReferenceKernel =>
  (context) => {
    const { dtype } = context.outputs[0]
    const bits = dtype === 'uint64' ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n]
    return reduce({
      start: limit(dtype, sign > 0 ? -1 : 1),
      step: sign > 0 ? Math.max : Math.min,
      exact: {
        start: bits[sign > 0 ? 0 : 1],
        step: (a, b) => (a > b === sign > 0 ? a : b),
        bound: (largest, count) => (count > 0 ? largest : Number.POSITIVE_INFINITY),
      },
    })(context)
  }

/** log(sum(e^x)) with the largest element taken out of the exponent. */
const logSumExp: ReferenceKernel = (context) => {
  const { dtype, shape } = context.outputs[0]
  const { groups, size } = groupsOf(context)
  const x = numbersOf(context.inputs[0]!)
  const highest = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
  x.forEach((value, i) => {
    highest[groups[i]] = Math.max(highest[groups[i]], value)
  })
  const shift = highest.map((value) => (Number.isFinite(value) ? value : 0))
  const totals = new Float64Array(size)
  x.forEach((value, i) => {
    totals[groups[i]] += Math.exp(value - shift[groups[i]])
  })
  return [
    tensorOf(
      dtype,
      totals.map((total, i) => Math.log(total) + shift[i]),
      shape,
    ),
  ]
}

const argument =
  (better: (a: number, b: number) => boolean): ReferenceKernel =>
  ({ inputs, outputs: [{ shape }], attributes }) => {
    const { dims } = inputs[0] as Tensor
    if (dims.length === 0) return [tensorOf('int64', [0], shape)]
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
    const last = intAttribute(attributes, 'select_last_index') === 1
    const kept = concrete(reducedShape(dims, [axis], true))
    const groups = broadcastIndices(kept, dims)
    const stride = stridesOf(dims)[axis]
    const best = new Float64Array(sizeOf(kept))
    const found = new Float64Array(best.length).fill(-1)
    numbersOf(inputs[0]!).forEach((x, i) => {
      const group = groups[i]
      if (found[group] >= 0 && !better(x, best[group]) && !(last && x === best[group])) return
      best[group] = x
      found[group] = Math.floor(i / stride) % dims[axis]
    })
    return [tensorOf('int64', found, shape)]
  }

const sum = (largest: number, count: number): number => largest * count

export const reductionKernels = {
  ReduceSum: reduce({ start: 0, step: (a, x) => a + x, exact: { start: 0n, step: (a, x) => a + x, bound: sum } }),
  ReduceMean: reduce({
    start: 0,
    step: (a, x) => a + x,
    finish: (total, count) => total / count,
    exact: { start: 0n, step: (a, x) => a + x, finish: (total, count) => total / count, bound: sum },
  }),
  ReduceMax: extremum(1),
  ReduceMin: extremum(-1),
  ReduceProd: reduce({
    start: 1,
    step: (a, x) => a * x,
    exact: { start: 1n, step: (a, x) => a * x, bound: (largest, count) => largest ** count },
  }),
  ReduceSumSquare: reduce({
    start: 0,
    step: (a, x) => a + x * x,
    exact: { start: 0n, step: (a, x) => a + x * x, bound: (largest, count) => largest * largest * count },
  }),
  ReduceL1: reduce({
    start: 0,
    step: (a, x) => a + Math.abs(x),
    exact: { start: 0n, step: (a, x) => a + (x < 0n ? -x : x), bound: sum },
  }),
  ReduceL2: reduce({ start: 0, step: (a, x) => a + x * x, finish: Math.sqrt }),
  ReduceLogSum: reduce({ start: 0, step: (a, x) => a + x, finish: Math.log }),
  ReduceLogSumExp: logSumExp,
  ArgMax: argument((a, b) => a > b),
  ArgMin: argument((a, b) => a < b),
} as const satisfies Record<keyof typeof reductions, ReferenceKernel>
