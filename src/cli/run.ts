import { join } from 'node:path'
import type { Command } from 'commander'
import { formatShape } from '../core/shape.js'
import { formatNpy } from '../data/npy.js'
import { readInputs } from './inputs.js'
import { openSession } from './models.js'
import { type BackendChoice, backend, examples, threads } from './options.js'
import { printJson, printNotes } from './terminal.js'
import { writeFile } from './write.js'

interface RunOptions {
  input: string[]
  outputDir?: string
  threads?: number
  backend?: BackendChoice
  json?: boolean
}

export const addRun = (program: Command): Command =>
  program
    .command('run')
    .description('run a model (ONNX, Keras or TensorFlow.js) on .npy arrays')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .requiredOption(
      '--input <name=file.npy...>',
      'one for each input of the model; the name may be left out for an only input',
    )
    .option('--output-dir <folder>', 'write each output as <name>.npy here')
    .addOption(threads)
    .addOption(backend)
    .option('--json', 'print one JSON line an output')
    .addHelpText(
      'after',
      examples('run model.onnx --input x=x.npy --output-dir out', 'run model.onnx --input x.npy --json'),
    )
    .action(async (path: string, options: RunOptions) => {
      const session = await openSession(path, { threads: options.threads, backend: options.backend })
      const outputs = await session.run(await readInputs(session, options.input))
      for (const [name, tensor] of Object.entries(outputs)) {
        const file = options.outputDir && join(options.outputDir, `${name.replace(/[^\w.-]/g, '_')}.npy`)
        if (file) await writeFile(file, formatNpy(tensor))
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
