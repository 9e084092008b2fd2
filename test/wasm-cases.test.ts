import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { loweringOf, lowerings } from '../src/backend/wasm/lower/index.js'
import { otherOps } from '../src/backend/wasm/lower/other-types.js'
import { isFloat } from '../src/core/dtype.js'
import type { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { type OpCase, operandTensor, titleOf } from './cases/case.js'
import { cases } from './cases/index.js'
import { builds, runLowering } from './support/kernels.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** Asserts that `actual` is `expected` up to |a - b| <= tolerance (1 + |b|); NaN equals NaN, integers are exact. */
function assertClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  assert.is(actual.type, expected.type)
  assert.equal(actual.dims, expected.dims)
  const [a, b] = [actual.toNumbers(), expected.toNumbers()]
  const allowed = isFloat(expected.type) ? tolerance : 0
  b.forEach((value, i) => {
    const same = Object.is(a[i], value) || a[i] === value || Math.abs(a[i] - value) <= allowed * (1 + Math.abs(value))
    assert.ok(same, `element ${i} is ${a[i]}, the reference gives ${value}`)
  })
}

/** The case as one node, with its operands. */
function nodeOf(row: OpCase) {
  const builder = new GraphBuilder()
  const tensors = row.inputs.map((operand, index) => operand && operandTensor(operand, index + 1))
  const values = tensors.map((tensor, index) => {
    if (!tensor) return undefined
    return row.inputs[index]!.values
      ? builder.constant(tensor)
      : builder.input(`input${index}`, tensor.type, tensor.dims)
  })
  const outputs = builder.emit(row.op, values, row.attributes, row.outputs)
  return { node: builder.producer(outputs[0])!, tensors }
}

const lowered = new Set([...Object.keys(lowerings), ...otherOps])
const left: string[] = []

for (const row of cases) {
  if (!lowered.has(row.op)) continue
  const { node, tensors } = nodeOf(row)
  const constants = row.inputs.flatMap((operand, i) => (operand?.values ? [i] : []))
  const values = new Map(constants.map((i) => [node.inputs[i]!, tensors[i]!]))
  const lowering = loweringOf(node, (value) => values.get(value))
  if (!lowering) {
    left.push(titleOf(row))
    continue
  }
  test(titleOf(row), () => {
    const expected = evaluate(node, tensors)
    for (const build of builds) {
      const outputs = runLowering(lowering, row.op, {
        inputs: tensors,
        outputs: node.outputs,
        attributes: node.attributes,
        constants,
        build,
      })
      outputs.forEach((output, i) => {
        assertClose(output, expected[i], row.tolerance ?? 1e-5)
      })
    }
  })
}

if (left.length > 0) console.log(`SKIP ${left.length} cases that no kernel takes: ${left.join('; ')}`)

test.run()
