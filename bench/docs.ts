import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bar, barChart } from './chart.js'
import type { Profile } from './profile.js'
import { cells, columns, formatMs, type Row } from './report.js'
import { oneThread } from './workloads.js'

/** One run of the suite, as its JSON file holds it. */
export interface Run {
  readonly machine: string
  readonly date: string
  readonly commit: string
  readonly rows: readonly Row[]
  readonly profiles: readonly Profile[]
}

const major = (version: string): string => version.split('.')[0]

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((texts) => `| ${texts.join(' | ').replaceAll('\n', ' ')} |`).join('\n')

const unique = (texts: readonly string[]): string => [...new Set(texts)].join(', ')

/** How far a profile is from the limit, and the nodes that take the rest of the time, by their ops. */
function limitRow({ group, name, node, threads, peak, nodes }: Profile, rows: readonly Row[]): string[] {
  const flops = nodes.reduce((sum, item) => sum + item.flops, 0)
  const total = nodes.reduce((sum, { ms }) => sum + ms, 0)
  const limit = flops / peak / 1e6
  const rest = new Map<string, number>()
  for (const item of nodes) {
    const op = item.what.split(' ')[0].replace('lanewise.', '')
    rest.set(op, (rest.get(op) ?? 0) + item.ms - item.flops / peak / 1e6)
  }
  const largest = [...rest].sort(([, a], [, b]) => b - a).slice(0, 4)
  const timed = rows.find(
    (row) => row.ms && row.group === group && row.name === name && row.node === node && row.threads === threads,
  )
  const ms = timed?.ms ?? total
  return [
    major(node),
    `${threads}`,
    `${group}/${name}`,
    (flops / 1e6).toFixed(flops < 1e8 ? 1 : 0),
    peak.toFixed(1),
    formatMs(limit),
    formatMs(ms),
    `${((100 * limit) / ms).toFixed(0)} %`,
    largest.map(([op, part]) => `${op} ${((100 * part) / total).toFixed(0)} %`).join(', '),
  ]
}

function chartOf(rows: readonly Row[]): string {
  const kinds = [...new Set(rows.map((row) => `Node ${major(row.node)}, ${row.threads} thread(s)`))]
  const bars = rows.flatMap((row): Bar[] => {
    const series = kinds.indexOf(`Node ${major(row.node)}, ${row.threads} thread(s)`)
    return row.ratio === undefined
      ? []
      : [{ label: `${row.group}/${row.name}`, series, value: row.ratio, mark: row.target }]
  })
  return barChart('Time of the peer / time of lanewise; red: the target', kinds, bars)
}

/** Throws for goals of which no run has a profile: the table of limits would leave them out. A start has none. */
function requireProfiles(goals: readonly Row[], profiles: readonly Profile[]): void {
  const missing = goals.filter(
    ({ group, name, node, threads }) =>
      group !== 'start' &&
      !profiles.some(
        (profile) =>
          profile.group === group && profile.name === name && profile.node === node && profile.threads === threads,
      ),
  )
  if (missing.length === 0) return
  const list = unique(
    missing.map((row) => `${row.group}/${row.name} (Node ${major(row.node)}, ${row.threads} thread(s))`),
  )
  throw new Error(`no run has a profile of ${list}; --json and --docs take profiles, so time these anew`)
}

/** Writes docs/benchmarks.md and its chart from the numbers of `runs` alone. Throws before it writes where a target has no profile. */
export function writeDocs(root: string, runs: readonly Run[]): void {
  const rows = runs.flatMap((run) => run.rows)
  const profiles = runs.flatMap((run) => run.profiles)
  const goals = rows.filter((row) => row.target !== undefined && row.group !== 'models')
  requireProfiles(goals, profiles)
  const models = rows.filter((row) => row.group === 'models' && row.target !== undefined && row.ratio !== undefined)
  const slower = models.filter(({ ratio }) => ratio! < 1)
  const untimed = rows.filter((row) => row.group === 'models' && row.ratio === undefined)
  const excluded = unique(untimed.map(({ name }) => name))
  writeFileSync(join(root, 'docs/benchmarks.svg'), chartOf(goals))
  const peers = unique(
    rows.filter(({ peer }) => peer && peer !== oneThread).map(({ peer, peerVersion }) => `${peer} ${peerVersion}`),
  )
  const text = `# Benchmarks

Written by \`npm run bench -- --docs\`; every number comes from its runs. ${unique(runs.map(({ date }) => date))}; ${unique(runs.map(({ machine }) => machine))}; lanewise ${unique(runs.map(({ commit }) => commit))} (${unique(rows.map(({ node, variant }) => `Node ${node}: ${variant}`))}); ${peers}.

Results are compared with the peer's before anything is timed (float32: |a - b| <= 1e-4 + 1e-3 |b|). The contestants of a row take turns of 50 ms in one process; a time is the smallest of many, a ratio the peer's time divided by lanewise's. Keras's times are constants, measured natively with AVX-512 and two threads on such a machine; the training steps are held to lanewise's own reference backend instead. What WebGPU costs, in dispatches and against tfjs-webgpu and jax-js on one adapter, stands in [webgpu.md](webgpu.md#figures).

![The ratios below as bars](benchmarks.svg)

## Targets

${table(columns, goals.map(cells))}

Of ${models.length} comparisons with onnxruntime-web on real models, lanewise is slower in ${slower.length}${slower.length ? `: ${unique(slower.map((row) => `${row.name} (Node ${major(row.node)}: ${row.ratio!.toFixed(2)})`))}` : ''}.${excluded ? ` Not timed, for the reasons in the last table: ${excluded}.` : ''}

## Distance to the limit

The peak is what a microkernel of multiply-adds in registers reaches in the same build, times the threads. The limit is the time of the work's floating-point operations at that peak; a convolution counts as a direct one, so Winograd may be beyond it. The rest of the time goes, by profile, to these ops (in percent of the whole, beyond their own limit).

${table(
  ['Node', 'threads', 'work', 'MFLOP', 'peak GFLOP/s', 'limit', 'lanewise', 'of the limit', 'the rest'],
  profiles.map((profile) => limitRow(profile, rows)),
)}

## Everything

${table(columns, rows.map(cells))}
`
  writeFileSync(join(root, 'docs/benchmarks.md'), text)
}
