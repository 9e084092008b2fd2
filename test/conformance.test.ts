import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../src/backend/backend.js'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { interpret } from '../src/backend/reference/evaluate.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Graph, HostValue } from '../src/core/ir.js'
import type { Tensor } from '../src/core/tensor.js'
import { importModel } from '../src/onnx/import.js'
import { oldestOpset } from '../src/onnx/opsets/index.js'
import { decodeModel, wideToNumber } from '../src/onnx/proto.js'
import { isProgramOp } from '../src/ops/index.js'
import { load } from '../src/program/runnable.js'
import {
  type ConformanceCase,
  casesOf,
  dataRoot,
  dataSetsOf,
  drawnByNumPy,
  readValues,
  valueMismatch,
} from './support/conformance.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const wasm = await createWasmBackend({ threads: 1 })
const reference = createReferenceBackend()

const isTensorGraph = (graph: Graph): boolean =>
  graph.nodes.every(({ op }) => !isProgramOp(op)) &&
  [...graph.inputs, ...graph.outputs].every(({ container }) => !container)

/** The outputs of a graph, node by node through the reference kernels; as a program where that cannot be. */
async function runReference(graph: Graph, inputs: readonly HostValue[]): Promise<readonly (HostValue | undefined)[]> {
  if (!isTensorGraph(graph)) return runOn(reference, graph, inputs)
  const given = graph.inputs.flatMap((value, index) =>
    inputs[index] ? [[value, inputs[index] as Tensor] as const] : [],
  )
  const tensors = interpret(graph, new Map(given))
  return graph.outputs.map((output) => tensors.get(output))
}

/** The outputs of a graph as a session computes them. */
async function runOn(backend: Backend, graph: Graph, inputs: readonly HostValue[]) {
  const model = await load(graph, inputs, backend)
  try {
    const results = await model.run(inputs)
    return graph.outputs.map(({ name }) => results[name])
  } finally {
    model.dispose()
  }
}

const runOnWasm = (graph: Graph, inputs: readonly HostValue[]) => runOn(wasm, graph, inputs)

/** Runs a case through the reference kernels and through all stages on the wasm backend: undefined if it passes, else what differs. */
async function failureOf(item: ConformanceCase): Promise<string | undefined> {
  const graph = importModel(item.model)
  for (const dataSet of dataSetsOf(item)) {
    const inputs = readValues(dataSet, 'input', graph.inputs) as HostValue[]
    const expected = readValues(dataSet, 'output', graph.outputs)
    const runs = [
      ['reference', runReference],
      ['wasm', runOnWasm],
    ] as const
    for (const [backend, run] of runs) {
      const outputs = await run(graph, inputs)
      for (const [index, wanted] of expected.entries()) {
        const difference = wanted === undefined ? 'no expected output was found' : valueMismatch(outputs[index], wanted)
        if (difference) return `${backend}, output ${index}: ${difference}`
      }
    }
  }
  return undefined
}

/** Why lanewise does not run a case at all: an op, type or opset that it does not have. */
function unsupported(item: ConformanceCase, error: unknown): string | undefined {
  const opset = decodeModel(item.model).opsetImport?.find(({ domain }) => !domain || domain === 'ai.onnx')
  if (!opset) return 'only ops of other domains'
  if (wideToNumber(opset.version) < oldestOpset) return `opset older than ${oldestOpset}`
  if (!(error instanceof LanewiseError)) return undefined
  const type = /element type (\d+)/.exec(error.message)?.[1]
  if (type) return `element type ${type}`
  if (/1-D tensor of known length/.test(error.message)) return 'rank that follows from computed values'
  if (error.code !== 'UNSUPPORTED_OP') return undefined
  const ops = /does not have: (.*)/.exec(error.message)?.[1]
  if (ops) return `op ${ops.replace(/ \(.*?\)/g, '')}`
  return error.message.replace(/^.*\): /, '')
}

/** The fewest cases that pass in each group: fewer mean that something was lost. */
const passing = { node: 1245, simple: 10, 'pytorch-operator': 26, 'pytorch-converted': 54 }

for (const [group, expected] of Object.entries(passing))
  test(`ONNX conformance: ${group}`, async () => {
    const cases = casesOf(group)
    if (!cases) {
      console.log(`SKIP ONNX conformance ${group}: no ${dataRoot}/onnx-backend/${group}`)
      return
    }
    const failures: string[] = []
    const reasons = new Map<string, number>()
    let passed = 0
    for (const item of cases) {
      try {
        const failure = await failureOf(item)
        const drawn = failure && drawnByNumPy.has(item.name) ? "NumPy's random numbers" : undefined
        if (drawn) reasons.set(drawn, (reasons.get(drawn) ?? 0) + 1)
        else if (failure) failures.push(`${item.name}: ${failure}`)
        else passed++
      } catch (error) {
        const reason = unsupported(item, error)
        if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        else failures.push(`${item.name}: ${error instanceof Error ? error.message : error}`)
      }
    }
    const listed = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`)
    const skipped = cases.length - passed - failures.length
    console.log(
      `SKIP ONNX conformance ${group}: ${skipped} of ${cases.length} cases are not supported, ${passed} passed, ${failures.length} failed. Not supported: ${listed.join('; ')}`,
    )
    assert.equal(failures, [])
    assert.ok(passed >= expected, `${passed} cases passed, ${expected} are expected to`)
  })

test.after(() => {
  wasm.dispose()
})

test.run()
