import { convGradientLowerings } from '../backend/wasm/lower/conv-gradients.js'
import { crossEntropyLowerings } from '../backend/wasm/lower/crossentropy.js'
import { gradientLowerings } from '../backend/wasm/lower/gradients.js'
import { optimizerLowerings } from '../backend/wasm/lower/optimizer.js'
import { poolGradientLowerings } from '../backend/wasm/lower/pool-gradients.js'
import { pooledWeightGradientLowerings } from '../backend/wasm/lower/pooled-weight-gradient.js'
import { randomLowerings } from '../backend/wasm/lower/random.js'
import { convGradients } from '../ops/conv-gradients.js'
import { convTranspose } from '../ops/conv-transpose.js'
import { crossEntropy } from '../ops/crossentropy.js'
import { gradients } from '../ops/gradients.js'
import { optimizerUpdates } from '../ops/optimizer.js'
import { poolGradients } from '../ops/pool-gradients.js'
import { pooledConvGradients } from '../ops/pooled-conv-gradients.js'
import { random } from '../ops/random.js'
import { hoistScaling } from '../optimise/hoist-scaling.js'
import { definePack } from './pack.js'

/** The ops that training writes: gradients, cross-entropy, random numbers, updates; and ConvTranspose, the gradient of a Conv. */
export const pack = definePack({
  operators: {
    ...gradients,
    ...convGradients,
    ...convTranspose,
    ...poolGradients,
    ...pooledConvGradients,
    ...crossEntropy,
    ...random,
    ...optimizerUpdates,
  },
  kernels: async () => (await import('../backend/reference/training.js')).trainingKernels,
  lowerings: {
    ...gradientLowerings,
    ...convGradientLowerings,
    ...poolGradientLowerings,
    ...pooledWeightGradientLowerings,
    ...crossEntropyLowerings,
    ...randomLowerings,
    ...optimizerLowerings,
  },
  passes: { gradients: () => hoistScaling },
})
