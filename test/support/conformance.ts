import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { HostValue, TensorType } from '../../src/core/ir.js'
import { loadPngDecoder } from '../../src/core/png.js'
import type { Tensor } from '../../src/core/tensor.js'
import { decode } from '../../src/onnx/decode.js'
import { decodeTensor } from '../../src/onnx/tensors.js'
import { decodeValue } from '../../src/onnx/values.js'

// Cases run without loadModel, which loads what ImageDecoder needs.
await loadPngDecoder()

export { mismatch, valueMismatch } from '../../src/cli/mismatch.js'

/** Where the reference data lies: LANEWISE_DATA, or ../shared/data beside the project. */
export const dataRoot = resolve(process.env['LANEWISE_DATA'] || '../shared/data')

/** One of ONNX's backend-test folders. */
export interface ConformanceCase {
  readonly name: string
  readonly model: Uint8Array
  readonly path: string
}

/** The cases of a folder of the reference data; undefined where the data is absent. */
export function casesIn(...place: readonly string[]): ConformanceCase[] | undefined {
  const folder = join(dataRoot, ...place)
  if (!existsSync(folder)) return undefined
  return readdirSync(folder)
    .sort()
    .filter((name) => existsSync(join(folder, name, 'model.onnx')))
    .map((name) => ({ name, path: join(folder, name), model: readFileSync(join(folder, name, 'model.onnx')) }))
}

/** The cases of onnx-backend/`group`; undefined where the data is absent. */
export const casesOf = (group: string): ConformanceCase[] | undefined => casesIn('onnx-backend', group)

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
    return bytes.length === 0 ? undefined : decodeTensor(decode('TensorProto', bytes))
  })
}

/** Cases whose expected output holds NumPy's random numbers; ours come from another generator. */
export const drawnByNumPy = new Set([
  'test_bernoulli_double',
  'test_bernoulli_double_expanded',
  'test_training_dropout',
  'test_training_dropout_default_mask',
  'test_training_dropout_mask',
])
