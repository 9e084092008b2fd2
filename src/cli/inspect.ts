import { type Command, Option } from 'commander'
import { evaluate } from '../backend/reference/evaluate.js'
import { compile, type Stage, type Stages } from '../compile.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph } from '../core/ir.js'
import { formatShape } from '../core/shape.js'
import { defaultBackend } from '../environment.js'
import { printGraph } from '../graph/print.js'
import { specialize } from '../graph/specialize.js'
import type { ModelDescription, PortDescription } from '../onnx/describe.js'
import { describeGraph } from '../onnx/describe-graph.js'
import { withOperators } from '../packs/index.js'
import { printPlan } from '../plan/print.js'
import { describeCosts } from './costs.js'
import { type Description, describeFile } from './inspect-keras.js'
import { kindOf, openGraph } from './models.js'
import { examples, numberOption, oneOf, ranges } from './options.js'
import { printJson } from './terminal.js'

interface InspectOptions {
  readonly stage?: Stage
  readonly costs?: boolean
  readonly batch: number
  readonly json?: boolean
}

const stages: readonly Stage[] = ['graph', 'optimised', 'plan', 'backend']

export const addInspect = (program: Command): Command =>
  program
    .command('inspect')
    .description('what a model or a file of weights holds, and what each stage of the pipeline makes of a model')
    .argument(
      '<model>',
      'an ONNX, .keras, .h5, .weights.h5 or .safetensors file, a TensorFlow.js folder, or - for standard input',
    )
    .addOption(
      new Option('--stage <name>', `print one stage: ${stages.join(', ')}`).argParser(oneOf('--stage', stages)),
    )
    .option('--costs', 'each node as it runs: shapes, FLOPs, bytes, kernel or reference; and the memory plan')
    .addOption(
      numberOption('--batch <n>', 'value of the symbolic dimensions for the later stages', ranges.batch).default(1),
    )
    .option('--json', 'print the description as one JSON line')
    .addHelpText(
      'after',
      examples(
        'inspect model5.onnx',
        'inspect model5.onnx --json',
        'inspect model5.onnx --stage optimised',
        'inspect net.weights.h5',
      ),
    )
    .action(async (path: string, options: InspectOptions) => {
      if (options.json && (options.stage || options.costs))
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          '--json goes with the description alone, not with --stage or --costs',
        )
      const kind = await kindOf(path)
      if (!options.stage && !options.costs) {
        const { text, json } = kind === 'onnx' ? describeModel(await openGraph(path)) : await describeFile(path, kind)
        return options.json ? printJson(json) : console.log(text)
      }
      const graph = await openGraph(path)
      if (options.stage === 'graph') return console.log(printGraph(graph))
      const { batch } = options
      const shapes = Object.fromEntries(
        graph.inputs.map(({ name, shape }) => [name, shape.map((dim) => (typeof dim === 'number' ? dim : batch))]),
      )
      const bound = specialize(graph, shapes, evaluate)
      const backend = await defaultBackend()
      if (options.costs) console.log(await withOperators(() => describeCosts(bound, backend)))
      if (!options.stage) return
      let text = ''
      const onStage = <S extends Stage>(stage: S, result: Stages[S]) => {
        if (stage === options.stage) text = printStage[stage](result)
      }
      const executable = await withOperators(() => compile(bound, backend, { onStage }))
      console.log(text)
      executable.dispose()
    })

const printStage: { [S in Stage]: (result: Stages[S]) => string } = {
  graph: printGraph,
  optimised: printGraph,
  plan: printPlan,
  backend: (executable) => `${executable.describe()}\n`,
}

function describeModel(graph: Graph): Description {
  const description = describeGraph(graph)
  return { text: textOf(description), json: { format: 'onnx', ...description } }
}

function textOf({ name, nodes, parameters, inputs, outputs, ops, metadata, notes }: ModelDescription): string {
  const ports = (values: readonly PortDescription[]) =>
    values.map(({ name, type, shape }) => `  ${name}: ${type} ${formatShape(shape)}`)
  return [
    `graph ${name}: ${nodes.length} nodes, ${parameters.toLocaleString('en-US')} parameters`,
    'inputs',
    ...ports(inputs),
    'outputs',
    ...ports(outputs),
    'ops',
    ...Object.entries(ops).map(([op, count]) => `  ${op} x ${count}`),
    ...(Object.keys(metadata).length
      ? ['metadata', ...Object.entries(metadata).map(([key, value]) => `  ${key}: ${value}`)]
      : []),
    ...(notes.length ? ['notes', ...notes.map((note) => `  ${note}`)] : []),
  ].join('\n')
}
