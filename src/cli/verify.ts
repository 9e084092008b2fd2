import type { Command } from 'commander'
import type { BackendName } from '../environment.js'
import { findCases, type Verdict, verifyCase } from './cases.js'
import { parseNumber, printJson } from './terminal.js'

interface VerifyOptions {
  backend?: BackendName
  threads?: string
  json?: boolean
}

export const addVerify = (program: Command): Command =>
  program
    .command('verify')
    .description('run ONNX backend tests: models with inputs and the outputs they should give')
    .argument('<folders...>', 'a test (model.onnx, test_data_set_0), or a folder of tests')
    .option('--backend <name>', 'wasm, webgpu, auto or reference')
    .option('--threads <n>', 'threads')
    .option('--json', 'print one JSON line a case, and a last one with the counts')
    .action(async (folders: string[], options: VerifyOptions) => {
      const threads = options.threads === undefined ? undefined : parseNumber('--threads', options.threads, 1, 64)
      const counts: Record<Verdict['status'], number> = { pass: 0, fail: 0, error: 0 }
      for (const folder of folders)
        for (const item of await findCases(folder)) {
          const verdict = await verifyCase(item, { backend: options.backend, threads })
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
