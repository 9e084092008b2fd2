import { castTensor } from '../backend/reference/cast.js'
import { isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { readFileIfPresent } from '../core/files.js'
import type { HostValue } from '../core/ir.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { BackendOptions } from '../environment.js'
import { decode } from '../onnx/decode.js'
import { decodeValue } from '../onnx/values.js'
import { InferenceSession, type ValueMetadata } from '../session.js'
import { valueMismatch } from './mismatch.js'

/** A model with inputs to feed it and the outputs it should give: one of ONNX's backend tests. */
export interface VerificationCase {
  readonly name: string
  readonly model: string
  /** Folders of input_K.pb and output_K.pb. */
  readonly dataSets: readonly string[]
  /** Files of outputs for a model that takes no inputs. */
  readonly outputs?: readonly string[]
}

/** How a case ended: `fail` for other outputs than expected, `error` where the model does not load or run. */
export interface Verdict {
  readonly status: 'pass' | 'fail' | 'error'
  readonly reason?: string
  /** What was converted so that the data fit the model; absent where they do as they are. */
  readonly notes?: readonly string[]
}

/**
 * The cases in a folder: itself if it holds `model.onnx` (or one `.onnx` file), else those of its folders, and models
 * with their outputs beside them (`NAME.onnx`, `NAME_output_0.pb`). Throws DATA_NOT_FOUND when there are none.
 */
export async function findCases(folder: string): Promise<VerificationCase[]> {
  const { readdir } = await import('node:fs/promises')
  const { basename, join, resolve } = await import('node:path')
  const list = async (path: string) => (await readdir(path).catch((): string[] => [])).sort()
  const caseIn = async (path: string): Promise<VerificationCase | undefined> => {
    const names = await list(path)
    const models = names.filter((name) => name.endsWith('.onnx'))
    const model = models.includes('model.onnx') ? 'model.onnx' : models.length === 1 ? models[0] : undefined
    const dataSets = names.filter((name) => name.startsWith('test_data_set_')).map((name) => join(path, name))
    return model && dataSets.length ? { name: basename(resolve(path)), model: join(path, model), dataSets } : undefined
  }
  const own = await caseIn(folder)
  if (own) return [own]
  const names = await list(folder)
  const cases = (await Promise.all(names.map((name) => caseIn(join(folder, name))))).filter(
    (item) => item !== undefined,
  )
  for (const name of names.filter((item) => item.endsWith('.onnx')).map((item) => item.slice(0, -5))) {
    const outputs = names.filter((item) => item.startsWith(`${name}_output_`)).map((item) => join(folder, item))
    if (outputs.length) cases.push({ name, model: join(folder, `${name}.onnx`), dataSets: [], outputs })
  }
  if (cases.length === 0)
    throw new LanewiseError(
      'DATA_NOT_FOUND',
      `there is no ONNX backend test in ${folder}: a model.onnx with test_data_set_0`,
    )
  return cases
}

/**
 * Runs a case and compares its outputs, within the tolerances of `valueMismatch`. Inputs of another float type than the
 * model takes (data that a model of another precision came with) are converted, and so are expected outputs then.
 * Never throws for what the case holds.
 */
export async function verifyCase(item: VerificationCase, options: BackendOptions): Promise<Verdict> {
  let session: InferenceSession | undefined
  const notes: string[] = []
  const verdict = (status: Verdict['status'], reason?: string): Verdict => ({
    status,
    ...(reason !== undefined && { reason }),
    ...(notes.length > 0 && { notes }),
  })
  try {
    session = await InferenceSession.create(item.model, options)
    const { join } = await import('node:path')
    const at = (folder: string, kind: string) => (index: number) => join(folder, `${kind}_${index}.pb`)
    for (const folder of item.dataSets) {
      const own = await readValues(at(folder, 'input'), session.inputMetadata)
      const feeds = convertFloats(own, session.inputMetadata, notes)
      const reason = await compareOutputs(session, feeds, at(folder, 'output'), notes)
      if (reason) return verdict('fail', reason)
    }
    const { outputs } = item
    const reason =
      outputs && (await compareOutputs(session, rampFeeds(session), (index) => outputs[index] ?? '', notes))
    return reason ? verdict('fail', reason) : verdict('pass')
  } catch (error) {
    return verdict('error', error instanceof Error ? error.message : String(error))
  } finally {
    await session?.release()
  }
}

/** `values` with float tensors in the float types that `metadata` says; `notes` tells of each that was converted. */
function convertFloats(
  values: Readonly<Record<string, HostValue>>,
  metadata: readonly ValueMetadata[],
  notes: string[],
): Record<string, HostValue> {
  const types = new Map(metadata.map(({ name, type }) => [name, type]))
  const convert = (name: string, value: HostValue): HostValue => {
    const type = types.get(name)
    if (!(value instanceof Tensor) || !type || value.type === type || !isFloat(value.type) || !isFloat(type))
      return value
    notes.push(`'${name}' was converted from ${value.type} to ${type}`)
    return castTensor(value, type)
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(name, value)]))
}

/** What ONNX's runner feeds to models without inputs of their own: element i of n is i / n; sizes that are free are 1. */
function rampFeeds(session: InferenceSession): Record<string, HostValue> {
  return Object.fromEntries(
    session.inputMetadata.map(({ name, type, shape }) => {
      if (type !== 'float32') throw new LanewiseError('UNSUPPORTED_OP', `the input '${name}' is ${type}, not float32`)
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1))
      const size = sizeOf(dims)
      return [
        name,
        new Tensor(
          'float32',
          Float32Array.from({ length: size }, (_, index) => index / size),
          dims,
        ),
      ]
    }),
  )
}

async function compareOutputs(
  session: InferenceSession,
  feeds: Readonly<Record<string, HostValue>>,
  pathOf: (index: number) => string,
  notes: string[],
): Promise<string | undefined> {
  const results = await session.run<HostValue>(feeds)
  const given = await readValues(pathOf, session.outputMetadata)
  const expected = notes.length > 0 ? convertFloats(given, session.outputMetadata, notes) : given
  for (const name of session.outputNames) {
    const wanted = expected[name]
    const difference = wanted === undefined ? 'no expected value was found' : valueMismatch(results[name], wanted)
    if (difference) return `output '${name}': ${difference}`
  }
  return undefined
}

/** The values of files 0, 1 …, one for each of `values`: by the names of the tensors where they are theirs, else by place. */
async function readValues(
  pathOf: (index: number) => string,
  values: readonly ValueMetadata[],
): Promise<Record<string, HostValue>> {
  const names = new Set(values.map(({ name }) => name))
  const found: (readonly [string, HostValue])[] = []
  for (const [index, { name, container }] of values.entries()) {
    const path = pathOf(index)
    const bytes = path ? await readFileIfPresent(path) : undefined
    if (!bytes || (bytes.length === 0 && !container)) continue
    const own = container ? undefined : decode('TensorProto', bytes).name
    found.push([own && names.has(own) ? own : name, decodeValue(bytes, { container })])
  }
  return Object.fromEntries(found)
}
