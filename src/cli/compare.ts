import type { Command } from 'commander'
import { isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, HostValue, Node } from '../core/ir.js'
import { formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { type BackendName, createBackend } from '../environment.js'
import { load } from '../program/runnable.js'
import { readFeeds } from './inputs.js'
import { openGraph } from './models.js'
import { examples, numberOption, ranges } from './options.js'
import { sampleFor } from './samples.js'
import { printJson, printNotes } from './terminal.js'

interface CompareOptions {
  backends: string
  input?: string[]
  batch: number
  tolerance: number
  json?: boolean
}

const known: readonly BackendName[] = ['wasm', 'webgpu', 'reference']

/** How far the values of one name are apart. */
interface Difference {
  readonly name: string
  readonly node: Node | undefined
  /** The largest |a - b| / (1 + |b|); infinite where one is NaN or the types differ. */
  readonly worst: number
  readonly text: string
}

export const addCompare = (program: Command): Command =>
  program
    .command('compare')
    .description('run a model on two backends, and find the first node whose outputs differ')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .option('--backends <a,b>', `two of ${known.join(', ')}`, 'wasm,webgpu')
    .option('--input <name=file.npy...>', 'inputs; the others are made up, the same each time')
    .addOption(
      numberOption('--batch <n>', 'value of the symbolic dimensions of inputs that are made up', ranges.batch).default(
        1,
      ),
    )
    .addOption(
      numberOption('--tolerance <x>', 'what |a - b| / (1 + |b|) may be', { low: 0, high: 1, whole: false }).default(
        1e-3,
      ),
    )
    .option('--json', 'print one JSON line a value, and a last one with the verdict')
    .addHelpText(
      'after',
      examples(
        'compare model.onnx --backends wasm,webgpu',
        'compare model.onnx --backends wasm,reference --tolerance 1e-5',
      ),
    )
    .action(async (path: string, options: CompareOptions) => {
      const names = options.backends.split(',') as BackendName[]
      if (names.length !== 2 || names.some((name) => !known.includes(name)))
        throw new LanewiseError('INVALID_ARGUMENT', `--backends ${options.backends}: give two of ${known.join(', ')}`)
      const { batch, tolerance } = options
      const graph = await openGraph(path)
      const feeds = await readFeeds(graph, options.input ?? [])
      const inputs = graph.inputs.map((input) => feeds[input.name] ?? sampleFor(input, batch))
      const [first, second] = [await runAll(graph, inputs, names[0]), await runAll(graph, inputs, names[1])]

      const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value.name, node] as const)))
      const asRun = graph.outputs.map(({ name }) =>
        differenceOf(name, producer.get(name), first.outputs[name], second.outputs[name]),
      )
      const inside = [...producer].flatMap(([name, node]) =>
        name in first.values && name in second.values
          ? [differenceOf(name, node, first.values[name], second.values[name])]
          : [],
      )
      const culprit = inside.find(({ worst }) => !(worst <= tolerance))
      const agrees = !culprit && asRun.every(({ worst }) => worst <= tolerance)
      if (options.json) {
        for (const { name, node, worst } of inside) printJson({ value: name, node: node?.name, op: node?.op, worst })
        printJson({
          agrees,
          outputs: asRun.map(({ name, worst }) => ({ name, worst })),
          first: culprit?.node?.name ?? null,
        })
      } else {
        console.log(`${path} on ${names.join(' and ')}, |a - b| / (1 + |b|):`)
        for (const { name, worst, text } of asRun) console.log(`  output ${name}: ${worst.toExponential(1)}${text}`)
        console.log('node by node, without fusion, the worst:')
        for (const { name, node, worst, text } of [...inside].sort((a, b) => b.worst - a.worst).slice(0, 8))
          console.log(`  ${node?.op} '${node?.name}', ${name}: ${worst.toExponential(1)}${text}`)
        if (culprit)
          console.log(
            `first beyond ${tolerance}: ${culprit.node?.op} '${culprit.node?.name}', its output '${culprit.name}' differs by ${culprit.worst.toExponential(1)}${culprit.text}`,
          )
        else if (agrees) console.log(`they agree within ${tolerance}`)
        else console.log('no single node differs: fused nodes, or nodes that run together, do')
        printNotes([...first.notes, ...second.notes])
      }
      if (!agrees) process.exitCode = 1
    })

/** The outputs as a session gives them, and the values between all nodes. */
async function runAll(graph: Graph, inputs: readonly HostValue[], name: BackendName) {
  const backend = await createBackend({ backend: name })
  try {
    const whole = await load(graph, inputs, backend)
    const outputs = await whole.run(inputs)
    whole.dispose()
    const open = await load({ ...graph, outputs: graph.nodes.flatMap((node) => node.outputs) }, inputs, backend)
    const values = await open.run(inputs)
    open.dispose()
    return { outputs, values, notes: backend.report.notes.map((note) => `${name}: ${note}`) }
  } finally {
    backend.dispose()
  }
}

function differenceOf(
  name: string,
  node: Node | undefined,
  a: HostValue | undefined,
  b: HostValue | undefined,
): Difference {
  const none = { name, node, worst: 0, text: '' }
  if (!(a instanceof Tensor) || !(b instanceof Tensor)) return { ...none, text: ' (not a tensor, not compared)' }
  if (a.type !== b.type || formatShape(a.dims) !== formatShape(b.dims))
    return {
      ...none,
      worst: Number.POSITIVE_INFINITY,
      text: ` (${a.type} ${formatShape(a.dims)} against ${b.type} ${formatShape(b.dims)})`,
    }
  if (a.type === 'string') {
    const differs = (a.data as readonly string[]).some((text, i) => text !== b.data[i])
    return { ...none, worst: differs ? Number.POSITIVE_INFINITY : 0 }
  }
  const [x, y] = [a.toNumbers(), b.toNumbers()]
  let worst = 0
  let at = -1
  for (let i = 0; i < y.length; i++) {
    if (Object.is(x[i], y[i]) || x[i] === y[i]) continue
    const gap = isFloat(a.type) ? Math.abs(x[i] - y[i]) / (1 + Math.abs(y[i])) : Number.POSITIVE_INFINITY
    if (Number.isNaN(gap) || gap > worst) {
      worst = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap
      at = i
    }
  }
  return { ...none, worst, text: at < 0 ? '' : ` (element ${at}: ${x[at]} against ${y[at]})` }
}
