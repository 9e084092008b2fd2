import { input, type Layer, layers, loadLayers } from '../../src/keras/index.js'

/** All of Keras's layers, the rarer ones among them. */
export const allLayers = { ...layers, ...(await loadLayers()) }

/** How a layer is made, and the shapes of samples that it takes. */
export interface Example {
  readonly options?: object
  readonly inputs: readonly (readonly number[])[]
  readonly dtype?: 'float32' | 'int32' | 'string'
}

const image = [[6, 6, 2]]
const color = [[6, 6, 3]]
const line = [[6, 2]]
const volume = [[4, 4, 4, 2]]
const vector = [[4]]
const pair = [
  [3, 4],
  [3, 4],
]
const sequence = [[3, 4]]
const byRank = (one: string, options: object = {}): Record<string, Example> =>
  Object.fromEntries([line, image, volume].map((inputs, i) => [one.replace('#', `${i + 1}d`), { options, inputs }]))
const conv = { filters: 2, kernelSize: 2 }
const units = { units: 3 }
const cell = () => layers.gruCell(units)

/** Every layer but inputs and cells, with the least options. */
export const examples: Readonly<Record<string, Example>> = {
  dense: { options: units, inputs: vector },
  einsumDense: { options: { equation: 'ab,bc->ac', outputShape: 3, biasAxes: 'c' }, inputs: vector },
  activation: { options: { activation: 'tanh' }, inputs: vector },
  embedding: { options: { inputDim: 5, outputDim: 2 }, inputs: vector, dtype: 'int32' },
  masking: { inputs: sequence },
  identity: { inputs: vector },
  reLU: { inputs: vector },
  leakyReLU: { inputs: vector },
  pReLU: { inputs: vector },
  elu: { inputs: vector },
  softmax: { inputs: vector },
  ...byRank('conv#', conv),
  ...byRank('conv#Transpose', conv),
  ...Object.fromEntries(Object.entries(byRank('depthwiseConv#', { kernelSize: 2 })).slice(0, 2)),
  ...Object.fromEntries(Object.entries(byRank('separableConv#', conv)).slice(0, 2)),
  ...byRank('maxPooling#'),
  ...byRank('averagePooling#'),
  ...byRank('globalAveragePooling#'),
  ...byRank('globalMaxPooling#'),
  flatten: { inputs: image },
  reshape: { options: { targetShape: [2, 2] }, inputs: vector },
  permute: { options: { dims: [2, 1] }, inputs: sequence },
  repeatVector: { options: { n: 2 }, inputs: vector },
  ...byRank('zeroPadding#'),
  ...byRank('cropping#'),
  ...byRank('upSampling#'),
  add: { inputs: pair },
  subtract: { inputs: pair },
  multiply: { inputs: pair },
  average: { inputs: pair },
  maximum: { inputs: pair },
  minimum: { inputs: pair },
  concatenate: { inputs: pair },
  dot: { options: { axes: 2 }, inputs: pair },
  dropout: { options: { rate: 0.5 }, inputs: vector },
  ...byRank('spatialDropout#', { rate: 0.5 }),
  gaussianNoise: { options: { stddev: 1 }, inputs: vector },
  gaussianDropout: { options: { rate: 0.5 }, inputs: vector },
  alphaDropout: { options: { rate: 0.5 }, inputs: vector },
  activityRegularization: { options: { l1: 0.1 }, inputs: vector },
  batchNormalization: { inputs: image },
  layerNormalization: { inputs: vector },
  groupNormalization: { options: { groups: 2 }, inputs: image },
  rmsNormalization: { inputs: vector },
  unitNormalization: { inputs: vector },
  spectralNormalization: { options: { layer: layers.dense(units) }, inputs: vector },
  simpleRNN: { options: units, inputs: sequence },
  gru: { options: units, inputs: sequence },
  lstm: { options: units, inputs: sequence },
  rnn: { options: { cell: cell() }, inputs: sequence },
  convLstm1d: { options: conv, inputs: [[2, 6, 2]] },
  convLstm2d: { options: conv, inputs: [[2, 6, 6, 2]] },
  convLstm3d: { options: conv, inputs: [[2, 4, 4, 4, 2]] },
  bidirectional: { options: { layer: layers.lstm(units) }, inputs: sequence },
  timeDistributed: { options: { layer: layers.dense(units) }, inputs: sequence },
  multiHeadAttention: { options: { numHeads: 2, keyDim: 2 }, inputs: pair },
  groupQueryAttention: { options: { headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1 }, inputs: pair },
  attention: { inputs: pair },
  additiveAttention: { inputs: pair },
  rescaling: { options: { scale: 0.5 }, inputs: image },
  normalization: { inputs: vector },
  categoryEncoding: { options: { numTokens: 4 }, inputs: vector, dtype: 'int32' },
  discretization: { options: { binBoundaries: [0, 1] }, inputs: vector },
  stringLookup: { options: { vocabulary: ['a', 'b'] }, inputs: vector, dtype: 'string' },
  textVectorization: { options: { vocabulary: ['a', 'b'] }, inputs: [[1]], dtype: 'string' },
  hashedCrossing: { options: { numBins: 3 }, inputs: [[1], [1]], dtype: 'string' },
  hashing: { options: { numBins: 3 }, inputs: vector, dtype: 'string' },
  integerLookup: { options: { vocabulary: [3, 5] }, inputs: vector, dtype: 'int32' },
  resizing: { options: { height: 4, width: 9 }, inputs: image },
  centerCrop: { options: { height: 4, width: 3 }, inputs: image },
  randomFlip: { inputs: image },
  randomRotation: { options: { factor: 0.2 }, inputs: image },
  randomZoom: { options: { heightFactor: 0.2 }, inputs: image },
  randomTranslation: { options: { heightFactor: 0.2, widthFactor: 0.2 }, inputs: image },
  randomCrop: { options: { height: 4, width: 3 }, inputs: image },
  randomContrast: { options: { factor: 0.2 }, inputs: image },
  randomBrightness: { options: { factor: 0.2 }, inputs: image },
  adaptiveAveragePooling1d: { options: { outputSize: 4 }, inputs: line },
  adaptiveAveragePooling2d: { options: { outputSize: [4, 3] }, inputs: image },
  adaptiveAveragePooling3d: { options: { outputSize: 3 }, inputs: volume },
  adaptiveMaxPooling1d: { options: { outputSize: 4 }, inputs: line },
  adaptiveMaxPooling2d: { options: { outputSize: [4, 3] }, inputs: image },
  adaptiveMaxPooling3d: { options: { outputSize: 3 }, inputs: volume },
  stftSpectrogram: { options: { frameLength: 4 }, inputs: [[16, 2]] },
  melSpectrogram: { options: { fftLength: 8, sequenceStride: 4, numMelBins: 3 }, inputs: [[16]] },
  pipeline: { options: { layers: [layers.rescaling({ scale: 2 }), layers.dense(units)] }, inputs: vector },
  autoContrast: { inputs: color },
  solarization: { options: { additionFactor: 0.2, thresholdFactor: [0.2, 0.5] }, inputs: color },
  ...Object.fromEntries(
    ['ColorDegeneration', 'Hue', 'Saturation', 'Sharpness'].map((name) => [
      `random${name}`,
      { options: { factor: [0.1, 0.5] }, inputs: color },
    ]),
  ),
  randomPosterization: { options: { factor: [3, 6] }, inputs: color },
  randomColorJitter: { options: { brightnessFactor: 0.2, hueFactor: 0.3 }, inputs: color },
  randomErasing: { inputs: color },
  randomGaussianBlur: { inputs: color },
  randomGrayscale: { inputs: color },
  randomInvert: { inputs: color },
  randomShear: { options: { xFactor: 0.3, yFactor: [0.1, 0.2] }, inputs: color },
  equalization: { options: { bins: 64 }, inputs: color },
  contrastLimitedAdaptiveHistogramEqualization: { options: { tileGridSize: [2, 2] }, inputs: color },
  randomPerspective: { options: { scale: 0.5 }, inputs: color },
  randomElasticTransform: { options: { scale: 0.5 }, inputs: color },
  randAugment: { options: { factor: 0.2 }, inputs: color },
  augMix: { options: { numChains: 2, chainDepth: 1 }, inputs: color },
  mixUp: { inputs: color },
  cutMix: { inputs: color },
  maxNumBoundingBoxes: { options: { maxNumber: 5 }, inputs: color },
  reversibleEmbedding: { options: { inputDim: 5, outputDim: 2, tieWeights: false }, inputs: vector, dtype: 'int32' },
}

/** Layers that are no example, and why. */
export const exceptions: Readonly<Record<string, string>> = {
  inputLayer: 'it is the input',
  lambda: 'its function has no config',
  simpleRNNCell: 'a cell runs within rnn',
  gruCell: 'a cell runs within rnn',
  lstmCell: 'a cell runs within rnn',
  stackedRNNCells: 'a cell runs within rnn',
}

export const makeLayer = (name: string, options: object = examples[name].options ?? {}): Layer =>
  (allLayers as unknown as Record<string, (options: object) => Layer>)[name](options)

/** Applies a layer to inputs of the example's shapes, with a batch size. */
export function applied(name: string, layer: Layer, batch: number | null = null) {
  const { inputs, dtype } = examples[name]
  const entries = inputs.map((shape) => input({ batchShape: [batch, ...shape], ...(dtype && { dtype }) }))
  return { entries, output: layer.apply(entries.length === 1 ? entries[0] : entries) }
}
