import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import type { Tensor } from '../src/core/tensor.js'
import { specialize } from '../src/graph/specialize.js'
import { verify } from '../src/graph/verify.js'
import { importModel } from '../src/onnx/import.js'
import { isProgramOp } from '../src/ops/index.js'
import { dataRoot, dataSetsOf, mismatch, readTensors } from './support/conformance.js'

for (const name of ['keras_gru', 'keras_simplernn'])
  test(`the loops of ${name} unroll, and give what Keras gave`, () => {
    const path = join(dataRoot, 'keras-onnx', name)
    if (!existsSync(path)) {
      console.log(`SKIP ${name}: no ${path}`)
      return
    }
    const graph = importModel(readFileSync(join(path, 'model.onnx')))
    verify(graph)
    for (const dataSet of dataSetsOf({ name, path, model: new Uint8Array() })) {
      const inputs = readTensors(dataSet, 'input', graph.inputs.length) as Tensor[]
      const shapes = Object.fromEntries(graph.inputs.map((input, index) => [input.name, inputs[index].dims]))
      const unrolled = specialize(graph, shapes, evaluate)
      verify(unrolled)
      assert.equal(
        unrolled.nodes.filter(({ op }) => isProgramOp(op)).map(({ op }) => op),
        [],
      )
      const tensors = interpret(unrolled, new Map(unrolled.inputs.map((input, index) => [input, inputs[index]])))
      readTensors(dataSet, 'output', graph.outputs.length).forEach((wanted, index) => {
        assert.equal(mismatch(tensors.get(unrolled.outputs[index])!, wanted!), undefined)
      })
    }
  })

test.run()
