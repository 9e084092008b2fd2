import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { compile } from '../src/compile.js'
import type { TypedArray } from '../src/core/dtype.js'
import type { Attributes } from '../src/core/ir.js'
import { f32, graphOf, type OpCase, titleOf } from './cases/case.js'
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
      const results: TypedArray[][] = []
      for (const backend of [gpu, reference]) {
        const executable = compile(graph, backend)
        for (const input of graph.inputs)
          executable.write(input.name, tensors[Number(input.name.slice('input'.length))]!.data as TypedArray)
        await executable.run()
        results.push(await Promise.all(graph.outputs.map((output) => executable.read(output.name))))
        const hidden = Number(row.attributes!['hidden_size'])
        if (backend === gpu && hidden <= gpu.tuning.workgroupThreads - 16)
          assert.match(executable.describe(), /one submit, [34] dispatches/)
        executable.dispose()
      }
      results[1].forEach((expected, index) => {
        expected.forEach((element, i) => {
          const [a, b] = [Number(results[0][index][i]), Number(element)]
          assert.ok(Math.abs(a - b) <= 1e-5, `output ${index}, element ${i} is ${a}, the reference gives ${b}`)
        })
      })
    })
  test.after(() => gpu.dispose())
} else test('there is no adapter', () => {})

test.run()
