import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../src/backend/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { isFloat, type NumericDType, type TypedArray } from '../src/core/dtype.js'
import { Tensor } from '../src/core/tensor.js'
import { importModel } from '../src/onnx/import.js'
import { load } from '../src/program/runnable.js'
import { setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'
import { type Drawn, drawings, type RandomModel, randomModel } from './support/random/index.js'

// LANEWISE_RANDOM_SEED, LANEWISE_RANDOM_MODELS and LANEWISE_RANDOM_OP (an op, or `each`) make longer and other runs. Beyond
// the seeds of the suite some differences are nobody's fault: cancellation, sums that overflow, comparisons of near ties.

await loadEverything()
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'fatal'

const first = setting('LANEWISE_RANDOM_SEED', 1)
const count = setting('LANEWISE_RANDOM_MODELS', 200)
const wantedOp = process.env['LANEWISE_RANDOM_OP']

type Results = Readonly<Record<string, Tensor>>

async function inOnnxruntime({ bytes, feeds }: Drawn): Promise<Results> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled' })
  try {
    const given = Object.entries(feeds).map(([name, { type, data, dims }]) => [
      name,
      new ort.Tensor(type as 'float32', data as Float32Array, dims),
    ])
    const results = await session.run(Object.fromEntries(given))
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, data, dims }]) => [
        name,
        new Tensor(type, data as TypedArray, [...dims]),
      ]),
    )
  } finally {
    await session.release()
  }
}

async function inLanewise({ bytes, feeds }: Drawn, backend: Backend): Promise<Results> {
  const graph = importModel(bytes)
  const inputs = graph.inputs.map(({ name }) => feeds[name])
  const plan = await load(graph, inputs, backend)
  try {
    return (await plan.run(inputs)) as Results
  } finally {
    plan.dispose()
  }
}

const precision: Partial<Readonly<Record<string, number>>> = {
  float32: 1e-5,
  float64: 1e-9,
  float16: 5e-3,
  bfloat16: 4e-2,
}

/** Ops that onnxruntime-web computes wrongly: LRN gives NaN for negative elements. */
const wrongThere = /\bLRN\(/

/** The first difference; `scale` is the largest number that the model computes on its way. */
function difference(actual: Results, expected: Results, scale: number, alike = false): string | undefined {
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name]
    if ((got.type !== wanted.type && !alike) || got.dims.join() !== wanted.dims.join())
      return `${name} is ${got.type} [${got.dims}], not ${wanted.type} [${wanted.dims}]`
    const isExact = !isFloat(got.type)
    const [a, b] = [got, wanted].map((tensor) => (isExact ? (tensor.data as ArrayLike<unknown>) : tensor.toNumbers()))
    const allowed = Math.max(precision[got.type] ?? 0.2, alike ? 1e-5 : 0)
    for (let i = 0; i < b.length; i++) {
      if (Object.is(a[i], b[i]) || a[i] === b[i]) continue
      const [x, y] = [Number(a[i]), Number(b[i])]
      if (alike && !(Number.isFinite(x) && Number.isFinite(y))) continue
      if (!isExact && Math.abs(x - y) <= allowed * (10 * scale + 100 * Math.abs(y))) continue
      return `${name}[${i}] of ${b.length} is ${a[i]}, not ${b[i]}`
    }
  }
  return undefined
}

const scaleOf = ({ expected }: RandomModel): number =>
  [...expected.values()]
    .filter(({ type }) => isFloat(type as NumericDType))
    .flatMap((tensor) => tensor.toNumbers())
    .reduce((scale, number) => (Number.isFinite(number) ? Math.max(scale, Math.abs(number)) : scale), 1)

const one = await createWasmBackend({ threads: 1 })
const two = await createWasmBackend({ threads: 2 })

/** What is wrong with how lanewise runs the model; whether onnxruntime-web ran it, too. */
async function examine(model: RandomModel): Promise<{ readonly wrong: string[]; readonly compared: boolean }> {
  const wrong: string[] = []
  const note = (what: string, found: string | undefined) => {
    if (found) wrong.push(`${what}: ${found}`)
  }
  for (const refused of model.refusals) {
    const runs = await inOnnxruntime(refused).then(
      () => true,
      () => false,
    )
    if (runs || !refused.reason.startsWith('LanewiseError'))
      wrong.push(`refused${runs ? ', onnxruntime-web runs it' : ''}: ${refused.text}\n${refused.reason}`)
  }
  if (model.outputs.length === 0) return { wrong, compared: false }
  const scale = scaleOf(model)
  const single = await inLanewise(model, one)
  const reference = Object.fromEntries(model.outputs.map((name) => [name, model.expected.get(name)!]))
  note('the reference backend', difference(single, reference, scale))
  note('two threads', difference(await inLanewise(model, two), single, 0))
  if (model.alike) note('in float32', difference(single, await inLanewise(model.alike, one), scale, true))
  if (wrongThere.test(model.text)) return { wrong, compared: false }
  const theirs = await inOnnxruntime(model).catch(() => undefined)
  if (theirs) note('onnxruntime-web', difference(single, theirs, scale))
  return { wrong, compared: theirs !== undefined }
}

test('random models give what the reference backend, two threads and onnxruntime-web give', async () => {
  const ops = Object.keys(drawings)
  const failures: string[] = []
  let compared = 0
  for (let seed = first; seed < first + count; seed++) {
    const model = randomModel(seed, wantedOp === 'each' ? ops[seed % ops.length] : wantedOp)
    try {
      const examined = await examine(model)
      if (examined.compared) compared++
      for (const wrong of examined.wrong) failures.push(`seed ${seed}: ${wrong}\n${model.text}`)
    } catch (error) {
      failures.push(`seed ${seed}: ${(error as Error).stack}\n${model.text}`)
    }
  }
  console.log(`${count} random models from seed ${first} on, ${compared} of them compared with onnxruntime-web`)
  for (const failure of failures) console.log(failure)
  assert.is(failures.length, 0)
  if (!wantedOp) assert.ok(compared > 0.7 * count, `only ${compared} of ${count} models ran in onnxruntime-web`)
})

test.after(() => {
  one.dispose()
  two.dispose()
})

test.run()
