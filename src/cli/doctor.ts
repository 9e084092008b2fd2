import { cpus } from 'node:os'
import type { Command } from 'commander'
import { type Environment, environment } from '../environment.js'
import { examples } from './options.js'
import { printJson } from './terminal.js'

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

export const addDoctor = (program: Command): Command =>
  program
    .command('doctor')
    .description('what lanewise runs on here, and why anything is off')
    .option('--json', 'print one JSON line')
    .addHelpText('after', examples('doctor'))
    .action(async (options: { json?: boolean }) => {
      const found = {
        runtime: `Node ${process.versions.node}`,
        processor: cpus()[0]?.model ?? 'unknown',
        ...(await environment()),
      }
      if (options.json) return printJson(found)
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
      }
      for (const [name, value] of Object.entries({ ...rows, ...webGpuRows(found.webgpu) }))
        console.log(`${name.padEnd(14)} ${value}`)
      for (const note of found.notes) console.log(`note           ${note}`)
    })
