import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import type { Attributes, Graph } from '../src/core/ir.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { printGraph } from '../src/graph/print.js'
import { uniform } from './cases/case.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const wasm = await createWasmBackend({ threads: 2 })
const reference = createReferenceBackend()

const rows: readonly { x: number[]; w: number[]; attributes?: Attributes }[] = [
  { x: [2, 3, 9], w: [3, 5, 4], attributes: { strides: [2], pads: [1, 1] } },
  { x: [2, 8, 7, 6], w: [8, 5, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] } },
  { x: [1, 16, 12, 12], w: [16, 16, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { x: [1, 6, 5, 5], w: [6, 2, 2, 3], attributes: { group: 3, dilations: [2, 1] } },
]

for (const { x, w, attributes } of rows)
  test(`ConvTranspose with bias and activation is one kernel call's work: [${x}] [${w}]`, async () => {
    const random = uniform(3)
    const tensor = (dims: readonly number[]) =>
      new Tensor(
        'float32',
        Float32Array.from({ length: sizeOf(dims) }, () => random() - 0.5),
        dims,
      )
    const builder = new GraphBuilder()
    const input = builder.input('x', 'float32', x)
    const channels = w[1] * ((attributes?.['group'] as number | undefined) ?? 1)
    const operands = [input, builder.constant(tensor(w)), builder.constant(tensor([channels]))]
    builder.output(builder.tanh(builder.op('ConvTranspose', operands, attributes)), 'y')
    const graph = builder.build()
    const data = tensor(x).data as Float32Array
    const [actual, expected] = await Promise.all(
      [wasm, reference].map(async (backend) => {
        let optimised = ''
        const executable = compile(graph, backend, {
          onStage: (stage, result) => {
            if (stage === 'optimised') optimised = printGraph(result as Graph)
          },
        })
        executable.write('x', data)
        await executable.run()
        const y = (await executable.read('y')) as Float32Array
        assert.equal(executable.notes, [])
        if (backend === wasm) assert.not.match(optimised, /\b(Add|Tanh)\b/)
        executable.dispose()
        return y
      }),
    )
    expected.forEach((want, i) => {
      assert.ok(Math.abs(actual[i] - want) <= 1e-5, `element ${i} is ${actual[i]}, the reference gives ${want}`)
    })
  })

test('the backend goes', () => {
  wasm.dispose()
})

test.run()
