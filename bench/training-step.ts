// Times the training steps of the course's networks: `npm run bench:step -- [--network NAME] [--threads 1,2] [--build B]
// [--backend webgpu] [--seconds S] [--steps LEAST] [--no-fit] [--no-check] [--profile]`. `step` is one step with its batch chosen and its logs read; `fit` is the whole loop.
import { parseArgs } from 'node:util'
import type { StepTime } from '../src/backend/backend.js'
import type { Build } from '../src/backend/wasm/options.js'
import type { Node } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { type BackendName, configure, defaultBackend } from '../src/environment.js'
import { createFeed } from '../src/keras/training/feed.js'
import { feedScalars, readLogs } from '../src/keras/training/loaded-step.js'
import { Trainer } from '../src/keras/training/trainer.js'
import { type Network, networks } from './networks.js'

const { values: options } = parseArgs({
  options: {
    network: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    build: { type: 'string' },
    backend: { type: 'string', default: 'wasm' },
    seconds: { type: 'string', default: '2' },
    profile: { type: 'boolean', default: false },
    check: { type: 'boolean', default: true },
    steps: { type: 'string', default: '20' },
    fit: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

const classes = 10

/** Uniform images in [0, 1) and one-hot labels, the same each time. */
function samples({ inputShape }: Network, count: number) {
  const random = new RandomGenerator(7)
  const x = Float32Array.from({ length: count * sizeOf(inputShape) }, () => random.uniform())
  const y = new Float32Array(count * classes)
  for (let i = 0; i < count; i++) y[i * classes + random.integer(classes)] = 1
  return {
    x: new Tensor('float32', x, [count, ...inputShape]),
    y: new Tensor('float32', y, [count, classes]),
  }
}

/** Losses and weights of three small steps on the configured backend. */
async function fewSteps(network: Network): Promise<number[]> {
  const net = network.create()
  net.compile(network.options())
  const { x, y } = samples(network, 3)
  const numbers: number[] = []
  for (let step = 0; step < 3; step++) numbers.push((await net.trainOnBatch(x, y))['loss'])
  for (const weight of await net.getWeights()) numbers.push(...(weight.data as Float32Array))
  net.dispose()
  return numbers
}

/** Throws where the wasm backend trains otherwise than the reference backend. */
async function check(network: Network): Promise<void> {
  configure({ backend: 'reference' })
  const expected = await fewSteps(network)
  configure({ backend: options.backend as BackendName, threads: 2, build: options.build as Build })
  const actual = await fewSteps(network)
  const worst = Math.max(...expected.map((value, i) => Math.abs(actual[i] - value) / (1 + Math.abs(value))))
  if (!(worst <= 2e-5)) throw new Error(`${network.name} is off the reference backend by ${worst}`)
  console.log(`${network.name}: three steps agree with the reference backend to ${worst.toExponential(1)}`)
}

const quantile = (sorted: ArrayLike<number>, q: number): number => sorted[Math.floor(q * (sorted.length - 1))]
const format = (ms: number): string => (ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toFixed(2)} ms`)

/** Sorted times of one step after the other, in milliseconds, and the profile if asked for. */
async function timeSteps(network: Network, seconds: number) {
  const { batch } = network
  const trainer = new Trainer(network.create())
  trainer.compile(network.options())
  const count = 8 * batch
  const { x, y } = samples(network, count)
  return trainer.exclusively(async (store) => {
    const feed = createFeed(trainer.samples(x, y), batch, store, Number.POSITIVE_INFINITY)
    const step = await trainer.load(store, feed.sources, batch, 'update')
    const order = new RandomGenerator(3).permutation(count)
    const times: number[] = []
    const end = performance.now() + seconds * 1000
    for (let run = 0; times.length < Number(options.steps) || performance.now() < end; run++) {
      const start = performance.now()
      const from = (run % 8) * batch
      feed.load(step.executable, order, from, from + batch)
      feedScalars(step, trainer.compiled.optimizer)
      const running = step.executable.run()
      if (running) await running
      const logs = readLogs(step)
      if (logs instanceof Promise) await logs
      times.push(performance.now() - start)
    }
    const profile = options.profile
      ? await step.executable.profile?.(Math.max(Number(options.steps), times.length >> 1))
      : undefined
    step.executable.dispose()
    feed.dispose()
    return { times: times.slice(times.length >> 2).sort((a, b) => a - b), profile }
  })
}

/** Milliseconds a step of `fit`, loop and logs included. */
async function timeFit(network: Network, seconds: number, stepMs: number): Promise<number> {
  const net = network.create()
  net.compile(network.options())
  const { x, y } = samples(network, network.batch * 100)
  const fit = { batchSize: network.batch, verbose: 0 } as const
  await net.fit(x, y, { ...fit, epochs: 1 })
  const epochs = Math.max(1, Math.ceil((seconds * 1000) / (100 * stepMs)))
  const start = performance.now()
  await net.fit(x, y, { ...fit, epochs })
  const ms = (performance.now() - start) / (epochs * 100)
  net.dispose()
  return ms
}

/** Multiply-adds times two of products and convolutions; 0 for everything else. */
function operations({ op, inputs, outputs }: Node): number {
  const size = (value: Node['outputs'][0]) => sizeOf(value.shape as readonly number[])
  const [a, b] = inputs as Node['outputs']
  const [y] = outputs
  if (op === 'lanewise.FusedMatMul') return 2 * Math.sqrt(size(a) * size(b) * size(y))
  const kernel = (w: Node['outputs'][0]) => size(w) / (w.shape.at(-1) as number)
  if (op === 'lanewise.ConvNhwc') return 2 * size(y) * kernel(b)
  if (op === 'lanewise.ConvInputGradientNhwc') return 2 * size(a) * kernel(b)
  if (op === 'lanewise.ConvWeightGradientNhwc') return 2 * size(b) * kernel(y)
  return 0
}

function printProfile(steps: readonly StepTime[]): void {
  const total = steps.reduce((sum, step) => sum + step.ms, 0)
  console.log(
    `    ${'ms'.padStart(8)} ${'%'.padStart(5)} ${'tiles'.padStart(5)} ${'GFLOP/s'.padStart(7)}  kernel, node`,
  )
  for (const { node, kernel, tiles, ms } of steps) {
    const work = node && /^gemm/.test(kernel) ? operations(node) : 0
    const rate = work ? (work / ms / 1e6).toFixed(1) : ''
    const share = ((100 * ms) / total).toFixed(1)
    const what = node
      ? `${node.op} '${node.name}' [${node.outputs.map((output) => output.shape.join('x')).join(', ')}]`
      : 'copy'
    console.log(
      `    ${ms.toFixed(4).padStart(8)} ${share.padStart(5)} ${`${tiles}`.padStart(5)} ${rate.padStart(7)}  ${kernel}, ${what}`,
    )
  }
  console.log(`    ${total.toFixed(4).padStart(8)} in ${steps.length} steps`)
}

async function measure(network: Network, threads: number): Promise<void> {
  configure({ backend: options.backend as BackendName, threads, build: options.build as Build })
  const { variant } = (await defaultBackend()).report
  const seconds = Number(options.seconds)
  const { times, profile } = await timeSteps(network, seconds)
  const median = quantile(times, 0.5)
  const fit = options.fit ? `; fit ${format(await timeFit(network, seconds, median))}` : ''
  console.log(
    `${network.name} batch ${network.batch}, ${threads} thread(s), ${variant}: step median ${format(median)}, min ${format(times[0])}${fit}`,
  )
  if (profile) printProfile(profile)
}

const chosen = networks.filter(({ name }) => options.network === undefined || name === options.network)
for (const network of chosen) if (options.check) await check(network)
for (const network of chosen) for (const threads of options.threads!.split(',')) await measure(network, Number(threads))
