import { quantizationKernels } from '../backend/reference/quantization.js'
import { quantizeLowerings } from '../backend/wasm/lower/quantize.js'
import { quantizedProductLowerings } from '../backend/wasm/lower/quantized-products.js'
import { quantization } from '../ops/quantization.js'
import { fuseQuantized } from '../optimise/fuse-quantized.js'
import { definePack } from './pack.js'

/** Quantized networks. */
export const pack = definePack({
  operators: quantization,
  kernels: quantizationKernels,
  lowerings: { ...quantizeLowerings, ...quantizedProductLowerings },
  passes: { quantized: fuseQuantized },
})
