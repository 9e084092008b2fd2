import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { casesOf, dataRoot } from './support/conformance.js'
import { loadEverything } from './support/operators.js'
import { openWebGpu, runCases } from './support/webgpu.js'

await loadEverything()

const gpu = await openWebGpu('ONNX conformance on webgpu')

/** The fewest cases that pass in each group: fewer mean that a kernel was lost. */
const passing = { node: 1182, simple: 5, 'pytorch-operator': 20, 'pytorch-converted': 50 }

if (gpu) {
  for (const [group, expected] of Object.entries(passing))
    test(`ONNX conformance on webgpu: ${group}`, async () => {
      const cases = casesOf(group)
      if (!cases) {
        console.log(`SKIP ONNX conformance on webgpu, ${group}: no ${dataRoot}/onnx-backend/${group}`)
        return
      }
      const { passed, failures, refused } = await runCases(cases, gpu)
      const ops = [...refused].sort(([, a], [, b]) => b - a).map(([op, count]) => `${count} ${op}`)
      console.log(
        `SKIP ONNX conformance on webgpu, ${group}: ${passed} of ${cases.length} cases passed, ${failures.length} failed. Without a kernel, by the first op: ${ops.join(', ')}`,
      )
      assert.equal(failures, [])
      assert.ok(passed >= expected, `${passed} cases passed, ${expected} are expected to`)
    })

  test.after(() => gpu.dispose())
} else test('there is no adapter', () => {})

test.run()
