import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import type { Command } from 'commander'
import { LanewiseError } from '../core/errors.js'
import { type Environment, environment } from '../environment.js'
import { examples } from './options.js'
import { printJson } from './terminal.js'

/** What `doctor --json` prints. */
interface Findings extends Environment {
  readonly runtime: string
  readonly processor: string
}

async function examine(): Promise<Findings> {
  return {
    runtime: `Node ${process.versions.node}`,
    processor: cpus()[0]?.model ?? 'unknown',
    ...(await environment()),
  }
}

/** The findings of a process of their own, and the lines that drivers of GPUs write to its standard error. */
function examineApart(): { found: Findings; said: readonly string[] } {
  const command = [...process.execArgv, process.argv[1], 'doctor', '--json']
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  if (status !== 0) throw new LanewiseError('BACKEND_UNAVAILABLE', `nothing runs here: ${stderr.trim()}`)
  const said = stderr.split('\n').map((line) => line.trim())
  return { found: JSON.parse(stdout), said: [...new Set(said)].filter(Boolean) }
}

function webGpuRows(webgpu: Environment['webgpu']): Record<string, string> {
  if (!webgpu.available) return { WebGPU: `no: ${webgpu.reason}` }
  const { name, software, provider, features, limits } = webgpu.adapter
  return {
    WebGPU: `${name}${software ? ' (software)' : ''}, by ${provider}`,
    'GPU features': features.join(', '),
    'GPU limits': Object.entries(limits)
      .map(([limit, value]) => `${limit} ${value}`)
      .join(', '),
  }
}

function print({ found, said }: ReturnType<typeof examineApart>): void {
  const { simd, relaxedSimd, sharedMemory } = found.host
  const yes = (value: boolean) => (value ? 'yes' : 'no')
  const rows = {
    runtime: found.runtime,
    processor: `${found.processor}, ${cpus().length} cores`,
    backend: `${found.backend} (${found.variant})`,
    threads: String(found.threads),
    SIMD: yes(simd),
    'relaxed SIMD': relaxedSimd ? 'yes' : 'no (Node 21 has it; it rounds a product and its sum once)',
    'shared memory': yes(sharedMemory),
    ...webGpuRows(found.webgpu),
  }
  const list = [
    ...Object.entries(rows),
    ...said.map((line) => ['GPU drivers', `say: ${line}`]),
    ...found.notes.map((note) => ['note', note]),
  ]
  for (const [name, value] of list) console.log(`${name.padEnd(14)} ${value}`)
}

export const addDoctor = (program: Command): Command =>
  program
    .command('doctor')
    .description('what lanewise runs on here, and why anything is off')
    .option('--json', 'print one JSON line')
    .addHelpText('after', examples('doctor'))
    .action(async (options: { json?: boolean }) => {
      if (options.json) printJson(await examine())
      else print(examineApart())
    })
