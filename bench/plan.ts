// What it takes to make a model ready to run: `npm run bench:plan -- [--processes N] [--batch N]`. From a graph with a symbolic
// batch to an executable: specialised, optimised, planned, lowered, weights packed. Cold is the first time in a process, which
// has run none of that code before; warm, the smallest of the times that follow. Each the smallest of several processes.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { completeKernels } from '../src/backend/reference/complete.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import { loadGraph } from '../src/onnx/source.js'
import { withOperators } from '../src/packs/index.js'
import { networks } from './networks.js'

const { values: options } = parseArgs({
  options: {
    processes: { type: 'string', default: '5' },
    batch: { type: 'string', default: '1' },
    model: { type: 'string' },
  },
})

/** Milliseconds, by the clock and of the processor. */
type Times = readonly [elapsed: number, processor: number]
interface Measured {
  readonly nodes: number
  readonly cold: Times
  readonly warm: Times
}

const least = (all: readonly Times[]): Times => [
  Math.min(...all.map(([ms]) => ms)),
  Math.min(...all.map(([, ms]) => ms)),
]

async function measure(path: string): Promise<Measured> {
  completeKernels()
  const graph = await loadGraph(path)
  const inputShapes = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [
      name,
      shape.map((dim) => (typeof dim === 'number' ? dim : Number(options.batch))),
    ]),
  )
  const backend = await createWasmBackend({ threads: 1 })
  const once = async (): Promise<Times> => {
    const start = performance.now()
    const before = process.cpuUsage()
    const executable = await withOperators(() => compile(graph, backend, { inputShapes }))
    await executable.ready
    const { user, system } = process.cpuUsage(before)
    const elapsed = performance.now() - start
    executable.dispose()
    return [elapsed, (user + system) / 1000]
  }
  const cold = await once()
  const warm: Times[] = []
  for (let run = 0; run < 200; run++) warm.push(await once())
  backend.dispose()
  return { nodes: graph.nodes.length, cold, warm: least(warm) }
}

/** Measures every network of the course, each in fresh processes. */
function measureAll(): void {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-plan-'))
  console.log('| network | nodes | cold, ms | processor | warm, ms | processor |\n|---|---|---|---|---|---|')
  for (const { name, create } of networks) {
    const path = join(folder, `${name}.onnx`)
    writeFileSync(path, create().toOnnx())
    const program = [fileURLToPath(import.meta.url), '--model', path, '--batch', options.batch]
    const all = Array.from(
      { length: Number(options.processes) },
      () => JSON.parse(execFileSync(process.execPath, program, { encoding: 'utf8' })) as Measured,
    )
    const times = [least(all.map(({ cold }) => cold)), least(all.map(({ warm }) => warm))].flat()
    console.log(`| ${name} | ${all[0].nodes} | ${times.map((ms) => ms.toFixed(2)).join(' | ')} |`)
  }
  rmSync(folder, { recursive: true })
}

if (options.model !== undefined) console.log(JSON.stringify(await measure(options.model)))
else measureAll()
