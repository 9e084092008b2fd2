import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { completeKernels } from '../backend/reference/complete.js'
import { LanewiseError } from '../core/errors.js'
import { addBench } from './bench.js'
import { addCompare } from './compare.js'
import { addConvert } from './convert.js'
import { addDoctor } from './doctor.js'
import { addEvaluate } from './evaluate.js'
import { addInspect } from './inspect.js'
import { addPredict } from './predict.js'
import { addRun } from './run.js'
import { addSearch } from './search.js'
import { addTrain } from './train.js'
import { addVerify } from './verify.js'

/** Exit statuses: 0 done, 1 a failed check or a fault, 2 bad usage or input. */
const inputErrors = new Set([
  'INVALID_MODEL',
  'INVALID_ARGUMENT',
  'UNSUPPORTED_OP',
  'SHAPE_MISMATCH',
  'TYPE_MISMATCH',
  'DATA_NOT_FOUND',
  'INVALID_DATA',
])

const program = new Command('lanewise')
  .description('neural networks in WebAssembly: train, evaluate and run ONNX models')
  .version(version)
  .addHelpText('after', "\n`lanewise <command> --help` lists a command's options, with examples.")
  .showHelpAfterError('(add --help for what there is)')
  .exitOverride()
for (const add of [
  addTrain,
  addSearch,
  addEvaluate,
  addPredict,
  addRun,
  addInspect,
  addVerify,
  addCompare,
  addBench,
  addConvert,
  addDoctor,
])
  add(program).exitOverride().showHelpAfterError('(add --help for the options, with examples)')

// A reader that has seen enough, as `| head`, ends the program in silence.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

/** Ends with status 2 where a command is asked for, or help on one, that does not exist. */
function checkCommand(): void {
  const [first, second] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
  const name = first === 'help' ? second : first
  const names = program.commands.map((command) => command.name())
  if (name !== undefined && !names.includes(name))
    program.error(`error: unknown command '${name}'; the commands are ${names.join(', ')}`)
}

completeKernels()
try {
  checkCommand()
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else if (error instanceof LanewiseError) {
    process.stderr.write(`lanewise: ${error.message} [${error.code}]\n`)
    process.exitCode = inputErrors.has(error.code) ? 2 : 1
  } else {
    process.stderr.write(`${(error as Error).stack ?? error}\n`)
    process.exitCode = 1
  }
}
