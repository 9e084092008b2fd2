import { camelKeys, type KerasObject } from '../config.js'
import { Activation, ELU, LeakyReLU, PReLU, ReLU, Softmax } from './activation.js'
import { AdditiveAttention, Attention, GroupQueryAttention, MultiHeadAttention } from './attention.js'
import {
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
} from './augmentation.js'
import { GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells } from './cells.js'
import { ConvLSTM } from './conv-lstm.js'
import { Conv, ConvTranspose, DepthwiseConv, SeparableConv } from './convolution.js'
import {
  ActivityRegularization,
  Dense,
  Embedding,
  Identity,
  InputLayer,
  type InputOptions,
  Lambda,
  Masking,
  RepeatVector,
} from './core.js'
import { EinsumDense } from './einsum-dense.js'
import { HashedCrossing, Hashing } from './hashing.js'
import { CenterCrop, Resizing } from './images.js'
import type { Layer } from './layer.js'
import { IntegerLookup, StringLookup } from './lookup.js'
import { Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract } from './merging.js'
import {
  BatchNormalization,
  GroupNormalization,
  LayerNormalization,
  RMSNormalization,
  SpectralNormalization,
  UnitNormalization,
} from './normalization.js'
import { AveragePooling, GlobalAveragePooling, GlobalMaxPooling, MaxPooling } from './pooling.js'
import { CategoryEncoding, Discretization, Normalization, Rescaling } from './preprocessing.js'
import { GRU, LSTM, RNN, SimpleRNN } from './recurrent.js'
import { layerFromConfig as fromRegistry, type LayerFactory, registerClass } from './registry.js'
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout } from './regularization.js'
import { Cropping, Cropping2D, Flatten, Permute, Reshape, UpSampling, ZeroPadding } from './reshaping.js'
import { TextVectorization } from './text-vectorization.js'
import { Bidirectional, TimeDistributed } from './wrappers.js'

interface LayerClass<F, L extends Layer> {
  // biome-ignore lint/suspicious/noExplicitAny: its options follow from its fields
  new (options: any, className?: string, rank?: number): L
  readonly fields: F
}

/** A function for a class, known to whatever reads Keras's JSON under `className`. */
function make<F, L extends Layer>(className: string, layer: LayerClass<F, L>, rank?: number): LayerFactory<F, L> {
  const create = (options: object = {}) => new layer(options, className, rank)
  registerClass(className, ({ config }) => create(camelKeys(config)))
  return create as LayerFactory<F, L>
}

const inputLayer = (options: InputOptions): InputLayer => new InputLayer(options)
registerClass('InputLayer', ({ config }) => inputLayer(camelKeys(config)))

/** Keras's layers by their names in camelCase. */
export const layers = {
  inputLayer,
  dense: make('Dense', Dense),
  einsumDense: make('EinsumDense', EinsumDense),
  activation: make('Activation', Activation),
  embedding: make('Embedding', Embedding),
  masking: make('Masking', Masking),
  lambda: make('Lambda', Lambda),
  identity: make('Identity', Identity),
  reLU: make('ReLU', ReLU),
  leakyReLU: make('LeakyReLU', LeakyReLU),
  pReLU: make('PReLU', PReLU),
  elu: make('ELU', ELU),
  softmax: make('Softmax', Softmax),
  conv1d: make('Conv1D', Conv, 1),
  conv2d: make('Conv2D', Conv, 2),
  conv3d: make('Conv3D', Conv, 3),
  conv1dTranspose: make('Conv1DTranspose', ConvTranspose, 1),
  conv2dTranspose: make('Conv2DTranspose', ConvTranspose, 2),
  conv3dTranspose: make('Conv3DTranspose', ConvTranspose, 3),
  depthwiseConv1d: make('DepthwiseConv1D', DepthwiseConv, 1),
  depthwiseConv2d: make('DepthwiseConv2D', DepthwiseConv, 2),
  separableConv1d: make('SeparableConv1D', SeparableConv, 1),
  separableConv2d: make('SeparableConv2D', SeparableConv, 2),
  maxPooling1d: make('MaxPooling1D', MaxPooling, 1),
  maxPooling2d: make('MaxPooling2D', MaxPooling, 2),
  maxPooling3d: make('MaxPooling3D', MaxPooling, 3),
  averagePooling1d: make('AveragePooling1D', AveragePooling, 1),
  averagePooling2d: make('AveragePooling2D', AveragePooling, 2),
  averagePooling3d: make('AveragePooling3D', AveragePooling, 3),
  globalAveragePooling1d: make('GlobalAveragePooling1D', GlobalAveragePooling, 1),
  globalAveragePooling2d: make('GlobalAveragePooling2D', GlobalAveragePooling, 2),
  globalAveragePooling3d: make('GlobalAveragePooling3D', GlobalAveragePooling, 3),
  globalMaxPooling1d: make('GlobalMaxPooling1D', GlobalMaxPooling, 1),
  globalMaxPooling2d: make('GlobalMaxPooling2D', GlobalMaxPooling, 2),
  globalMaxPooling3d: make('GlobalMaxPooling3D', GlobalMaxPooling, 3),
  flatten: make('Flatten', Flatten),
  reshape: make('Reshape', Reshape),
  permute: make('Permute', Permute),
  repeatVector: make('RepeatVector', RepeatVector),
  zeroPadding1d: make('ZeroPadding1D', ZeroPadding, 1),
  zeroPadding2d: make('ZeroPadding2D', ZeroPadding, 2),
  zeroPadding3d: make('ZeroPadding3D', ZeroPadding, 3),
  cropping1d: make('Cropping1D', Cropping, 1),
  cropping2d: make('Cropping2D', Cropping2D, 2),
  cropping3d: make('Cropping3D', Cropping, 3),
  upSampling1d: make('UpSampling1D', UpSampling, 1),
  upSampling2d: make('UpSampling2D', UpSampling, 2),
  upSampling3d: make('UpSampling3D', UpSampling, 3),
  add: make('Add', Add),
  subtract: make('Subtract', Subtract),
  multiply: make('Multiply', Multiply),
  average: make('Average', Average),
  maximum: make('Maximum', Maximum),
  minimum: make('Minimum', Minimum),
  concatenate: make('Concatenate', Concatenate),
  dot: make('Dot', Dot),
  dropout: make('Dropout', Dropout),
  spatialDropout1d: make('SpatialDropout1D', SpatialDropout, 1),
  spatialDropout2d: make('SpatialDropout2D', SpatialDropout, 2),
  spatialDropout3d: make('SpatialDropout3D', SpatialDropout, 3),
  gaussianNoise: make('GaussianNoise', GaussianNoise),
  gaussianDropout: make('GaussianDropout', GaussianDropout),
  alphaDropout: make('AlphaDropout', AlphaDropout),
  activityRegularization: make('ActivityRegularization', ActivityRegularization),
  batchNormalization: make('BatchNormalization', BatchNormalization),
  layerNormalization: make('LayerNormalization', LayerNormalization),
  groupNormalization: make('GroupNormalization', GroupNormalization),
  rmsNormalization: make('RMSNormalization', RMSNormalization),
  unitNormalization: make('UnitNormalization', UnitNormalization),
  spectralNormalization: make('SpectralNormalization', SpectralNormalization),
  simpleRNN: make('SimpleRNN', SimpleRNN),
  gru: make('GRU', GRU),
  lstm: make('LSTM', LSTM),
  convLstm1d: make('ConvLSTM1D', ConvLSTM, 1),
  convLstm2d: make('ConvLSTM2D', ConvLSTM, 2),
  convLstm3d: make('ConvLSTM3D', ConvLSTM, 3),
  rnn: make('RNN', RNN),
  simpleRNNCell: make('SimpleRNNCell', SimpleRNNCell),
  gruCell: make('GRUCell', GRUCell),
  lstmCell: make('LSTMCell', LSTMCell),
  stackedRNNCells: make('StackedRNNCells', StackedRNNCells),
  bidirectional: make('Bidirectional', Bidirectional),
  timeDistributed: make('TimeDistributed', TimeDistributed),
  multiHeadAttention: make('MultiHeadAttention', MultiHeadAttention),
  groupQueryAttention: make('GroupQueryAttention', GroupQueryAttention),
  attention: make('Attention', Attention),
  additiveAttention: make('AdditiveAttention', AdditiveAttention),
  rescaling: make('Rescaling', Rescaling),
  normalization: make('Normalization', Normalization),
  categoryEncoding: make('CategoryEncoding', CategoryEncoding),
  discretization: make('Discretization', Discretization),
  stringLookup: make('StringLookup', StringLookup),
  integerLookup: make('IntegerLookup', IntegerLookup),
  textVectorization: make('TextVectorization', TextVectorization),
  hashing: make('Hashing', Hashing),
  hashedCrossing: make('HashedCrossing', HashedCrossing),
  resizing: make('Resizing', Resizing),
  centerCrop: make('CenterCrop', CenterCrop),
  randomFlip: make('RandomFlip', RandomFlip),
  randomRotation: make('RandomRotation', RandomRotation),
  randomZoom: make('RandomZoom', RandomZoom),
  randomTranslation: make('RandomTranslation', RandomTranslation),
  randomCrop: make('RandomCrop', RandomCrop),
  randomContrast: make('RandomContrast', RandomContrast),
  randomBrightness: make('RandomBrightness', RandomBrightness),
} as const

/** A layer from Keras's serialised form; importing it makes all classes of `layers` known. */
export const layerFromConfig = (object: KerasObject): Layer => fromRegistry(object)
