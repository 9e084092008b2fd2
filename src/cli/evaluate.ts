import type { Command } from 'commander'
import { sliceRows } from '../data/labels.js'
import { describeGraph } from '../onnx/describe-graph.js'
import { namesIn } from './class-names.js'
import { loadData } from './data.js'
import { evaluateSession } from './evaluation.js'
import { openGraph, openSession } from './models.js'
import {
  type BackendChoice,
  backend,
  classNames,
  data,
  dataDir,
  examples,
  numberOption,
  ranges,
  report,
  synthetic,
  threads,
} from './options.js'
import { checkWritable } from './output.js'
import { printJson, printNotes } from './terminal.js'

interface EvaluateOptions {
  data: string
  dataDir?: string
  synthetic?: boolean
  limit?: number
  batchSize: number
  threads?: number
  backend?: BackendChoice
  report?: string
  classNames?: readonly string[]
  json?: boolean
}

export const addEvaluate = (program: Command): Command =>
  program
    .command('evaluate')
    .description('loss and accuracy of a classifier (ONNX, Keras or TensorFlow.js) on a test set')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .addOption(data)
    .addOption(dataDir)
    .addOption(synthetic)
    .addOption(numberOption('--limit <n>', 'evaluate the first n samples only', ranges.samples))
    .addOption(numberOption('--batch-size <n>', 'samples a run', ranges.batch).default(256))
    .addOption(threads)
    .addOption(backend)
    .addOption(classNames)
    .addOption(report('confusion matrix, worst mistakes, filters'))
    .option('--json', 'print one JSON line')
    .addHelpText('after', examples('evaluate model5.onnx', 'evaluate net.keras --data pictures/ --report report.html'))
    .action(async (path: string, options: EvaluateOptions) => {
      const { batchSize, limit, threads, backend } = options
      if (options.report) await checkWritable('--report', options.report)
      const session = await openSession(path, { threads, backend }, true)
      const known = options.classNames ?? namesIn(session.metadata)
      const found = await loadData({ ...options, classNames: known }, session.inputMetadata[0].shape)
      const { test, source, synthetic } = found
      const count = Math.min(limit ?? test.x.dims[0], test.x.dims[0])
      const images = sliceRows(test.x, 0, count)
      const labels = sliceRows(test.y, 0, count)
      const started = performance.now()
      const { scores, ...result } = await evaluateSession(session, images, labels, batchSize)
      const seconds = (performance.now() - started) / 1000
      if (options.report) {
        const { writeReport } = await import('./report.js')
        const graph = await openGraph(path)
        const { name, nodes, parameters } = describeGraph(graph)
        await writeReport(options.report, {
          title: `${path}, tested on ${synthetic ? 'synthetic digits' : options.data}`,
          synthetic,
          facts: {
            model: `${name}, ${nodes.length} nodes`,
            parameters: parameters.toLocaleString('en-US'),
            data: `${source}: ${count} test samples`,
            'batch size': `${batchSize}`,
            time: `${seconds.toFixed(2)} s, ${((1000 * seconds) / count).toFixed(3)} ms a sample`,
          },
          test: { ...result, images, labels, scores, classNames: known ?? found.classNames },
          graph,
        })
      }
      if (options.json)
        printJson({
          test: result,
          ...(options.report ? { report: options.report } : {}),
          ...(synthetic ? { synthetic } : {}),
        })
      else
        console.log(
          `${count} test samples of ${source}: loss ${result.loss.toFixed(4)}, accuracy ${(100 * result.accuracy).toFixed(2)} %`,
        )
      if (options.report && !options.json) console.log(`wrote ${options.report}`)
      printNotes(session.notes)
      await session.release()
    })
