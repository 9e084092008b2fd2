import type { AdapterReport } from './host.js'

/**
 * How products and convolutions run. `tiled`: a workgroup copies tiles of both operands into its shared memory, as GPUs
 * want it. `direct`: each thread reads the operands where they lie and keeps a tile of sums in registers, without a barrier.
 */
export type ProductKernels = 'tiled' | 'direct'

/** What kernels choose by the adapter. */
export interface Tuning {
  readonly products: ProductKernels
  /** Threads that keep the adapter busy: less work side by side is cut along k. */
  readonly threads: number
}

/**
 * A software adapter has no shared memory to gain from: a barrier there is a switch between coroutines, and neighbouring
 * threads are the lanes of one SIMD register, so that loads which they share, or that are next to each other, cost one.
 */
export function tuningFor({ software }: AdapterReport, products?: ProductKernels): Tuning {
  return { products: products ?? (software ? 'direct' : 'tiled'), threads: software ? 1024 : 16384 }
}
