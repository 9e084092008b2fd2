import {
  configure,
  datasets,
  type Environment,
  environment,
  InferenceSession,
  loadOnnx,
  toCategorical,
} from '../../../src/index.js'

/** What a host makes of the model: all numbers, so that hosts compare bit for bit. */
export interface WorkResult {
  readonly environment: Environment
  readonly predicted: readonly number[]
  readonly losses: readonly number[]
  /** Milliseconds of the tasks of over 50 ms that blocked the page while it trained. */
  readonly longTasks: readonly number[]
}

export interface WorkOptions {
  readonly threads?: number
  readonly deterministic?: boolean
  readonly backend?: 'wasm' | 'reference'
}

const STEPS = 10
const BATCH = 128

/** Predicts a batch with a model of 28x28 digits, then trains it for ten steps. */
export async function work(model: Uint8Array, options: WorkOptions): Promise<WorkResult> {
  configure(options)
  const { x, y } = datasets.syntheticDigits(BATCH, 3)
  const session = await InferenceSession.create(model)
  const output = (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]]
  const longTasks: number[] = []
  const observer = observe(longTasks)
  const net = await loadOnnx(model)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const labels = toCategorical(y, 10)
  const losses: number[] = []
  for (let step = 0; step < STEPS; step++) losses.push((await net.trainOnBatch(x, labels))['loss'])
  await new Promise((resolve) => setTimeout(resolve, 100))
  observer?.disconnect()
  return { environment: await environment(), predicted: output.toNumbers(), losses, longTasks }
}

/** Notes the long tasks of a page from now on; other hosts have no such thing. */
function observe(longTasks: number[]): PerformanceObserver | undefined {
  if (typeof document === 'undefined') return undefined
  const observer = new PerformanceObserver((list) =>
    longTasks.push(...list.getEntries().map(({ duration }) => duration)),
  )
  observer.observe({ type: 'longtask' })
  return observer
}
