import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { numbersOf } from '../../src/backend/reference/numbers.js'
import { isFloat } from '../../src/core/dtype.js'
import type { HostValue, TensorType } from '../../src/core/ir.js'
import { formatShape, sameShape } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { onnx } from '../../src/onnx/proto.js'
import { decodeTensor } from '../../src/onnx/tensors.js'
import { decodeValue } from '../../src/onnx/values.js'

/** Where the reference data lies: LANEWISE_DATA, or ../shared/data beside the project. */
export const dataRoot = resolve(process.env['LANEWISE_DATA'] ?? '../shared/data')

/** One of ONNX's backend-test folders. */
export interface ConformanceCase {
  readonly name: string
  readonly model: Uint8Array
  readonly path: string
}

/** The cases of onnx-backend/`group`; undefined where the data is absent. */
export function casesOf(group: string): ConformanceCase[] | undefined {
  const folder = join(dataRoot, 'onnx-backend', group)
  if (!existsSync(folder)) return undefined
  return readdirSync(folder)
    .sort()
    .filter((name) => existsSync(join(folder, name, 'model.onnx')))
    .map((name) => ({ name, path: join(folder, name), model: readFileSync(join(folder, name, 'model.onnx')) }))
}

/** The test_data_set folders of a case. */
export const dataSetsOf = ({ path }: ConformanceCase): string[] =>
  readdirSync(path)
    .filter((name) => name.startsWith('test_data_set_'))
    .sort()
    .map((name) => join(path, name))

/** As `readTensors`, for values that may be sequences or optionals, as their types say. */
export function readValues(
  dataSet: string,
  kind: 'input' | 'output',
  types: readonly TensorType[],
): (HostValue | undefined)[] {
  return types.map((type, index) => {
    const path = join(dataSet, `${kind}_${index}.pb`)
    return existsSync(path) ? decodeValue(readFileSync(path), type) : undefined
  })
}

/** `input_0.pb`, `input_1.pb` … of a data set, or its outputs; undefined for a value that is left out. */
export function readTensors(dataSet: string, kind: 'input' | 'output', count: number): (Tensor | undefined)[] {
  return Array.from({ length: count }, (_, index) => {
    const path = join(dataSet, `${kind}_${index}.pb`)
    if (!existsSync(path)) return undefined
    const bytes = readFileSync(path)
    return bytes.length === 0 ? undefined : decodeTensor(onnx.TensorProto.decode(bytes))
  })
}

/** Allowed |a - b| as [absolute, relative to |b|]. */
const tolerances: Readonly<Record<string, readonly [number, number]>> = {
  float32: [1e-4, 1e-3],
  float64: [1e-7, 1e-7],
  float16: [1e-4, 1e-2],
  bfloat16: [1e-4, 1e-2],
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

/** Why `actual` is not `expected`, within the tolerance of its dtype; undefined if it is. NaN equals NaN. */
export function mismatch(actual: Tensor, expected: Tensor): string | undefined {
  if (actual.type !== expected.type) return `dtype ${actual.type}, expected ${expected.type}`
  if (!sameShape(actual.dims, expected.dims))
    return `shape ${formatShape(actual.dims)}, expected ${formatShape(expected.dims)}`
  const exact = !isFloat(actual.type)
  const a = exact ? (actual.data as ArrayLike<unknown>) : numbersOf(actual)
  const b = exact ? (expected.data as ArrayLike<unknown>) : numbersOf(expected)
  const [absolute, relative] = tolerances[actual.type] ?? [0, 0]
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
    if (exact || !(Math.abs(Number(a[i]) - Number(b[i])) <= absolute + relative * Math.abs(Number(b[i]))))
      return `element ${i} of ${b.length} is ${a[i]}, expected ${b[i]}`
  }
  return undefined
}
