import { AdaptiveAveragePooling, AdaptiveMaxPooling } from './adaptive-pooling.js'
import { AugMix, RandAugment } from './augmentation-policies.js'
import { MaxNumBoundingBoxes } from './bounding-boxes.js'
import {
  AutoContrast,
  RandomColorDegeneration,
  RandomColorJitter,
  RandomGrayscale,
  RandomHue,
  RandomInvert,
  RandomPosterization,
  RandomSaturation,
  Solarization,
} from './color-augmentation.js'
import { ContrastLimitedAdaptiveHistogramEqualization, Equalization } from './histogram-equalization.js'
import { CutMix, MixUp } from './mixing.js'
import { Pipeline } from './pipeline.js'
import { RandomErasing, RandomGaussianBlur, RandomSharpness, RandomShear } from './pixel-augmentation.js'
import { RandomElasticTransform, RandomPerspective } from './random-warps.js'
import { layerFactory as make } from './registry.js'
import { ReversibleEmbedding } from './reversible-embedding.js'
import { MelSpectrogram, STFTSpectrogram } from './spectrogram.js'

export const adaptiveAveragePooling1d = /* @__PURE__ */ make('AdaptiveAveragePooling1D', AdaptiveAveragePooling, 1)
export const adaptiveAveragePooling2d = /* @__PURE__ */ make('AdaptiveAveragePooling2D', AdaptiveAveragePooling, 2)
export const adaptiveAveragePooling3d = /* @__PURE__ */ make('AdaptiveAveragePooling3D', AdaptiveAveragePooling, 3)
export const adaptiveMaxPooling1d = /* @__PURE__ */ make('AdaptiveMaxPooling1D', AdaptiveMaxPooling, 1)
export const adaptiveMaxPooling2d = /* @__PURE__ */ make('AdaptiveMaxPooling2D', AdaptiveMaxPooling, 2)
export const adaptiveMaxPooling3d = /* @__PURE__ */ make('AdaptiveMaxPooling3D', AdaptiveMaxPooling, 3)
export const reversibleEmbedding = /* @__PURE__ */ make('ReversibleEmbedding', ReversibleEmbedding)
export const stftSpectrogram = /* @__PURE__ */ make('STFTSpectrogram', STFTSpectrogram)
export const melSpectrogram = /* @__PURE__ */ make('MelSpectrogram', MelSpectrogram)
export const pipeline = /* @__PURE__ */ make('Pipeline', Pipeline)
export const augMix = /* @__PURE__ */ make('AugMix', AugMix)
export const autoContrast = /* @__PURE__ */ make('AutoContrast', AutoContrast)
export const contrastLimitedAdaptiveHistogramEqualization = /* @__PURE__ */ make(
  'ContrastLimitedAdaptiveHistogramEqualization',
  ContrastLimitedAdaptiveHistogramEqualization,
)
export const cutMix = /* @__PURE__ */ make('CutMix', CutMix)
export const equalization = /* @__PURE__ */ make('Equalization', Equalization)
export const maxNumBoundingBoxes = /* @__PURE__ */ make('MaxNumBoundingBoxes', MaxNumBoundingBoxes)
export const mixUp = /* @__PURE__ */ make('MixUp', MixUp)
export const solarization = /* @__PURE__ */ make('Solarization', Solarization)
export const randAugment = /* @__PURE__ */ make('RandAugment', RandAugment)
export const randomColorDegeneration = /* @__PURE__ */ make('RandomColorDegeneration', RandomColorDegeneration)
export const randomColorJitter = /* @__PURE__ */ make('RandomColorJitter', RandomColorJitter)
export const randomElasticTransform = /* @__PURE__ */ make('RandomElasticTransform', RandomElasticTransform)
export const randomErasing = /* @__PURE__ */ make('RandomErasing', RandomErasing)
export const randomGaussianBlur = /* @__PURE__ */ make('RandomGaussianBlur', RandomGaussianBlur)
export const randomGrayscale = /* @__PURE__ */ make('RandomGrayscale', RandomGrayscale)
export const randomHue = /* @__PURE__ */ make('RandomHue', RandomHue)
export const randomInvert = /* @__PURE__ */ make('RandomInvert', RandomInvert)
export const randomPerspective = /* @__PURE__ */ make('RandomPerspective', RandomPerspective)
export const randomPosterization = /* @__PURE__ */ make('RandomPosterization', RandomPosterization)
export const randomSaturation = /* @__PURE__ */ make('RandomSaturation', RandomSaturation)
export const randomSharpness = /* @__PURE__ */ make('RandomSharpness', RandomSharpness)
export const randomShear = /* @__PURE__ */ make('RandomShear', RandomShear)
