import type { Command } from 'commander'
import { evaluate } from '../backend/reference/evaluate.js'
import { LanewiseError } from '../core/errors.js'
import { writeFileAtomic } from '../core/files.js'
import type { Graph } from '../core/ir.js'
import { toFloat16, withFloat16Weights } from '../graph/float16.js'
import { exportModel } from '../onnx/export.js'
import { loadGraph } from '../onnx/source.js'
import { simplify } from '../optimise/index.js'
import { parseNumber } from './terminal.js'

interface ConvertOptions {
  opset?: string
  strip?: boolean
  float16?: boolean
  keepIoTypes?: boolean
  float16Weights?: boolean
  optimise?: boolean
}

export const addConvert = (program: Command): Command =>
  program
    .command('convert')
    .description('write an ONNX model anew: in another opset, smaller, or folded')
    .argument('<in.onnx>')
    .argument('<out.onnx>')
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
      const opset = options.opset === undefined ? undefined : parseNumber('--opset', options.opset, 1, 99)
      const imported = await loadGraph(input)
      const simple = options.optimise ? simplify(imported, { evaluate }) : imported
      const graph = inFloat16(simple, options)
      const bytes = exportModel(graph, { opset, strip: options.strip })
      await writeFileAtomic(output, bytes)
      console.log(`${output}: ${graph.nodes.length} nodes, ${bytes.length.toLocaleString('en-US')} bytes`)
    })

function inFloat16(graph: Graph, { float16, keepIoTypes, float16Weights }: ConvertOptions): Graph {
  if (float16 && float16Weights)
    throw new LanewiseError('INVALID_ARGUMENT', '--float16 and --float16-weights: choose one of them')
  if (keepIoTypes && !float16) throw new LanewiseError('INVALID_ARGUMENT', '--keep-io-types goes with --float16')
  if (float16) return toFloat16(graph, { keepIoTypes })
  return float16Weights ? withFloat16Weights(graph) : graph
}
