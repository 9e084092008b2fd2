import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { compile } from '../src/compile.js'
import type { Attributes } from '../src/core/ir.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { f32, graphOf, type OpCase, operandTensor, resultsOf, titleOf } from './cases/case.js'
import { loadEverything } from './support/operators.js'
import { openWebGpu } from './support/webgpu.js'

await loadEverything()

const gpu = await openWebGpu('recurrent layers on webgpu')
const reference = createReferenceBackend()
const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const

/** A layer of `hidden` units over 5 rows of 3 steps, with all operands but sequence_lens. */
function rowOf(op: keyof typeof gates, hidden: number, attributes: Attributes = {}): OpCase {
  const directions = attributes['direction'] === 'bidirectional' ? 2 : 1
  const [steps, batch, width] = [3, 5, 4]
  const range = [-0.1, 0.1] as const
  const state = f32([directions, batch, hidden])
  return {
    op,
    inputs: [
      f32([steps, batch, width]),
      f32([directions, gates[op] * hidden, width], { range }),
      f32([directions, gates[op] * hidden, hidden], { range }),
      f32([directions, 2 * gates[op] * hidden], { range }),
      undefined,
      state,
      ...(op === 'LSTM' ? [state] : []),
    ],
    attributes: { hidden_size: hidden, ...attributes },
    outputs: op === 'LSTM' ? 3 : 2,
  }
}

const rows = [
  rowOf('RNN', 40),
  rowOf('GRU', 40, { direction: 'bidirectional' }),
  rowOf('LSTM', 40),
  // More units than a workgroup has threads.
  rowOf('RNN', 264),
  rowOf('GRU', 264),
  rowOf('GRU', 264, { linear_before_reset: 1, direction: 'reverse' }),
  rowOf('LSTM', 264, { direction: 'bidirectional' }),
]

if (gpu) {
  for (const row of rows)
    test(titleOf(row), async () => {
      const { graph, tensors } = graphOf(row)
      const [actual, expected] = [await resultsOf(graph, tensors, gpu), await resultsOf(graph, tensors, reference)]
      if (Number(row.attributes!['hidden_size']) <= gpu.tuning.workgroupThreads - 16)
        assert.match(actual.description, /one submit, [34] dispatches/)
      expected.results.forEach((output, index) => {
        output.forEach((element, i) => {
          const [a, b] = [Number(actual.results[index][i]), Number(element)]
          assert.ok(Math.abs(a - b) <= 1e-5, `output ${index}, element ${i} is ${a}, the reference gives ${b}`)
        })
      })
    })

  /** A weighted sum of what a layer gives, and its gradients by the layer's operands, as outputs. */
  function gradientsOf({ op, inputs: operands, attributes, outputs }: OpCase) {
    const builder = new GraphBuilder('gradients')
    const tensors = operands.map((operand, index) => operand && operandTensor(operand, index + 1))
    const inputs = tensors.map((tensor, index) => tensor && builder.input(`input${index}`, tensor.type, tensor.dims))
    const loss = builder
      .emit(op, inputs, attributes, outputs)
      .map((output) => builder.sum(builder.mul(output, output)))
      .reduce((a, b) => builder.add(a, b))
    const by = inputs.filter((input) => input !== undefined)
    differentiate(builder, loss, by).forEach((gradient, index) => {
      builder.output(gradient!, `gradient${index}`)
    })
    return { graph: builder.build(), tensors }
  }

  const trained = [
    rowOf('RNN', 40, { direction: 'bidirectional' }),
    rowOf('GRU', 40),
    rowOf('GRU', 40, { linear_before_reset: 1, direction: 'reverse' }),
    rowOf('LSTM', 40, { direction: 'bidirectional' }),
    rowOf('LSTM', 264),
  ]
  for (const row of trained)
    test(`gradients of ${titleOf(row)}`, async () => {
      const { graph, tensors } = gradientsOf(row)
      const [actual, expected] = [await resultsOf(graph, tensors, gpu), await resultsOf(graph, tensors, reference)]
      expected.results.forEach((gradient, index) => {
        gradient.forEach((element, i) => {
          const [a, b] = [Number(actual.results[index][i]), Number(element)]
          assert.ok(Math.abs(a - b) <= 1e-5 * (1 + Math.abs(b)), `gradient ${index}, element ${i}: ${a}, not ${b}`)
        })
      })
    })

  test('more steps make no more dispatches', async () => {
    const counts = [3, 9].map((steps) => {
      const row = rowOf('LSTM', 40)
      const { graph } = gradientsOf({ ...row, inputs: [f32([steps, 5, 4]), ...row.inputs.slice(1)] })
      const executable = compile(graph, gpu)
      const text = executable.describe()
      executable.dispose()
      return Number(/(\d+) dispatches/.exec(text)![1])
    })
    assert.is(counts[0], counts[1])
  })

  test.after(() => gpu.dispose())
} else test('there is no adapter', () => {})

test.run()
