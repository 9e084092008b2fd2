import { Activation, ELU, LeakyReLU, PReLU, ReLU, Softmax } from './activation.js'
import { AdditiveAttention, Attention } from './attention.js'
import { GRUCell, LSTMCell, SimpleRNNCell } from './cells.js'
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
import { GroupQueryAttention, MultiHeadAttention } from './head-attention.js'
import {
  CenterCrop,
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
  Resizing,
} from './images.js'
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
import { layerFactory as make } from './registry.js'
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout } from './regularization.js'
import { Cropping, Cropping2D, Flatten, Permute, Reshape, ZeroPadding } from './reshaping.js'
import { TextVectorization } from './text-vectorization.js'
import { UpSampling } from './up-sampling.js'
import { Bidirectional, TimeDistributed } from './wrappers.js'

export { stackedRNNCells } from './cells.js'

export const inputLayer = (options: InputOptions): InputLayer => new InputLayer(options)
export const dense = /* @__PURE__ */ make('Dense', Dense)
export const einsumDense = /* @__PURE__ */ make('EinsumDense', EinsumDense)
export const activation = /* @__PURE__ */ make('Activation', Activation)
export const embedding = /* @__PURE__ */ make('Embedding', Embedding)
export const masking = /* @__PURE__ */ make('Masking', Masking)
export const lambda = /* @__PURE__ */ make('Lambda', Lambda)
export const identity = /* @__PURE__ */ make('Identity', Identity)
export const reLU = /* @__PURE__ */ make('ReLU', ReLU)
export const leakyReLU = /* @__PURE__ */ make('LeakyReLU', LeakyReLU)
export const pReLU = /* @__PURE__ */ make('PReLU', PReLU)
export const elu = /* @__PURE__ */ make('ELU', ELU)
export const softmax = /* @__PURE__ */ make('Softmax', Softmax)
export const conv1d = /* @__PURE__ */ make('Conv1D', Conv, 1)
export const conv2d = /* @__PURE__ */ make('Conv2D', Conv, 2)
export const conv3d = /* @__PURE__ */ make('Conv3D', Conv, 3)
export const conv1dTranspose = /* @__PURE__ */ make('Conv1DTranspose', ConvTranspose, 1)
export const conv2dTranspose = /* @__PURE__ */ make('Conv2DTranspose', ConvTranspose, 2)
export const conv3dTranspose = /* @__PURE__ */ make('Conv3DTranspose', ConvTranspose, 3)
export const depthwiseConv1d = /* @__PURE__ */ make('DepthwiseConv1D', DepthwiseConv, 1)
export const depthwiseConv2d = /* @__PURE__ */ make('DepthwiseConv2D', DepthwiseConv, 2)
export const separableConv1d = /* @__PURE__ */ make('SeparableConv1D', SeparableConv, 1)
export const separableConv2d = /* @__PURE__ */ make('SeparableConv2D', SeparableConv, 2)
export const maxPooling1d = /* @__PURE__ */ make('MaxPooling1D', MaxPooling, 1)
export const maxPooling2d = /* @__PURE__ */ make('MaxPooling2D', MaxPooling, 2)
export const maxPooling3d = /* @__PURE__ */ make('MaxPooling3D', MaxPooling, 3)
export const averagePooling1d = /* @__PURE__ */ make('AveragePooling1D', AveragePooling, 1)
export const averagePooling2d = /* @__PURE__ */ make('AveragePooling2D', AveragePooling, 2)
export const averagePooling3d = /* @__PURE__ */ make('AveragePooling3D', AveragePooling, 3)
export const globalAveragePooling1d = /* @__PURE__ */ make('GlobalAveragePooling1D', GlobalAveragePooling, 1)
export const globalAveragePooling2d = /* @__PURE__ */ make('GlobalAveragePooling2D', GlobalAveragePooling, 2)
export const globalAveragePooling3d = /* @__PURE__ */ make('GlobalAveragePooling3D', GlobalAveragePooling, 3)
export const globalMaxPooling1d = /* @__PURE__ */ make('GlobalMaxPooling1D', GlobalMaxPooling, 1)
export const globalMaxPooling2d = /* @__PURE__ */ make('GlobalMaxPooling2D', GlobalMaxPooling, 2)
export const globalMaxPooling3d = /* @__PURE__ */ make('GlobalMaxPooling3D', GlobalMaxPooling, 3)
export const flatten = /* @__PURE__ */ make('Flatten', Flatten)
export const reshape = /* @__PURE__ */ make('Reshape', Reshape)
export const permute = /* @__PURE__ */ make('Permute', Permute)
export const repeatVector = /* @__PURE__ */ make('RepeatVector', RepeatVector)
export const zeroPadding1d = /* @__PURE__ */ make('ZeroPadding1D', ZeroPadding, 1)
export const zeroPadding2d = /* @__PURE__ */ make('ZeroPadding2D', ZeroPadding, 2)
export const zeroPadding3d = /* @__PURE__ */ make('ZeroPadding3D', ZeroPadding, 3)
export const cropping1d = /* @__PURE__ */ make('Cropping1D', Cropping, 1)
export const cropping2d = /* @__PURE__ */ make('Cropping2D', Cropping2D, 2)
export const cropping3d = /* @__PURE__ */ make('Cropping3D', Cropping, 3)
export const upSampling1d = /* @__PURE__ */ make('UpSampling1D', UpSampling, 1)
export const upSampling2d = /* @__PURE__ */ make('UpSampling2D', UpSampling, 2)
export const upSampling3d = /* @__PURE__ */ make('UpSampling3D', UpSampling, 3)
export const add = /* @__PURE__ */ make('Add', Add)
export const subtract = /* @__PURE__ */ make('Subtract', Subtract)
export const multiply = /* @__PURE__ */ make('Multiply', Multiply)
export const average = /* @__PURE__ */ make('Average', Average)
export const maximum = /* @__PURE__ */ make('Maximum', Maximum)
export const minimum = /* @__PURE__ */ make('Minimum', Minimum)
export const concatenate = /* @__PURE__ */ make('Concatenate', Concatenate)
export const dot = /* @__PURE__ */ make('Dot', Dot)
export const dropout = /* @__PURE__ */ make('Dropout', Dropout)
export const spatialDropout1d = /* @__PURE__ */ make('SpatialDropout1D', SpatialDropout, 1)
export const spatialDropout2d = /* @__PURE__ */ make('SpatialDropout2D', SpatialDropout, 2)
export const spatialDropout3d = /* @__PURE__ */ make('SpatialDropout3D', SpatialDropout, 3)
export const gaussianNoise = /* @__PURE__ */ make('GaussianNoise', GaussianNoise)
export const gaussianDropout = /* @__PURE__ */ make('GaussianDropout', GaussianDropout)
export const alphaDropout = /* @__PURE__ */ make('AlphaDropout', AlphaDropout)
export const activityRegularization = /* @__PURE__ */ make('ActivityRegularization', ActivityRegularization)
export const batchNormalization = /* @__PURE__ */ make('BatchNormalization', BatchNormalization)
export const layerNormalization = /* @__PURE__ */ make('LayerNormalization', LayerNormalization)
export const groupNormalization = /* @__PURE__ */ make('GroupNormalization', GroupNormalization)
export const rmsNormalization = /* @__PURE__ */ make('RMSNormalization', RMSNormalization)
export const unitNormalization = /* @__PURE__ */ make('UnitNormalization', UnitNormalization)
export const spectralNormalization = /* @__PURE__ */ make('SpectralNormalization', SpectralNormalization)
export const simpleRNN = /* @__PURE__ */ make('SimpleRNN', SimpleRNN)
export const gru = /* @__PURE__ */ make('GRU', GRU)
export const lstm = /* @__PURE__ */ make('LSTM', LSTM)
export const convLstm1d = /* @__PURE__ */ make('ConvLSTM1D', ConvLSTM, 1)
export const convLstm2d = /* @__PURE__ */ make('ConvLSTM2D', ConvLSTM, 2)
export const convLstm3d = /* @__PURE__ */ make('ConvLSTM3D', ConvLSTM, 3)
export const rnn = /* @__PURE__ */ make('RNN', RNN)
export const simpleRNNCell = /* @__PURE__ */ make('SimpleRNNCell', SimpleRNNCell)
export const gruCell = /* @__PURE__ */ make('GRUCell', GRUCell)
export const lstmCell = /* @__PURE__ */ make('LSTMCell', LSTMCell)
export const bidirectional = /* @__PURE__ */ make('Bidirectional', Bidirectional)
export const timeDistributed = /* @__PURE__ */ make('TimeDistributed', TimeDistributed)
export const multiHeadAttention = /* @__PURE__ */ make('MultiHeadAttention', MultiHeadAttention)
export const groupQueryAttention = /* @__PURE__ */ make('GroupQueryAttention', GroupQueryAttention)
export const attention = /* @__PURE__ */ make('Attention', Attention)
export const additiveAttention = /* @__PURE__ */ make('AdditiveAttention', AdditiveAttention)
export const rescaling = /* @__PURE__ */ make('Rescaling', Rescaling)
export const normalization = /* @__PURE__ */ make('Normalization', Normalization)
export const categoryEncoding = /* @__PURE__ */ make('CategoryEncoding', CategoryEncoding)
export const discretization = /* @__PURE__ */ make('Discretization', Discretization)
export const stringLookup = /* @__PURE__ */ make('StringLookup', StringLookup)
export const integerLookup = /* @__PURE__ */ make('IntegerLookup', IntegerLookup)
export const textVectorization = /* @__PURE__ */ make('TextVectorization', TextVectorization)
export const hashing = /* @__PURE__ */ make('Hashing', Hashing)
export const hashedCrossing = /* @__PURE__ */ make('HashedCrossing', HashedCrossing)
export const resizing = /* @__PURE__ */ make('Resizing', Resizing)
export const centerCrop = /* @__PURE__ */ make('CenterCrop', CenterCrop)
export const randomFlip = /* @__PURE__ */ make('RandomFlip', RandomFlip)
export const randomRotation = /* @__PURE__ */ make('RandomRotation', RandomRotation)
export const randomZoom = /* @__PURE__ */ make('RandomZoom', RandomZoom)
export const randomTranslation = /* @__PURE__ */ make('RandomTranslation', RandomTranslation)
export const randomCrop = /* @__PURE__ */ make('RandomCrop', RandomCrop)
export const randomContrast = /* @__PURE__ */ make('RandomContrast', RandomContrast)
export const randomBrightness = /* @__PURE__ */ make('RandomBrightness', RandomBrightness)
