import type { AdapterTable } from '../opsets/draft.js'
import { activationWriters } from './activations.js'
import { attentionWriters } from './attention.js'
import { classicalWriters } from './classical.js'
import { fewBitsWriters } from './few-bits.js'
import { imageWriters } from './images.js'
import { matrixWriters } from './matrices.js'
import { normWriters } from './norms.js'
import { quantizedWriters } from './quantized.js'
import { trainingWriters } from './training.js'

export { cureOf } from './cures.js'

/**
 * Ops that ONNX's own domain lacks and real files hold, of com.microsoft, ai.onnx.ml, ai.onnx.preview.training and broken exporters: what each
 * becomes at import, in ONNX's ops. After import nothing knows of them.
 */
export const contribWriters: AdapterTable = {
  ...activationWriters,
  ...normWriters,
  ...attentionWriters,
  ...quantizedWriters,
  ...fewBitsWriters,
  ...classicalWriters,
  ...imageWriters,
  ...matrixWriters,
  ...trainingWriters,
}
