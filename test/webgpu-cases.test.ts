import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { loweringOf } from '../src/backend/wasm/lower/index.js'
import { elementTypeOf } from '../src/backend/webgpu/elements.js'
import type { WebGpuBackend } from '../src/backend/webgpu/index.js'
import { isFloat, type TypedArray } from '../src/core/dtype.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Graph, Value } from '../src/core/ir.js'
import { isConcrete } from '../src/core/shape.js'
import { operators } from '../src/ops/index.js'
import { optimise } from '../src/optimise/index.js'
import { graphOf, type OpCase, resultsOf, titleOf } from './cases/case.js'
import { cases } from './cases/index.js'
import { loadEverything } from './support/operators.js'
import { openWebGpu } from './support/webgpu.js'

await loadEverything()

const gpu = await openWebGpu('op cases on webgpu')
/** The kernels for products that the adapter does not choose itself. */
const otherProducts = gpu?.tuning.products === 'direct' ? 'tiled' : 'direct'
const other = gpu && (await openWebGpu('the other products on webgpu', { products: otherProducts }))
const reference = createReferenceBackend()
const left = new Map<string, number>()
/** Runs the cases whose op matches. */
const only = new RegExp(process.env['LANEWISE_CASES'] ?? '')

/** What |a - b| / (1 + |b|) may be on any adapter: drivers choose the precision of division, exponentials and powers. */
const TOLERANCE = 1e-4

/** Whether wasm has a kernel for each node of a graph whose types all lie in GPU buffers. */
function wasmTakes(graph: Graph): boolean {
  const { nodes, constants } = optimise(graph, {
    evaluate,
    accelerates: (node, constant) => loweringOf(node, constant) !== undefined,
  })
  const held = (value: Value | undefined) => value === undefined || elementTypeOf(value.dtype) !== undefined
  return nodes.every(
    (node) =>
      [...node.inputs, ...node.outputs].every(held) &&
      (operators[node.op].traits?.view || loweringOf(node, (value) => constants.get(value))),
  )
}

/** Runs a case on `device` and on the reference backend. Throws what differs. */
async function check(row: OpCase, device: WebGpuBackend): Promise<void> {
  const { graph, tensors } = graphOf(row)
  let results: readonly TypedArray[]
  try {
    results = (await resultsOf(graph, tensors, device)).results
  } catch (error) {
    if (!(error instanceof LanewiseError && error.code === 'UNSUPPORTED_OP')) throw error
    assert.not(wasmTakes(graph), `wasm has kernels for it: ${error.message}`)
    if (device === gpu) left.set(row.op, (left.get(row.op) ?? 0) + 1)
    return
  }
  const { results: expectations } = await resultsOf(graph, tensors, reference)
  graph.outputs.forEach((output, index) => {
    const allowed = isFloat(output.dtype) ? Math.max(TOLERANCE, row.tolerance ?? 0) : 0
    const [actual, expected] = [results[index], expectations[index]]
    assert.is(actual.length, expected.length)
    expected.forEach((element, i) => {
      const [a, b] = [Number(actual[i]), Number(element)]
      const same = Object.is(a, b) || a === b || Math.abs(a - b) <= allowed * (1 + Math.abs(b))
      if (!same) assert.unreachable(`${output.name} element ${i} is ${a}, the reference gives ${b}`)
    })
  })
}

/** Cases in flight: some compile while others run. */
const AT_ONCE = 4

if (gpu) {
  const runs = cases
    .filter((row) => only.test(row.op) && graphOf(row).graph.outputs.every((output) => isConcrete(output.shape)))
    .flatMap((row) => {
      const isProduct = /MatMul|Gemm|Conv|Attention/.test(row.op)
      return [
        { title: titleOf(row), row, device: gpu },
        ...(isProduct ? [{ title: `${titleOf(row)}, ${otherProducts}`, row, device: other! }] : []),
      ]
    })
  const started: Promise<void>[] = []
  runs.forEach(({ title }, index) => {
    test(title, () => {
      while (started.length < Math.min(runs.length, index + AT_ONCE)) {
        const next = runs[started.length]
        const run = check(next.row, next.device)
        run.catch(() => {})
        started.push(run)
      }
      return started[index]
    })
  })

  test('nothing stays on the device', () => {
    const { buffers } = gpu.usage
    // Staging buffers of the sizes that were read.
    assert.ok(buffers <= 40, `${buffers} buffers are left`)
    gpu.dispose()
    other!.dispose()
    assert.is(gpu.usage.buffers, 0)
    const counts = [...left].sort().map(([op, count]) => `${op} x ${count}`)
    console.log(`\nSKIP cases without a WGSL kernel: ${counts.join(', ')}`)
  })
} else test('there is no adapter', () => {})

test.run()
