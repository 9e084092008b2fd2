import { basename, dirname, join } from 'node:path'
import type { Command } from 'commander'
import { evaluate } from '../backend/reference/evaluate.js'
import { LanewiseError } from '../core/errors.js'
import { writeFileAtomic } from '../core/files.js'
import type { Graph } from '../core/ir.js'
import { toFloat16, withFloat16Weights } from '../graph/float16.js'
import type { SaveFormat } from '../keras/index.js'
import { exportModel } from '../onnx/export.js'
import { loadGraph } from '../onnx/source.js'
import { simplify } from '../optimise/index.js'
import { kindOf, openModel } from './models.js'
import { parseNumber } from './terminal.js'

interface ConvertOptions {
  to?: SaveFormat
  model?: string
  opset?: string
  strip?: boolean
  float16?: boolean
  keepIoTypes?: boolean
  float16Weights?: boolean
  optimise?: boolean
}

/** Formats by the endings of the files to write. */
const endings: readonly (readonly [ending: RegExp, format: SaveFormat])[] = [
  [/\.onnx$/, 'onnx'],
  [/\.keras$/, 'keras'],
  [/\.weights\.h5$/, 'weights'],
  [/\.h5$/, 'h5'],
  [/\.safetensors$/, 'safetensors'],
  [/(\.json|[/\\])$/, 'tfjs'],
]
const formats = endings.map(([, format]) => format)

export const addConvert = (program: Command): Command =>
  program
    .command('convert')
    .description('write a model anew: in another format (ONNX, Keras, TensorFlow.js, safetensors), opset or precision')
    .argument('<in>', 'an ONNX, .keras or .h5 file, a TensorFlow.js folder; or, with --model, weights')
    .argument('<out>', '.onnx, .keras, .h5, .weights.h5, .safetensors, or .json or a folder with / for TensorFlow.js')
    .option('--to <format>', `what to write, where the name does not say it: ${formats.join(', ')}`)
    .option('--model <file>', 'the model (a Keras JSON, or a file that holds one) whose weights <in> holds')
    .option('--opset <n>', 'ai.onnx opset to write')
    .option('--strip', 'leave out metadata, documentation, and the shapes of values in between')
    .option('--float16', 'compute in float16: weights, values, inputs and outputs; what ONNX has in float32 only stays')
    .option('--keep-io-types', 'with --float16: inputs and outputs stay float32')
    .option(
      '--float16-weights',
      'hold weights in float16, compute in float32: half the size, the same inputs and outputs',
    )
    .option('--optimise', 'fold constants and shape chains, cancel transposes, drop what nothing needs')
    .action(async (input: string, output: string, options: ConvertOptions) => {
      const format = formatOf(output, options.to)
      if (format === 'onnx') return toOnnx(input, output, options)
      const graphOptions = ['opset', 'strip', 'float16', 'keepIoTypes', 'float16Weights', 'optimise'] as const
      const given = graphOptions.find((name) => options[name] !== undefined)
      if (given)
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} goes with ONNX only`,
        )
      const model = await openModel(input, options.model, true)
      const isFolder = format === 'tfjs' && !output.endsWith('.json')
      const [folder, name] = isFolder ? [output, 'model.json'] : [dirname(output), basename(output)]
      const files = await model.toFiles(name, { format })
      for (const [file, content] of Object.entries(files)) await writeFileAtomic(join(folder, file), content)
      const size = Object.values(files).reduce((sum, content) => sum + content.length, 0)
      console.log(`${output}: ${model.countParams().toLocaleString('en-US')} parameters, ${sizeText(size)}`)
      model.dispose()
    })

const sizeText = (size: number) => `${size.toLocaleString('en-US')} bytes`

function formatOf(output: string, to: string | undefined): SaveFormat {
  if (to !== undefined) {
    const format = formats.find((name) => name === to)
    if (format) return format
    throw new LanewiseError('INVALID_ARGUMENT', `--to ${to}: the formats are ${formats.join(', ')}`)
  }
  const found = endings.find(([ending]) => ending.test(output))
  if (found) return found[1]
  throw new LanewiseError('INVALID_ARGUMENT', `${output} does not say what to write; add --to ${formats.join('|')}`)
}

async function toOnnx(input: string, output: string, options: ConvertOptions): Promise<void> {
  const opset = options.opset === undefined ? undefined : parseNumber('--opset', options.opset, 1, 99)
  const isOnnx = (await kindOf(input)) === 'onnx' && options.model === undefined
  const imported = await loadGraph(isOnnx ? input : await (await openModel(input, options.model)).exportOnnx())
  const simple = options.optimise ? simplify(imported, { evaluate }) : imported
  const graph = inFloat16(simple, options)
  const bytes = exportModel(graph, { opset, strip: options.strip })
  await writeFileAtomic(output, bytes)
  console.log(`${output}: ${graph.nodes.length} nodes, ${sizeText(bytes.length)}`)
}

function inFloat16(graph: Graph, { float16, keepIoTypes, float16Weights }: ConvertOptions): Graph {
  if (float16 && float16Weights)
    throw new LanewiseError('INVALID_ARGUMENT', '--float16 and --float16-weights: choose one of them')
  if (keepIoTypes && !float16) throw new LanewiseError('INVALID_ARGUMENT', '--keep-io-types goes with --float16')
  if (float16) return toFloat16(graph, { keepIoTypes })
  return float16Weights ? withFloat16Weights(graph) : graph
}
