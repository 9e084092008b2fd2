import { basename, dirname, join } from 'node:path'
import { type Command, Option } from 'commander'
import { evaluate } from '../backend/reference/evaluate.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph } from '../core/ir.js'
import { toFloat16, withFloat16Weights } from '../graph/float16.js'
import type { SaveFormat } from '../keras/index.js'
import { exportModel } from '../onnx/export.js'
import { loadGraph } from '../onnx/source.js'
import { simplify } from '../optimise/simplify.js'
import { kindOf, openModel } from './models.js'
import { examples, numberOption, oneOf } from './options.js'
import { checkWritable, formatOf, modelFormats } from './output.js'
import { sourceOf, standard } from './stdin.js'
import { printJson } from './terminal.js'
import { writeFile } from './write.js'

interface ConvertOptions {
  to?: SaveFormat
  model?: string
  opset?: number
  strip?: boolean
  float16?: boolean
  keepIoTypes?: boolean
  float16Weights?: boolean
  optimise?: boolean
  json?: boolean
}

export const addConvert = (program: Command): Command =>
  program
    .command('convert')
    .description('write a model anew: in another format (ONNX, Keras, TensorFlow.js, safetensors), opset or precision')
    .argument(
      '<in>',
      'an ONNX, .keras or .h5 file, a TensorFlow.js folder, - for standard input; or, with --model, weights',
    )
    .argument(
      '<out>',
      '.onnx, .keras, .h5, .weights.h5, .safetensors, or .json or a folder with / for TensorFlow.js; - for standard output, with --to',
    )
    .addOption(
      new Option(
        '--to <format>',
        `what to write, where the name does not say it: ${modelFormats.join(', ')}`,
      ).argParser(oneOf('--to', modelFormats)),
    )
    .option('--model <file>', 'the model (a Keras JSON, or a file that holds one) whose weights <in> holds')
    .addOption(numberOption('--opset <n>', 'ai.onnx opset to write', { low: 1, high: 99, whole: true }))
    .option('--strip', 'leave out metadata, documentation, and the shapes of values in between')
    .option('--float16', 'compute in float16: weights, values, inputs and outputs; what ONNX has in float32 only stays')
    .option('--keep-io-types', 'with --float16: inputs and outputs stay float32')
    .option(
      '--float16-weights',
      'hold weights in float16, compute in float32: half the size, the same inputs and outputs',
    )
    .option('--optimise', 'fold constants and shape chains, cancel transposes, drop what nothing needs')
    .option('--json', 'print one JSON line about what was written')
    .addHelpText(
      'after',
      examples(
        'convert net.keras net.onnx',
        'convert model5.onnx half.onnx --float16 --keep-io-types',
        'convert net.h5 for-tfjs/',
        'convert net.weights.h5 net.keras --model net.json',
        'convert - - --to onnx --optimise < in.onnx > out.onnx',
      ),
    )
    .action(async (input: string, output: string, options: ConvertOptions) => {
      const format = options.to ?? formatOf(output, `; add --to ${modelFormats.join('|')}`)
      const isFolder = format === 'tfjs' && !output.endsWith('.json')
      if (output === standard) checkStandardOutput(format, options)
      else await checkWritable('convert to', isFolder ? `${output}/` : output)
      if (format === 'onnx') return toOnnx(input, output, options)
      const graphOptions = ['opset', 'strip', 'float16', 'keepIoTypes', 'float16Weights', 'optimise'] as const
      const given = graphOptions.find((name) => options[name] !== undefined)
      if (given)
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} goes with ONNX only`,
        )
      const model = await openModel(input, options.model, true)
      const [folder, name] = isFolder ? [output, 'model.json'] : [dirname(output), basename(output)]
      const files = await model.toFiles(name, { format })
      for (const [file, content] of Object.entries(files))
        await (output === standard ? writeOut(content) : writeFile(join(folder, file), content))
      const bytes = Object.values(files).reduce((sum, content) => sum + content.length, 0)
      report(output, { format, parameters: model.countParams(), bytes }, options)
      model.dispose()
    })

/** Says what was written, unless standard output is the file itself. */
function report(output: string, facts: Readonly<Record<string, string | number>>, { json }: ConvertOptions): void {
  if (output === standard) return
  const counts = Object.entries(facts).filter(([, fact]) => typeof fact === 'number')
  if (json) printJson({ out: output, ...facts })
  else console.log(`${output}: ${counts.map(([name, count]) => `${count.toLocaleString('en-US')} ${name}`).join(', ')}`)
}

/** Throws INVALID_ARGUMENT for what cannot go to standard output. */
function checkStandardOutput(format: SaveFormat, { json }: ConvertOptions): void {
  const refuse = (problem: string) =>
    new LanewiseError('INVALID_ARGUMENT', `convert to - (standard output): ${problem}`)
  if (format === 'tfjs') throw refuse('a TensorFlow.js model is several files; name a folder')
  if (json) throw refuse('--json would go there, too; name a file')
  if (process.stdout.isTTY) throw refuse('it is a terminal; redirect it to a file or a program')
}

const writeOut = (content: Uint8Array | string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(content, (error) => (error ? reject(error) : resolve()))
  })

async function toOnnx(input: string, output: string, options: ConvertOptions): Promise<void> {
  const { opset } = options
  const isOnnx = (await kindOf(input)) === 'onnx' && options.model === undefined
  const imported = await loadGraph(
    isOnnx ? await sourceOf(input) : await (await openModel(input, options.model)).exportOnnx(),
  )
  const simple = options.optimise ? simplify(imported, { evaluate }) : imported
  const graph = inFloat16(simple, options)
  const bytes = exportModel(graph, { opset, strip: options.strip })
  await (output === standard ? writeOut(bytes) : writeFile(output, bytes))
  report(output, { format: 'onnx', nodes: graph.nodes.length, bytes: bytes.length }, options)
}

function inFloat16(graph: Graph, { float16, keepIoTypes, float16Weights }: ConvertOptions): Graph {
  if (float16 && float16Weights)
    throw new LanewiseError('INVALID_ARGUMENT', '--float16 and --float16-weights: choose one of them')
  if (keepIoTypes && !float16) throw new LanewiseError('INVALID_ARGUMENT', '--keep-io-types goes with --float16')
  if (float16) return toFloat16(graph, { keepIoTypes })
  return float16Weights ? withFloat16Weights(graph) : graph
}
