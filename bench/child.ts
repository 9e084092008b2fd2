// Measures the chosen workloads in one version of Node with one number of threads; the suite forks it and collects rows.
import { difference, interleave } from './measure.js'
import { measurePeak } from './peak.js'
import { jaxJs } from './peers/jax.js'
import { kerasNative } from './peers/keras.js'
import { lanewise } from './peers/lanewise.js'
import { onnxruntimeNode, onnxruntimeWeb } from './peers/onnxruntime.js'
import type { Peer, Place, Runner } from './peers/peer.js'
import { tfjs } from './peers/tfjs.js'
import { provideWebGpu } from './peers/webgpu.js'
import { type Profile, profile } from './profile.js'
import type { Row } from './report.js'
import { allWorkloads, oneThread, type Target, type Workload } from './workloads.js'

/** What a child measures. */
export interface Job extends Place {
  readonly data: string
  /** The folder of the build of lanewise that is measured. */
  readonly dist: string
  /** An older build that it is measured against, instead of the peers. */
  readonly against?: { readonly name: string; readonly dist: string } | undefined
  /** A copy of `dist`, which runs beside it with one thread where `threads` is more. */
  readonly single: string
  readonly peers: readonly string[]
  readonly filter: string
  readonly seconds: number
  /** Which workloads to profile, too, and the folder of the peak microkernels. */
  readonly profile: 'none' | 'targets' | 'all'
  readonly peak: string
}

/** A library is undefined where it has no threads and several are asked for. */
const libraries: Readonly<Record<string, (place: Place) => Promise<Peer | undefined>>> = {
  'jax-js': jaxJs,
  'onnxruntime-web': onnxruntimeWeb,
  'onnxruntime-node': onnxruntimeNode,
  'tfjs-wasm': tfjs,
  'tfjs-webgpu': tfjs,
  keras: async () => kerasNative,
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]

/** Undefined where the peer has nothing of this kind. */
function load(peer: Peer, workload: Workload): Promise<Runner> | undefined {
  if (workload.kind === 'inference') return peer.inference?.(workload)
  if (workload.kind === 'training') return peer.training?.(workload)
  return peer.start?.(workload)
}

const partial = ['tfjs-wasm', 'tfjs-webgpu', 'jax-js']

/** The real models are for the libraries that read any ONNX file, one thread is for what has a target for it. */
const takesPart = ({ name }: Peer, { group, targets = [] }: Workload): boolean =>
  name === oneThread ? targets.some(({ peer }) => peer === name) : group !== 'models' || !partial.includes(name)

/** One row a peer: checked first, then timed in turns with lanewise and all other peers. */
async function measure(workload: Workload, ours: Peer, peers: readonly Peer[], job: Job): Promise<Row[]> {
  const { group, name, targets = [] } = workload
  const common = { group, name, node: process.versions.node, threads: job.threads, variant: ours.version }
  const running: { peer: Peer; runner: Runner }[] = []
  const rows: Row[] = []
  let own: Runner | undefined
  try {
    own = await load(ours, workload)
    if (!own) throw new Error(`there is no ${workload.kind}`)
    const results = await own.results()
    for (const peer of peers) {
      const row = { ...common, peer: peer.name, peerVersion: peer.version }
      try {
        const runner = await load(peer, workload)
        if (!runner) continue
        const differs = difference(results, await runner.results())
        if (!differs) running.push({ peer, runner })
        else {
          await runner.dispose()
          rows.push({ ...row, failed: true, error: `results differ: ${differs}` })
        }
      } catch (error) {
        rows.push({ ...row, error: reason(error) })
      }
    }
    const [ms, ...times] = running.length
      ? await interleave([own, ...running.map(({ runner }) => runner)], job.seconds)
      : []
    for (const [index, { peer, runner }] of running.entries()) {
      const applies = ({ peer: of, threads = job.threads }: Target) => of === peer.name && threads === job.threads
      const target = targets.find(applies)?.ratio[process.versions.node.split('.')[0]]
      const ratio = times[index] / ms
      const timed = { ms, peerMs: times[index], ratio, ...(target !== undefined && { target }) }
      const constant = runner.constantMs !== undefined && { constant: true }
      rows.push({ ...common, peer: peer.name, peerVersion: peer.version, ...timed, ...constant })
    }
  } catch (error) {
    rows.push({ ...common, peer: '', peerVersion: '', failed: true, error: `lanewise: ${reason(error)}` })
  } finally {
    for (const { runner } of running) await runner.dispose()
    await own?.dispose()
  }
  return rows
}

/** What a child sends. */
export type Message = { readonly row: Row } | { readonly profile: Profile }

const send = (message: Message): void => void process.send!(message)

const job = JSON.parse(process.argv[2]) as Job
const wanted = new RegExp(job.filter)
if (job.backend === 'webgpu') provideWebGpu()
const workloads = allWorkloads(job.data).filter(({ group, name }) => wanted.test(`${group}/${name}`))
const ours = await lanewise(job.dist, 'lanewise', job)
const peers: Peer[] = []
if (job.against) peers.push(await lanewise(job.against.dist, job.against.name, job))
else {
  if (job.threads > 1) peers.push(await lanewise(job.single, oneThread, { ...job, threads: 1 }))
  for (const [name, open] of Object.entries(libraries)) {
    const peer = job.peers.includes(name) && (await open(job))
    if (peer) peers.push(peer)
  }
}
const build = ours.version.includes('relaxed') ? 'relaxed' : 'simd'
const peak = job.profile !== 'none' && job.backend === 'wasm' ? await measurePeak(job.peak, build) : 0
for (const source of workloads) {
  const failure = { group: source.group, name: source.name, node: process.versions.node, threads: job.threads }
  const fail = (error: unknown) =>
    send({ row: { ...failure, variant: ours.version, peer: '', peerVersion: '', failed: true, error: reason(error) } })
  const made = await source.make().catch(fail)
  if (!made) continue
  const workload: Workload = { ...made, targets: source.targets ?? [] }
  for (const row of await measure(
    workload,
    ours,
    peers.filter((peer) => takesPart(peer, workload)),
    job,
  ))
    send({ row })
  const isGoal = workload.targets?.length && workload.group !== 'models'
  if (job.profile === 'none' || (job.profile === 'targets' && !isGoal)) continue
  const profiled = await profile(workload, job, peak).catch((error) => console.error(`no profile: ${reason(error)}`))
  if (profiled) send({ profile: profiled })
}
process.exit(0)
