import type { Command } from 'commander'
import { findCases, type Verdict, verifyCase } from './cases.js'
import { type BackendChoice, backend, examples, threads } from './options.js'
import { printJson } from './terminal.js'

interface VerifyOptions {
  backend?: BackendChoice
  threads?: number
  json?: boolean
}

export const addVerify = (program: Command): Command =>
  program
    .command('verify')
    .description('run ONNX backend tests: models with inputs and the outputs they should give')
    .argument('<folders...>', 'a test (model.onnx, test_data_set_0), or a folder of tests')
    .addOption(backend)
    .addOption(threads)
    .option('--json', 'print one JSON line a case, and a last one with the counts')
    .addHelpText('after', examples('verify onnx/backend/test/data/node', 'verify test_relu --backend webgpu'))
    .action(async (folders: string[], options: VerifyOptions) => {
      const { backend, threads } = options
      const counts: Record<Verdict['status'], number> = { pass: 0, fail: 0, error: 0 }
      for (const folder of folders)
        for (const item of await findCases(folder)) {
          const verdict = await verifyCase(item, { backend, threads })
          counts[verdict.status]++
          if (options.json) printJson({ case: item.name, ...verdict })
          else {
            const notes = verdict.notes ? ` (${verdict.notes.join('; ')})` : ''
            console.log(
              `${verdict.status.padEnd(5)} ${item.name}${verdict.reason ? `: ${verdict.reason}` : ''}${notes}`,
            )
          }
        }
      if (options.json) printJson(counts)
      else console.log(`${counts.pass} passed, ${counts.fail} failed, ${counts.error} could not run`)
      if (counts.fail + counts.error > 0) process.exitCode = 1
    })
