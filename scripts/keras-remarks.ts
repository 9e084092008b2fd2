import { layers } from '../src/index.js'

/** Symbols of Keras that something else stands in for, where there is none of that name. */
export const instead: Readonly<Record<string, { readonly here: string; readonly why: string } | undefined>> = {
  'layers.Wrapper': { here: '`Layer`', why: 'a layer holds others in `sublayers`' },
  'callbacks.LambdaCallback': {
    here: '`callbacks.lambda`, or an object with the hooks',
    why: 'hooks are in camelCase',
  },
  'losses.Loss': {
    here: 'a function `(yTrue, yPred, k) => …`',
    why: 'it writes graph values; its gradient is derived',
  },
  'metrics.MeanMetricWrapper': { here: '`metrics.mean`', why: 'takes a function `(yTrue, yPred, k) => …`' },
  'schedules.LearningRateSchedule': { here: 'a function', why: '`learningRate: (step) => …`' },
  'optimizers.LossScaleOptimizer': {
    here: 'the option `lossScaleFactor`',
    why: 'a fixed factor, of every optimizer; read from files as the optimizer within, as float32 needs no scaling',
  },
}

/** What signatures do not tell. */
export const remarks: Readonly<Record<string, string | undefined>> = {
  'callbacks.LearningRateScheduler': 'the schedule is the first argument',
  'layers.Lambda': 'the function writes graph values; files cannot hold it',
  'metrics.Mean': 'of a function of targets and predictions',
  'metrics.Sum': 'of a function of targets and predictions',
}

/** Values for options without a default, so that one of each kind can be made. */
export const samples: Readonly<Record<string, unknown>> = {
  activation: 'relu',
  axes: 1,
  backupDir: 'folder',
  boundaries: [1],
  cell: layers.simpleRNNCell({ units: 1 }),
  cells: [layers.simpleRNNCell({ units: 1 })],
  decayRate: 0.5,
  decaySteps: 10,
  dims: [1],
  equation: 'ab,bc->ac',
  factor: 0.1,
  filename: 'file.csv',
  filepath: 'file.keras',
  filters: 1,
  firstDecaySteps: 10,
  function: (x: unknown) => x,
  headDim: 1,
  height: 1,
  heightFactor: 0.1,
  initialLearningRate: 0.1,
  inputDim: 1,
  kernelSize: 1,
  keyDim: 1,
  layer: layers.dense({ units: 1 }),
  'layers.Bidirectional.layer': layers.simpleRNN({ units: 1 }),
  maxNumber: 1,
  n: 1,
  numBins: 2,
  numClasses: 2,
  numHeads: 1,
  numKeyValueHeads: 1,
  numQueryHeads: 1,
  numTokens: 2,
  outputDim: 1,
  outputShape: [1],
  outputSize: 1,
  poolSize: 1,
  precision: 0.5,
  q: 0.5,
  rate: 0.5,
  recall: 0.5,
  scale: 0.5,
  sensitivity: 0.5,
  specificity: 0.5,
  stddev: 0.5,
  targetClassIds: [0],
  targetShape: [1],
  units: 1,
  values: [1, 2],
  width: 1,
  widthFactor: 0.1,
}
