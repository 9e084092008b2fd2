import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { casesIn, dataRoot } from './support/conformance.js'
import { loadEverything } from './support/operators.js'
import { openWebGpu, runCases } from './support/webgpu.js'

await loadEverything()

const gpu = await openWebGpu("Keras's ONNX models on webgpu")

if (gpu) {
  const cases = casesIn('keras-onnx')
  if (cases)
    test("all of Keras's ONNX models give Keras's outputs on webgpu", async () => {
      const { passed, failures, refused } = await runCases(cases, gpu)
      assert.equal(failures, [])
      assert.equal([...refused], [])
      assert.is(passed, cases.length)
    })
  else console.log(`SKIP Keras's ONNX models on webgpu: no ${dataRoot}/keras-onnx`)

  test.after(() => gpu.dispose())
} else test('there is no adapter', () => {})

test.run()
