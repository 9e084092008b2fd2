import { type DType, isFloat } from '../core/dtype.js'
import type { HostValue } from '../core/ir.js'
import { formatShape, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** Allowed |a - b| as [absolute, relative to |b|]; dtypes that are not listed must be equal. */
const tolerances: Partial<Readonly<Record<DType, readonly [number, number]>>> = {
  float32: [1e-4, 1e-3],
  float64: [1e-7, 1e-7],
  float16: [1e-4, 1e-2],
  bfloat16: [1e-4, 1e-2],
}

/** Why `actual` is not `expected`, within the tolerance of its dtype; undefined if it is. NaN equals NaN. */
export function mismatch(actual: Tensor, expected: Tensor): string | undefined {
  if (actual.type !== expected.type) return `dtype ${actual.type}, expected ${expected.type}`
  if (!sameShape(actual.dims, expected.dims))
    return `shape ${formatShape(actual.dims)}, expected ${formatShape(expected.dims)}`
  const exact = !isFloat(actual.type)
  const a = exact ? (actual.data as ArrayLike<unknown>) : actual.toNumbers()
  const b = exact ? (expected.data as ArrayLike<unknown>) : expected.toNumbers()
  const [absolute, relative] = tolerances[actual.type] ?? [0, 0]
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    if (exact || !(Math.abs(Number(a[i]) - Number(b[i])) <= absolute + relative * Math.abs(Number(b[i]))))
      return `element ${i} of ${b.length} is ${a[i]}, expected ${b[i]}`
  }
  return undefined
}

/** As `mismatch`, element by element for sequences. */
export function valueMismatch(actual: HostValue | undefined, expected: HostValue): string | undefined {
  if (actual instanceof Tensor && expected instanceof Tensor) return mismatch(actual, expected)
  if (actual === null || expected === null) return actual === expected ? undefined : 'one optional is empty'
  if (!Array.isArray(actual) || !Array.isArray(expected))
    return 'one is a tensor, the other a sequence, or it is missing'
  if (actual.length !== expected.length) return `${actual.length} elements, expected ${expected.length}`
  return actual.map((item, index) => valueMismatch(item, expected[index])).find((difference) => difference)
}
