import type { Command } from 'commander'
import { sliceRows } from '../data/labels.js'
import type { BackendName } from '../environment.js'
import { InferenceSession } from '../session.js'
import { loadData } from './data.js'
import { evaluateSession } from './evaluation.js'
import { parseNumber, printJson, printNotes } from './terminal.js'

interface EvaluateOptions {
  data: string
  dataDir?: string
  synthetic?: boolean
  limit?: string
  batchSize: string
  threads?: string
  backend?: BackendName
  json?: boolean
}

export const addEvaluate = (program: Command): Command =>
  program
    .command('evaluate')
    .description('loss and accuracy of an ONNX classifier on a test set')
    .argument('<model.onnx>')
    .option('--data <name>', 'data set', 'mnist')
    .option('--data-dir <folder>', 'folder that holds the data set')
    .option('--synthetic', 'use the procedural digits instead of MNIST')
    .option('--limit <n>', 'evaluate the first n images only')
    .option('--batch-size <n>', 'images a run', '256')
    .option('--threads <n>', 'threads')
    .option('--backend <name>', 'wasm, webgpu, auto or reference')
    .option('--json', 'print one JSON line')
    .action(async (path: string, options: EvaluateOptions) => {
      const limit = options.limit && parseNumber('--limit', options.limit, 1, 1e9)
      const threads = options.threads === undefined ? undefined : parseNumber('--threads', options.threads, 1, 64)
      const session = await InferenceSession.create(path, { threads, backend: options.backend })
      const { test, source, synthetic } = await loadData(options)
      const count = Math.min(limit || test.x.dims[0], test.x.dims[0])
      const batchSize = parseNumber('--batch-size', options.batchSize, 1, 65536)
      const result = await evaluateSession(session, sliceRows(test.x, 0, count), sliceRows(test.y, 0, count), batchSize)
      if (options.json) printJson({ test: result, ...(synthetic ? { synthetic } : {}) })
      else
        console.log(
          `${count} test images of ${source}: loss ${result.loss.toFixed(4)}, accuracy ${(100 * result.accuracy).toFixed(2)} %`,
        )
      printNotes(session.notes)
      await session.release()
    })
