import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { interpret } from '../src/backend/reference/evaluate.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Value } from '../src/core/ir.js'
import type { Tensor } from '../src/core/tensor.js'
import { importModel } from '../src/onnx/import.js'
import { oldestOpset } from '../src/onnx/opsets/index.js'
import { decodeModel, wideToNumber } from '../src/onnx/proto.js'
import { isProgramOp } from '../src/ops/index.js'
import { type ConformanceCase, casesOf, dataRoot, dataSetsOf, mismatch, readTensors } from './support/conformance.js'

/** Runs a case node by node through the reference kernels: undefined if it passes, else what differs. */
function failureOf(item: ConformanceCase): string | undefined {
  const graph = importModel(item.model)
  if (graph.nodes.some(({ op }) => isProgramOp(op)) || graph.inputs.some(({ container }) => container))
    throw new LanewiseError('UNSUPPORTED_OP', 'control flow and sequences')
  for (const dataSet of dataSetsOf(item)) {
    const feeds = new Map<Value, Tensor>()
    readTensors(dataSet, 'input', graph.inputs.length).forEach((tensor, index) => {
      if (tensor) feeds.set(graph.inputs[index], tensor)
    })
    const tensors = interpret(graph, feeds)
    const expected = readTensors(dataSet, 'output', graph.outputs.length)
    for (const [index, output] of graph.outputs.entries()) {
      const wanted = expected[index]
      const difference = wanted ? mismatch(tensors.get(output)!, wanted) : 'no expected output was found'
      if (difference) return `output ${index}: ${difference}`
    }
  }
  return undefined
}

/** Why lanewise does not run a case at all: an op, type or opset that it does not have. */
function unsupported(item: ConformanceCase, error: unknown): string | undefined {
  const opset = decodeModel(item.model).opsetImport.find(({ domain }) => !domain || domain === 'ai.onnx')
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

/** Cases whose expected output holds NumPy's random numbers; ours come from another generator. */
const drawnByNumPy = new Set([
  'test_bernoulli_double',
  'test_bernoulli_double_expanded',
  'test_training_dropout',
  'test_training_dropout_default_mask',
  'test_training_dropout_mask',
])

/** The fewest cases that pass in each group: fewer mean that something was lost. */
const passing = { node: 1190, simple: 0, 'pytorch-operator': 0, 'pytorch-converted': 0 }

for (const [group, expected] of Object.entries(passing))
  test(`ONNX conformance: ${group}`, () => {
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
        const failure = failureOf(item)
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

test.run()
