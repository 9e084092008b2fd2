import type { Command } from 'commander'
import type { Backend, StepTime } from '../backend/backend.js'
import { evaluate } from '../backend/reference/evaluate.js'
import { compile } from '../compile.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, HostValue, Node } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import { createBackend } from '../environment.js'
import { specialize } from '../graph/specialize.js'
import { isStatic } from '../graph/static.js'
import { costOf } from '../ops/cost.js'
import { withOperators } from '../packs/index.js'
import { load } from '../program/runnable.js'
import { readFeeds } from './inputs.js'
import { openGraph } from './models.js'
import { type BackendChoice, backend, examples, numberOption, ranges, threads } from './options.js'
import { checkWritable } from './output.js'
import { sampleFor } from './samples.js'
import { printJson, printNotes } from './terminal.js'
import { traceOf } from './trace.js'
import { writeFile } from './write.js'

interface BenchOptions {
  batch: number
  threads?: number
  backend?: BackendChoice
  input?: string[]
  seconds: number
  profile?: boolean
  trace?: string
  json?: boolean
}

const mostWarmUps = 3
const mostProfiledRuns = 20

export const addBench = (program: Command): Command =>
  program
    .command('bench')
    .description('time the inference of a model')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .addOption(numberOption('--batch <n>', 'value of the symbolic dimensions', ranges.batch).default(1))
    .option('--input <name=file.npy...>', 'inputs; the others are made up, the same each time')
    .addOption(threads)
    .addOption(backend)
    .addOption(
      numberOption('--seconds <x>', 'how long to measure, one run at least', {
        low: 0.01,
        high: 600,
        whole: false,
      }).default(2),
    )
    .option('--profile', 'the time of each node, too')
    .option('--trace <file>', 'the same as a file for chrome://tracing and Perfetto (.json)')
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      examples('bench model5.onnx --batch 128', 'bench model5.onnx --threads 1 --profile --trace trace.json'),
    )
    .action(async (path: string, options: BenchOptions) => {
      const { batch, seconds, trace } = options
      if (trace) await checkWritable('--trace', trace)
      const graph = await openGraph(path)
      const feeds = await readFeeds(graph, options.input ?? [])
      const inputs = graph.inputs.map((input) => feeds[input.name] ?? sampleFor(input, batch))
      const backend = await createBackend({ backend: options.backend, threads: options.threads })
      try {
        await backend.ready()
        const { times, notes } = await time(graph, inputs, backend, seconds)
        const minMs = times[0]
        const medianMs = times[times.length >> 1]
        const { name, variant, threads: used } = backend.report
        const runs = times.length
        if (options.json) printJson({ model: path, backend: name, threads: used, batch, medianMs, minMs, runs })
        else
          console.log(
            `${path}, batch ${batch}, ${name} (${variant}), ${used} ${used === 1 ? 'thread' : 'threads'}: median ${milliseconds(medianMs)}, least ${milliseconds(minMs)}, ${runs} ${runs === 1 ? 'run' : 'runs'}`,
          )
        if (options.profile || trace) {
          const profiled = Math.ceil(Math.min(mostProfiledRuns, (1000 * seconds) / medianMs))
          const steps = await profile(graph, inputs, backend, profiled)
          if (options.profile) printProfile(steps, options.json ?? false)
          if (trace)
            await writeFile(trace, traceOf([{ title: `${path}, batch ${batch}, ${name}`, slices: steps.map(sliceOf) }]))
          if (trace && !options.json) console.log(`wrote ${trace}`)
        }
        if (!options.json) printNotes([...new Set([...backend.report.notes, ...notes])])
      } finally {
        backend.dispose()
      }
    })

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toPrecision(3) : ms.toFixed(1)} ms`

/**
 * Milliseconds of single runs, inputs copied in and outputs out, in ascending order: at least one, after at least one to warm
 * up, which takes up to half of the time.
 */
async function time(graph: Graph, inputs: readonly HostValue[], backend: Backend, seconds: number) {
  const model = await load(graph, inputs, backend)
  try {
    const begun = performance.now()
    const spent = () => (performance.now() - begun) / 1000
    let warmUps = 0
    do await model.run(inputs)
    while (++warmUps < mostWarmUps && spent() < seconds / 2)
    const times: number[] = []
    do {
      const start = performance.now()
      await model.run(inputs)
      times.push(performance.now() - start)
    } while (spent() < seconds)
    return { times: times.sort((a, b) => a - b), notes: model.notes }
  } finally {
    model.dispose()
  }
}

/** A call of a kernel in a profile. */
interface Step extends StepTime {
  /** Of all kernels of the node together; 0 where no time was seen, as timestamps of GPUs come in steps. */
  readonly gflops: number
}

/** The median time of each step, in the order in which they run. */
async function profile(
  graph: Graph,
  inputs: readonly HostValue[],
  backend: Backend,
  runs: number,
): Promise<readonly Step[]> {
  const shapes = graph.inputs.flatMap(({ name }, i) => {
    const input = inputs[i]
    return input instanceof Tensor ? [[name, input.dims] as const] : []
  })
  const bound = specialize(graph, Object.fromEntries(shapes), evaluate)
  if (!isStatic(bound))
    throw new LanewiseError('UNSUPPORTED_OP', `'${graph.name}' has loops or sequences; only one plan can be profiled`)
  const executable = await withOperators(() => compile(bound, backend))
  try {
    if (!executable.profile)
      throw new LanewiseError(
        'BACKEND_UNAVAILABLE',
        `the ${backend.report.name} backend cannot time its steps here${backend.report.name === 'webgpu' ? ': the adapter has no timestamp queries; leave out --profile, or profile with --backend wasm' : ''}`,
      )
    await executable.run()
    const steps = await executable.profile(runs)
    const spent = new Map<Node | undefined, number>()
    for (const { node, ms } of steps) spent.set(node, (spent.get(node) ?? 0) + ms)
    return steps.map((step) => {
      const time = spent.get(step.node) ?? 0
      return { ...step, gflops: step.node && time > 0 ? costOf(step.node).flops / time / 1e6 : 0 }
    })
  } finally {
    executable.dispose()
  }
}

/** Prints the steps, the longest first. */
function printProfile(steps: readonly Step[], json: boolean): void {
  const total = steps.reduce((sum, { ms }) => sum + ms, 0)
  if (!json) console.log(`${steps.length} steps, ${milliseconds(total)}:`)
  for (const { node, kernel, ms, gflops } of [...steps].sort((a, b) => b.ms - a.ms)) {
    if (json) printJson({ node: node?.name ?? null, op: node?.op ?? null, kernel, ms, gflops })
    else
      console.log(
        `  ${milliseconds(ms).padStart(9)} ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${gflops.toFixed(1).padStart(6)} GFLOP/s  ${kernel}${node ? ` for ${node.op} '${node.name}'` : ''}`,
      )
  }
}

const sliceOf = ({ node, kernel, ms, gflops }: Step) => ({
  name: kernel,
  ms,
  args: { node: node?.name, op: node?.op, gflops },
})
