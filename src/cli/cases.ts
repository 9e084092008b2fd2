import { LanewiseError } from '../core/errors.js'
import { readFileIfPresent } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import type { BackendOptions } from '../environment.js'
import { onnx } from '../onnx/proto.js'
import { decodeTensor } from '../onnx/tensors.js'
import { InferenceSession } from '../session.js'
import { mismatch } from './compare.js'

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

/** Runs a case and compares its outputs, within the tolerances of `mismatch`. Never throws for what the case holds. */
export async function verifyCase(item: VerificationCase, options: BackendOptions): Promise<Verdict> {
  let session: InferenceSession | undefined
  try {
    session = await InferenceSession.create(item.model, options)
    const { join } = await import('node:path')
    const at = (folder: string, kind: string) => (index: number) => join(folder, `${kind}_${index}.pb`)
    for (const folder of item.dataSets) {
      const feeds = await readValues(at(folder, 'input'), session.inputNames)
      const reason = await compareOutputs(session, feeds, at(folder, 'output'))
      if (reason) return { status: 'fail', reason }
    }
    const { outputs } = item
    const reason = outputs && (await compareOutputs(session, {}, (index) => outputs[index] ?? ''))
    return reason ? { status: 'fail', reason } : { status: 'pass' }
  } catch (error) {
    return { status: 'error', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    await session?.release()
  }
}

async function compareOutputs(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  pathOf: (index: number) => string,
): Promise<string | undefined> {
  const results = await session.run(feeds)
  const expected = await readValues(pathOf, session.outputNames)
  for (const name of session.outputNames) {
    const difference = expected[name] ? mismatch(results[name], expected[name]) : 'no expected value was found'
    if (difference) return `output '${name}': ${difference}`
  }
  return undefined
}

/** The tensors of files 0, 1 …, by their own names where those are among `names`, else by their places. */
async function readValues(
  pathOf: (index: number) => string,
  names: readonly string[],
): Promise<Record<string, Tensor>> {
  const found: { readonly name: string; readonly tensor: Tensor }[] = []
  for (const [index, name] of names.entries()) {
    const path = pathOf(index)
    const bytes = path ? await readFileIfPresent(path) : undefined
    if (!bytes?.length) continue
    const proto = onnx.TensorProto.decode(bytes)
    found.push({ name: proto.name && names.includes(proto.name) ? proto.name : name, tensor: decodeTensor(proto) })
  }
  return Object.fromEntries(found.map(({ name, tensor }) => [name, tensor]))
}
