export { setRandomSeed } from '../core/seed.js'
export { type ActivationFunction, activations } from './activations.js'
export { type BoundCallback, Callback } from './callbacks/callback.js'
export * as callbacks from './callbacks/index.js'
export {
  type CallbackParams,
  EarlyStopping,
  History,
  LearningRateScheduler,
  ModelCheckpoint,
  ReduceLROnPlateau,
  TerminateOnNaN,
} from './callbacks/index.js'
export type { KerasObject } from './config.js'
export * as constraints from './constraints.js'
export type { LoadKerasOptions } from './files/load.js'
export type { SaveFormat, SaveOptions } from './files/save.js'
export type { Files, KerasSource } from './files/source.js'
export { ImportedModel, loadOnnx } from './imported.js'
export * as initializers from './initializers.js'
export { layerFromConfig, modelFromJSON } from './json.js'
export { loadKeras } from './keras-file.js'
export { CallContext } from './layers/context.js'
export { input } from './layers/core.js'
export * as layers from './layers/factories.js'
export type { OptionsOf, ValuesOf } from './layers/fields.js'
export * as fields from './layers/fields.js'
export {
  type Argument,
  type CallArguments,
  type KerasShape,
  Layer,
  type LayerOptions,
  type SymbolicTensor,
} from './layers/layer.js'
export { registerLayer } from './layers/registry.js'
export type { Weight } from './layers/weight.js'
export { loadLayers } from './load-layers.js'
export { type Loss, type LossFunction, losses } from './losses/index.js'
export { Metric, metrics } from './metrics/index.js'
export { Model, type ModelOptions, model } from './model.js'
export { type Optimizer, optimizers } from './optimizers/index.js'
export * as schedules from './optimizers/schedules.js'
export * as regularizers from './regularizers.js'
export { Sequential, sequential } from './sequential.js'
export type { Batch, BatchSource } from './training/batch.js'
export type { CompileOptions } from './training/compiled.js'
export type { ArrayLikeData, DataLike } from './training/data.js'
export type { BatchOptions, EvaluateOptions, FitOptions } from './training/fit.js'
export type { Logs } from './training/logs.js'
export type { PredictOptions } from './training/predict.js'
export type { ValidationData } from './training/sources.js'
export type { TrainingState } from './training/state.js'
export type { TrainStep, TrainStepFunction } from './training/train-step.js'
