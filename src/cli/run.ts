import { join } from 'node:path'
import type { Command } from 'commander'
import { writeFileAtomic } from '../core/files.js'
import { formatShape } from '../core/shape.js'
import { formatNpy } from '../data/npy.js'
import type { BackendName } from '../environment.js'
import { readInputs } from './inputs.js'
import { openSession } from './models.js'
import { parseNumber, printJson, printNotes } from './terminal.js'

interface RunOptions {
  input: string[]
  outputDir?: string
  threads?: string
  backend?: BackendName
  json?: boolean
}

export const addRun = (program: Command): Command =>
  program
    .command('run')
    .description('run a model (ONNX, Keras or TensorFlow.js) on .npy arrays')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .requiredOption('--input <name=file.npy...>', 'one for each input of the model')
    .option('--output-dir <folder>', 'write each output as <name>.npy here')
    .option('--threads <n>', 'threads')
    .option('--backend <name>', 'wasm, webgpu, auto or reference')
    .option('--json', 'print one JSON line an output')
    .action(async (path: string, options: RunOptions) => {
      const threads = options.threads === undefined ? undefined : parseNumber('--threads', options.threads, 1, 64)
      const session = await openSession(path, { threads, backend: options.backend })
      const outputs = await session.run(await readInputs(session, options.input))
      for (const [name, tensor] of Object.entries(outputs)) {
        const file = options.outputDir && join(options.outputDir, `${name.replace(/[^\w.-]/g, '_')}.npy`)
        if (file) await writeFileAtomic(file, formatNpy(tensor))
        if (options.json)
          printJson({
            output: name,
            type: tensor.type,
            dims: tensor.dims,
            ...(file ? { file } : { data: tensor.toNumbers() }),
          })
        else
          console.log(
            `${name}: ${tensor.type} ${formatShape(tensor.dims)}${file ? ` -> ${file}` : `\n${preview(tensor.toNumbers())}`}`,
          )
      }
      printNotes(session.notes)
      await session.release()
    })

const preview = (numbers: readonly number[]): string =>
  `${numbers
    .slice(0, 20)
    .map((number) => Number(number.toPrecision(6)))
    .join(' ')}${numbers.length > 20 ? ' …' : ''}`
