import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import type { Model } from '../src/index.js'
import type { Results } from './results.js'

/** Images in [0, 1) and one-hot labels, the same each time. */
export interface Samples {
  readonly x: Tensor
  readonly y: Tensor
}

const classes = 10

/** Uniform images of `shape`, and labels. */
export function samplesOf(shape: readonly number[], count: number): Samples {
  const random = new RandomGenerator(7)
  const x = Float32Array.from({ length: count * sizeOf(shape) }, () => random.uniform())
  const y = new Float32Array(count * classes)
  for (let i = 0; i < count; i++) y[i * classes + random.integer(classes)] = 1
  return { x: new Tensor('float32', x, [count, ...shape]), y: new Tensor('float32', y, [count, classes]) }
}

/** What steps and predictions look like, in lanewise's own model or in another library's. */
export interface Trained {
  /** One training step; its loss, from before the update. */
  step(samples: Samples): Promise<number>
  predict(x: Tensor): Promise<Tensor>
}

/**
 * What a peer must agree on: the losses of three steps on three samples, or, for a network whose steps draw random
 * numbers, its predictions.
 */
export async function agreement(network: Trained, shape: readonly number[], random: boolean): Promise<Results> {
  const samples = samplesOf(shape, 3)
  const predictions = await network.predict(samples.x)
  if (random) return { predictions }
  const losses: number[] = []
  for (let step = 0; step < 3; step++) losses.push(await network.step(samples))
  return { predictions, losses: new Tensor('float32', losses, [3]) }
}

/** A layer in Keras's names, as a model's JSON has it. */
export interface LayerConfig {
  readonly class_name: string
  readonly config: Readonly<Record<string, unknown>>
}

/** The layers of a sequential model without its InputLayer. */
export const layersOf = (net: Model): LayerConfig[] => {
  const { config } = net.toJSON() as unknown as { config: { layers: LayerConfig[] } }
  return config.layers.filter(({ class_name }) => class_name !== 'InputLayer')
}
