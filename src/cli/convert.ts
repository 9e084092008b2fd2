import type { Command } from 'commander'
import { evaluate } from '../backend/reference/evaluate.js'
import { writeFileAtomic } from '../core/files.js'
import { toFloat16 } from '../graph/float16.js'
import { exportModel } from '../onnx/export.js'
import { loadGraph } from '../onnx/source.js'
import { simplify } from '../optimise/index.js'
import { parseNumber } from './terminal.js'

interface ConvertOptions {
  opset?: string
  strip?: boolean
  float16?: boolean
  optimise?: boolean
}

export const addConvert = (program: Command): Command =>
  program
    .command('convert')
    .description('write an ONNX model anew: in another opset, smaller, or folded')
    .argument('<in.onnx>')
    .argument('<out.onnx>')
    .option('--opset <n>', 'ai.onnx opset to write')
    .option('--strip', 'leave out metadata, and the shapes of values in between')
    .option('--float16', 'hold weights in float16: half the size, computed in float32')
    .option('--optimise', 'fold constants and shape chains, cancel transposes, drop what nothing needs')
    .action(async (input: string, output: string, options: ConvertOptions) => {
      const opset = options.opset === undefined ? undefined : parseNumber('--opset', options.opset, 1, 99)
      const imported = await loadGraph(input)
      const simple = options.optimise ? simplify(imported, { evaluate }) : imported
      const graph = options.float16 ? toFloat16(simple) : simple
      const bytes = exportModel(options.strip ? { ...graph, metadata: {} } : graph, { opset, strip: options.strip })
      await writeFileAtomic(output, bytes)
      console.log(`${output}: ${graph.nodes.length} nodes, ${bytes.length.toLocaleString('en-US')} bytes`)
    })
