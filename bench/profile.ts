import type { StepTime } from '../src/backend/backend.js'
import { completeKernels } from '../src/backend/reference/complete.js'
import { traceOf } from '../src/cli/trace.js'
import { compile } from '../src/compile.js'
import type { TypedArray } from '../src/core/dtype.js'
import { formatShape } from '../src/core/shape.js'
import { configure, createBackend, defaultBackend } from '../src/environment.js'
import { createFeed } from '../src/keras/training/feed.js'
import { feedScalars } from '../src/keras/training/loaded-step.js'
import { Trainer } from '../src/keras/training/trainer.js'
import { loadGraph } from '../src/onnx/source.js'
import { costOf } from '../src/ops/cost.js'
import { withOperators } from '../src/packs/index.js'
import type { Place } from './peers/peer.js'
import { samplesOf } from './training.js'
import type { Inference, Training, Workload } from './workloads.js'

/** The work of one node: its kernels' times, and its floating-point operations (a direct convolution's, also for Winograd). */
export interface ProfiledNode {
  /** The node's op, name and results; `copy` for copies between places. */
  readonly what: string
  /** The milliseconds of each kernel, over all its calls, in the order in which they first run. */
  readonly kernels: Readonly<Record<string, number>>
  readonly calls: number
  readonly ms: number
  readonly flops: number
}

export interface Profile {
  readonly group: string
  readonly name: string
  readonly node: string
  readonly threads: number
  /** GFLOP/s of the threads together, as the peak microkernel measured one; 0 where none measures it. */
  readonly peak: number
  readonly nodes: readonly ProfiledNode[]
}

const runs = 25

function byNode(steps: readonly StepTime[]): ProfiledNode[] {
  const groups = new Map<StepTime['node'], StepTime[]>()
  for (const step of steps) groups.set(step.node, [...(groups.get(step.node) ?? []), step])
  return [...groups].map(([node, calls]) => {
    const kernels: Record<string, number> = {}
    for (const { kernel, ms } of calls) kernels[kernel] = (kernels[kernel] ?? 0) + ms
    const results = node?.outputs.map(({ shape }) => formatShape(shape)).join(', ')
    return {
      what: node ? `${node.op} '${node.name}' ${results}` : 'copy',
      kernels,
      calls: calls.length,
      ms: calls.reduce((sum, { ms }) => sum + ms, 0),
      flops: node ? costOf(node).flops : 0,
    }
  })
}

type Computing = Pick<Place, 'backend' | 'threads'>

async function inferenceSteps({ model, inputs }: Inference, computing: Computing): Promise<readonly StepTime[]> {
  const backend = await createBackend(computing)
  await backend.ready()
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, dims]))
  completeKernels()
  const graph = await loadGraph(model)
  const executable = await withOperators(() => compile(graph, backend, { inputShapes: shapes }))
  for (const [name, { data }] of Object.entries(inputs)) executable.write(name, data as TypedArray)
  await executable.run()
  const steps = await executable.profile!(runs)
  executable.dispose()
  backend.dispose()
  return steps
}

async function trainingSteps({ recipe, batch, shape }: Training, computing: Computing): Promise<readonly StepTime[]> {
  configure(computing)
  await (await defaultBackend()).ready()
  const trainer = new Trainer(recipe.model())
  trainer.compile(recipe.compile())
  const { x, y } = samplesOf(shape, batch)
  return trainer.exclusively(async (store) => {
    const feed = createFeed(trainer.samples(x, y), batch, store, Number.POSITIVE_INFINITY)
    const step = await trainer.load(store, feed.sources, batch, 'update')
    feed.load(
      step.executable,
      Int32Array.from({ length: batch }, (_, index) => index),
      0,
      batch,
    )
    feedScalars(step, trainer.compiled.optimizer)
    await step.executable.run()
    const steps = await step.executable.profile!(runs)
    step.executable.dispose()
    feed.dispose()
    return steps
  })
}

/** The time of each node of `workload`. Throws for a model that no single plan can run. */
export async function profile(
  workload: Workload,
  computing: Computing,
  peakOfOne: number,
): Promise<Profile | undefined> {
  if (workload.kind === 'start') return undefined
  const { backend, threads } = computing
  const steps = await (workload.kind === 'training' ? trainingSteps : inferenceSteps)(workload as never, {
    backend,
    threads,
  })
  const { group, name } = workload
  return { group, name, node: process.versions.node, threads, peak: peakOfOne * threads, nodes: byNode(steps) }
}

const rate = (flops: number, ms: number): number => flops / ms / 1e6

/** A profile as text: its nodes in order, with GFLOP/s and the share of the peak. */
export function formatProfile({ group, name, node, threads, peak, nodes }: Profile): string {
  const total = nodes.reduce((sum, { ms }) => sum + ms, 0)
  const row = (...[ms, share, calls, gflops, ofPeak, what]: readonly string[]) =>
    `  ${ms.padStart(9)} ${share.padStart(5)} ${calls.padStart(5)} ${gflops.padStart(7)} ${ofPeak.padStart(5)}  ${what}`
  const describe = (ms: number, flops: number, calls: number, what: string) => {
    const gflops = rate(flops, ms)
    const share = ((100 * ms) / total).toFixed(1)
    return row(
      ms.toFixed(4),
      share,
      `${calls}`,
      gflops.toFixed(1),
      peak > 0 ? `${((100 * gflops) / peak).toFixed(0)}%` : '',
      what,
    )
  }
  const lines = nodes.map(({ kernels, what, calls, ms, flops }) => {
    const list = Object.entries(kernels)
    const shown = list.map(([kernel, part]) => (list.length > 1 ? `${kernel} ${part.toFixed(3)}` : kernel)).join(' + ')
    return describe(ms, flops, calls, `${what}: ${shown}`)
  })
  const sum = (key: 'flops' | 'calls') => nodes.reduce((all, item) => all + item[key], 0)
  return [
    `${group}/${name}, Node ${node}, ${threads} thread(s)${peak > 0 ? `; the machine's peak is ${peak.toFixed(1)} GFLOP/s` : ''}`,
    row('ms', '%', 'calls', 'GFLOP/s', 'peak', 'node: kernels'),
    ...lines,
    describe(total, sum('flops'), sum('calls'), 'all'),
  ].join('\n')
}

/** Profiles as Chrome's trace events, a process for each. */
export const traceOfProfiles = (profiles: readonly Profile[]): string =>
  traceOf(
    profiles.map(({ group, name, node, threads, nodes }) => ({
      title: `${group}/${name}, Node ${node}, ${threads} thread(s)`,
      slices: nodes.flatMap(({ kernels, what, ms: all, flops }) =>
        Object.entries(kernels).map(([kernel, ms]) => ({
          name: kernel,
          ms,
          args: { node: what, gflops: rate(flops, all) },
        })),
      ),
    })),
  )
