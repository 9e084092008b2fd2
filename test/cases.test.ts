import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { operandTensor, titleOf } from './cases/case.js'
import { cases } from './cases/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

for (const row of cases)
  test(`inference agrees with the reference: ${titleOf(row)}`, () => {
    const builder = new GraphBuilder()
    const tensors = row.inputs.map((operand, index) => operand && operandTensor(operand, index + 1))
    const inputs = tensors.map((tensor, index) =>
      tensor && row.inputs[index]?.values
        ? builder.constant(tensor)
        : tensor && builder.input(`input${index}`, tensor.type, tensor.dims),
    )
    const values = builder.emit(row.op, inputs, row.attributes, row.outputs)
    const results = evaluate(builder.producer(values[0])!, tensors)
    values.forEach((value, index) => {
      assert.is(results[index].type, value.dtype)
      const fits = value.shape.every((dim, axis) => typeof dim === 'string' || dim === results[index].dims[axis])
      assert.ok(
        fits && value.shape.length === results[index].dims.length,
        `${value.shape} inferred, ${results[index].dims} computed`,
      )
    })
  })

test.run()
