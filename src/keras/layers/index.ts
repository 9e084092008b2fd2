import { camelKeys, invalid, type KerasObject } from '../config.js'
import { Activation, ELU, LeakyReLU, ReLU, Softmax } from './activation.js'
import { Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D } from './convolution.js'
import { Dense, InputLayer } from './core.js'
import type { Layer, LayerOptions } from './layer.js'
import { Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract } from './merging.js'
import { BatchNormalization, Rescaling } from './normalization.js'
import {
  AveragePooling1D,
  AveragePooling2D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  MaxPooling1D,
  MaxPooling2D,
} from './pooling.js'
import { Dropout } from './regularization.js'
import { Cropping2D, Flatten, Permute, Reshape, ZeroPadding2D } from './reshaping.js'

/** Every layer class by Keras's class name. */
const classes = {
  InputLayer,
  Dense,
  Activation,
  ReLU,
  LeakyReLU,
  ELU,
  Softmax,
  Conv1D,
  Conv2D,
  DepthwiseConv2D,
  SeparableConv2D,
  MaxPooling1D,
  MaxPooling2D,
  AveragePooling1D,
  AveragePooling2D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  Flatten,
  Reshape,
  Permute,
  ZeroPadding2D,
  Cropping2D,
  Add,
  Subtract,
  Multiply,
  Average,
  Maximum,
  Minimum,
  Concatenate,
  Dropout,
  Rescaling,
  BatchNormalization,
} as const

type AnyLayerClass = new (options: never) => Layer

const registry = new Map<string, AnyLayerClass>(Object.entries(classes))

/** Makes a layer class known to `modelFromJSON` under its class name. */
export const registerLayer = (className: string, layer: AnyLayerClass): void => {
  registry.set(className, layer)
}

/** A layer from Keras's serialised form. Throws INVALID_ARGUMENT for classes that are not known. */
export function layerFromConfig(object: KerasObject): Layer {
  const layer = registry.get(object.class_name)
  if (!layer)
    throw invalid(`layer class '${object.class_name}' is not supported; supported: ${[...registry.keys()].join(', ')}`)
  return new layer(camelKeys(object.config) as never)
}

/** A function for a class: `layers.dense({ units })` for `new Dense({ units })`. */
const factory =
  <Options, L extends Layer>(layer: new (options: Options) => L) =>
  (options: Options): L =>
    new layer(options)

const optional =
  <Options, L extends Layer>(layer: new (options?: Options) => L) =>
  (options?: Options): L =>
    new layer(options)

/** Keras's layers by their names in camelCase. */
export const layers = {
  inputLayer: factory(InputLayer),
  dense: factory(Dense),
  activation: factory(Activation),
  reLU: optional(ReLU),
  leakyReLU: optional(LeakyReLU),
  elu: optional(ELU),
  softmax: optional(Softmax),
  conv1d: factory(Conv1D),
  conv2d: factory(Conv2D),
  depthwiseConv2d: factory(DepthwiseConv2D),
  separableConv2d: factory(SeparableConv2D),
  maxPooling1d: optional(MaxPooling1D),
  maxPooling2d: optional(MaxPooling2D),
  averagePooling1d: optional(AveragePooling1D),
  averagePooling2d: optional(AveragePooling2D),
  globalAveragePooling1d: optional(GlobalAveragePooling1D),
  globalAveragePooling2d: optional(GlobalAveragePooling2D),
  globalMaxPooling1d: optional(GlobalMaxPooling1D),
  globalMaxPooling2d: optional(GlobalMaxPooling2D),
  flatten: optional(Flatten),
  reshape: factory(Reshape),
  permute: factory(Permute),
  zeroPadding2d: optional(ZeroPadding2D),
  cropping2d: optional(Cropping2D),
  add: optional<LayerOptions, Add>(Add),
  subtract: optional<LayerOptions, Subtract>(Subtract),
  multiply: optional<LayerOptions, Multiply>(Multiply),
  average: optional<LayerOptions, Average>(Average),
  maximum: optional<LayerOptions, Maximum>(Maximum),
  minimum: optional<LayerOptions, Minimum>(Minimum),
  concatenate: optional(Concatenate),
  dropout: factory(Dropout),
  rescaling: factory(Rescaling),
  batchNormalization: optional(BatchNormalization),
} as const
