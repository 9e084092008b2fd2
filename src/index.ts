export type { DType, TensorData, TypedArray } from './core/dtype.js'
export { type ErrorCode, LanewiseError } from './core/errors.js'
export type { Value } from './core/ir.js'
export { RandomGenerator } from './core/random.js'
export type { Progress, ReadOptions, Source } from './core/source.js'
export { Tensor } from './core/tensor.js'
export { classIndices, confusionMatrix } from './data/confusion.js'
export { Dataset } from './data/dataset.js'
export * as datasets from './data/datasets.js'
export { mnist } from './data/datasets.js'
export { parseIdx } from './data/idx.js'
export { toCategorical } from './data/labels.js'
export type { ImageDataset, LabelledImages, MnistOptions } from './data/mnist.js'
export { formatNpy, parseNpy } from './data/npy.js'
export { serveMap } from './data/serve-map.js'
export { syntheticDigits } from './data/synthetic.js'
export { type BackendName, type BackendOptions, type Environment, environment } from './environment.js'
export * from './keras/index.js'
export { describeOnnx, type ModelDescription, type NodeDescription, type PortDescription } from './onnx/describe.js'
export type { LoadOptions } from './onnx/source.js'
export { Emitter } from './ops/emitter.js'
export { loadOperators } from './packs/index.js'
export {
  type Feeds,
  type Fetches,
  InferenceSession,
  type RunOptions,
  type SessionOptions,
  type ValueMetadata,
} from './session.js'

import { version as packageVersion } from '../package.json'
import { setRandomSeed } from './core/seed.js'
import { type BackendOptions, configure as configureBackend } from './environment.js'

/** The version of this package. */
export const version: string = packageVersion

/** What `configure` takes: the default backend's options, and the seed of `setRandomSeed`. */
export interface Configuration extends BackendOptions {
  readonly seed?: number
}

/** Chooses the default backend for what is created afterwards, and makes random numbers reproducible; what is left out stays. */
export function configure({ seed, ...backend }: Configuration): void {
  if (seed !== undefined) setRandomSeed(seed)
  if (Object.keys(backend).length > 0) configureBackend(backend)
}
