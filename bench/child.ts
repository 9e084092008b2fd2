// Measures the chosen workloads in one version of Node with one number of threads; the suite forks it and collects rows.
import { difference, interleave } from './measure.js'
import { lanewise } from './peers/lanewise.js'
import { onnxruntimeNode, onnxruntimeWeb } from './peers/onnxruntime.js'
import type { Peer, Place, Runner } from './peers/peer.js'
import type { Row } from './report.js'
import { allWorkloads, type Workload, type WorkloadSource } from './workloads.js'

/** What a child measures. */
export interface Job extends Place {
  readonly data: string
  /** The folder of the build of lanewise that is measured. */
  readonly dist: string
  /** An older build that it is measured against, instead of the peers. */
  readonly against?: { readonly name: string; readonly dist: string } | undefined
  readonly peers: readonly string[]
  readonly filter: string
  readonly seconds: number
}

const libraries: Readonly<Record<string, (place: Place) => Promise<Peer>>> = {
  'onnxruntime-web': onnxruntimeWeb,
  'onnxruntime-node': onnxruntimeNode,
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]

async function load(peer: Peer, workload: Workload): Promise<Runner> {
  if (workload.kind === 'inference' && peer.inference) return peer.inference(workload)
  if (workload.kind === 'training' && peer.training) return peer.training(workload)
  throw new Error(`${peer.name} has no ${workload.kind}`)
}

/** One row a peer: checked first, then timed in turns with lanewise and all other peers. */
async function measure(source: WorkloadSource, ours: Peer, peers: readonly Peer[], job: Job): Promise<Row[]> {
  const { group, name } = source
  const common = { group, name, node: process.versions.node, threads: job.threads, variant: ours.version }
  const running: { peer: Peer; runner: Runner }[] = []
  const rows: Row[] = []
  let own: Runner | undefined
  try {
    const workload = await source.make()
    own = await load(ours, workload)
    const results = await own.results()
    for (const peer of peers) {
      const row = { ...common, peer: peer.name, peerVersion: peer.version }
      try {
        const runner = await load(peer, workload)
        running.push({ peer, runner })
        const differs = difference(results, await runner.results())
        if (differs) {
          await running.pop()!.runner.dispose()
          rows.push({ ...row, failed: true, error: `results differ: ${differs}` })
        }
      } catch (error) {
        rows.push({ ...row, error: reason(error) })
      }
    }
    const [ms, ...times] = running.length
      ? await interleave([own, ...running.map(({ runner }) => runner)], job.seconds)
      : []
    for (const [index, { peer }] of running.entries()) {
      const goal = source.target?.peer === peer.name ? source.target : undefined
      const applies = goal && (goal.threads === undefined || goal.threads === job.threads)
      const target = applies ? goal.ratio[process.versions.node.split('.')[0]] : undefined
      const ratio = times[index] / ms
      const timed = { ms, peerMs: times[index], ratio, ...(target !== undefined && { target }) }
      rows.push({ ...common, peer: peer.name, peerVersion: peer.version, ...timed })
    }
  } catch (error) {
    rows.push({ ...common, peer: '', peerVersion: '', failed: true, error: `lanewise: ${reason(error)}` })
  } finally {
    for (const { runner } of running) await runner.dispose()
    await own?.dispose()
  }
  return rows
}

const job = JSON.parse(process.argv[2]) as Job
const wanted = new RegExp(job.filter)
const workloads = allWorkloads(job.data).filter(({ group, name }) => wanted.test(`${group}/${name}`))
const ours = await lanewise(job.dist, 'lanewise', job)
const peers: Peer[] = []
if (job.against) peers.push(await lanewise(job.against.dist, job.against.name, job))
else for (const name of job.peers) peers.push(await libraries[name](job))
for (const workload of workloads) for (const row of await measure(workload, ours, peers, job)) process.send!(row)
process.exit(0)
