import { BackupAndRestore, type BackupAndRestoreOptions } from './backup-and-restore.js'
import type { Callback } from './callback.js'
import { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.js'
import { SwapEMAWeights, type SwapEMAWeightsOptions, TerminateOnNaN, type TerminateOnNaNOptions } from './guards.js'
import { History } from './history.js'
import {
  LearningRateScheduler,
  type RateByEpoch,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from './learning-rate.js'
import { CSVLogger, type CSVLoggerOptions, ProgbarLogger, RemoteMonitor, type RemoteMonitorOptions } from './loggers.js'
import { ModelCheckpoint, type ModelCheckpointOptions } from './model-checkpoint.js'
import { TensorBoard, type TensorBoardOptions } from './tensorboard.js'

/** Callbacks by their names in camelCase. A plain object with the hooks is a callback, too. */
export const history = () => new History()
export const progbarLogger = () => new ProgbarLogger()
export const earlyStopping = (options?: EarlyStoppingOptions) => new EarlyStopping(options)
export const modelCheckpoint = (options: ModelCheckpointOptions) => new ModelCheckpoint(options)
export const backupAndRestore = (options: BackupAndRestoreOptions) => new BackupAndRestore(options)
export const reduceLROnPlateau = (options?: ReduceLROnPlateauOptions) => new ReduceLROnPlateau(options)
export const learningRateScheduler = (schedule: RateByEpoch, options?: { readonly verbose?: 0 | 1 }) =>
  new LearningRateScheduler(schedule, options)
export const csvLogger = (options: CSVLoggerOptions) => new CSVLogger(options)
export const remoteMonitor = (options?: RemoteMonitorOptions) => new RemoteMonitor(options)
export const terminateOnNaN = (options?: TerminateOnNaNOptions) => new TerminateOnNaN(options)
export const swapEMAWeights = (options?: SwapEMAWeightsOptions) => new SwapEMAWeights(options)
export const tensorBoard = (options?: TensorBoardOptions) => new TensorBoard(options)
/** The hooks themselves, as Keras's LambdaCallback. */
export const lambda = (hooks: Callback): Callback => hooks

export type { CallbackParams } from './callback.js'
export {
  BackupAndRestore,
  type BackupAndRestoreOptions,
  CSVLogger,
  type CSVLoggerOptions,
  EarlyStopping,
  type EarlyStoppingOptions,
  History,
  LearningRateScheduler,
  ModelCheckpoint,
  type ModelCheckpointOptions,
  ProgbarLogger,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  RemoteMonitor,
  type RemoteMonitorOptions,
  SwapEMAWeights,
  type SwapEMAWeightsOptions,
  TensorBoard,
  type TensorBoardOptions,
  TerminateOnNaN,
}
