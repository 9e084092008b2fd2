import { samplingKernels } from '../backend/reference/sampling.js'
import { signalKernels } from '../backend/reference/signal.js'
import { sampling } from '../ops/sampling.js'
import { signal } from '../ops/signal.js'
import { definePack } from './pack.js'

/** Fourier transforms, windows, and random tensors. */
export const pack = definePack({
  operators: { ...signal, ...sampling },
  kernels: { ...signalKernels, ...samplingKernels },
})
