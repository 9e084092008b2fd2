export type { DType, TensorData, TypedArray } from './core/dtype.js'
export { type ErrorCode, LanewiseError } from './core/errors.js'
export type { Value } from './core/ir.js'
export { RandomGenerator } from './core/random.js'
export { Tensor } from './core/tensor.js'
export { parseIdx } from './data/idx.js'
export { toCategorical } from './data/labels.js'
export { type ImageDataset, type LabelledImages, type MnistOptions, mnist } from './data/mnist.js'
export { formatNpy, parseNpy } from './data/npy.js'
export { syntheticDigits } from './data/synthetic.js'
export { type BackendName, type BackendOptions, configure, type Environment, environment } from './environment.js'
export * from './keras/index.js'
export { Emitter } from './ops/emitter.js'
export { type Feeds, type Fetches, InferenceSession, type SessionOptions, type ValueMetadata } from './session.js'

import { mnist } from './data/mnist.js'
import { syntheticDigits } from './data/synthetic.js'

/** The data sets that lanewise can load. */
export const datasets = { mnist, syntheticDigits } as const
