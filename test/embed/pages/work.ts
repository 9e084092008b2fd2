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
  /** SHA-256 of the trained model's file. */
  readonly exported: string
}

export interface WorkOptions {
  readonly threads?: number
  readonly deterministic?: boolean
  readonly backend?: 'wasm' | 'webgpu' | 'reference'
  /** Digits of a batch; 128 unless given. */
  readonly batch?: number
  /** Training steps; 10 unless given. */
  readonly steps?: number
}

/** Predicts a batch with a model of 28x28 digits, then trains it for some steps. */
export async function work(
  model: Uint8Array,
  { batch = 128, steps = 10, ...options }: WorkOptions,
): Promise<WorkResult> {
  configure(options)
  const { x, y } = datasets.syntheticDigits(batch, 3)
  const session = await InferenceSession.create(model)
  const output = (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]]
  const net = await loadOnnx(model)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const labels = toCategorical(y, 10)
  const losses: number[] = []
  for (let step = 0; step < steps; step++) losses.push((await net.trainOnBatch(x, labels))['loss'])
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', (await net.exportOnnx()) as BufferSource))
  const exported = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { environment: await environment(), predicted: output.toNumbers(), losses, exported }
}
