import { existsSync } from 'node:fs'
import { webGpuSupport } from '../../src/backend/webgpu/host.js'
import { createWebGpuBackend, type WebGpuBackend } from '../../src/backend/webgpu/index.js'
import type { WebGpuOptions } from '../../src/backend/webgpu/options.js'
import { LanewiseError } from '../../src/core/errors.js'
import type { HostValue } from '../../src/core/ir.js'
import { importModel } from '../../src/onnx/import.js'
import { load } from '../../src/program/runnable.js'
import { type ConformanceCase, dataSetsOf, drawnByNumPy, readValues, valueMismatch } from './conformance.js'

/** Where Debian's chromium has its software adapter. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'

/**
 * A backend on the adapter of this host, or on SwiftShader where that is installed; undefined, with a printed notice, where
 * there is none.
 */
export async function openWebGpu(what: string, options: WebGpuOptions = {}): Promise<WebGpuBackend | undefined> {
  if (existsSync(swiftShader)) process.env['VK_ICD_FILENAMES'] ??= swiftShader
  const support = await webGpuSupport()
  if (support.available) return createWebGpuBackend(options)
  console.log(`SKIP ${what}: ${support.reason}`)
  return undefined
}

/** How cases ended: what failed with its reason, and how many nodes of each op had no kernel. */
export interface CaseCounts {
  passed: number
  readonly failures: string[]
  readonly refused: Map<string, number>
}

/** Cases in flight: some compile while others run. */
const AT_ONCE = 4

/** Runs a case on `backend`: undefined if it passes, else what differs. */
async function failureOf(item: ConformanceCase, backend: WebGpuBackend): Promise<string | undefined> {
  const graph = importModel(item.model)
  for (const dataSet of dataSetsOf(item)) {
    const inputs = readValues(dataSet, 'input', graph.inputs) as HostValue[]
    const model = await load(graph, inputs, backend)
    try {
      const results = await model.run(inputs)
      for (const [index, wanted] of readValues(dataSet, 'output', graph.outputs).entries()) {
        const { name } = graph.outputs[index]
        const difference = wanted === undefined ? 'no expected output was found' : valueMismatch(results[name], wanted)
        if (difference) return `output '${name}': ${difference}`
      }
    } finally {
      model.dispose()
    }
  }
  return undefined
}

/** Runs cases on `backend`, a few at once, and compares their outputs. Cases that it refuses for want of a kernel are no failures. */
export async function runCases(cases: readonly ConformanceCase[], backend: WebGpuBackend): Promise<CaseCounts> {
  const counts: CaseCounts = { passed: 0, failures: [], refused: new Map() }
  const refuse = (why: string) => counts.refused.set(why, (counts.refused.get(why) ?? 0) + 1)
  const queue = [...cases]
  const worker = async () => {
    for (let item = queue.shift(); item; item = queue.shift()) {
      try {
        const failure = await failureOf(item, backend)
        if (failure && drawnByNumPy.has(item.name)) refuse("NumPy's random numbers")
        else if (failure) counts.failures.push(`${item.name}: ${failure}`)
        else counts.passed++
      } catch (error) {
        const { message } = error as Error
        if (error instanceof LanewiseError && error.code === 'UNSUPPORTED_OP')
          refuse(/steps of '.*?': (\S+) '.*?' \((\w+)/.exec(message)?.slice(1, 3).join(' of ') ?? message)
        else counts.failures.push(`${item.name}: ${message}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return counts
}
