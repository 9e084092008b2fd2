// Types of the public surface: they name nothing that a program's type library may lack (WebGPU).

/**
 * How products and convolutions run. `tiled`: a workgroup copies tiles of both operands into its shared memory, as GPUs
 * want it. `direct`: each thread reads the operands where they lie and keeps a tile of sums in registers, without a barrier.
 */
export type ProductKernels = 'tiled' | 'direct'

/** What may be chosen of the webgpu backend. */
export interface WebGpuOptions {
  /** Which adapter, where the host has several. */
  readonly powerPreference?: 'low-power' | 'high-performance'
  /**
   * `mixed`: products and convolutions round their operands to float16 and sum in float32; everything else is float32. Faster on
   * adapters with the feature shader-f16. Small gradients vanish unless the optimizer has a `lossScaleFactor`. float32 if absent.
   */
  readonly precision?: 'float32' | 'mixed'
  /** Which kernels run products and convolutions; those that suit the adapter if absent. */
  readonly products?: ProductKernels
}

/** An adapter as `environment()` and `lanewise doctor` show it. */
export interface AdapterReport {
  readonly name: string
  /** Whether the processor does the work of a GPU. */
  readonly software: boolean
  /** Where WebGPU comes from. */
  readonly provider: string
  readonly features: readonly string[]
  /** Extensions of WGSL that need no feature. */
  readonly languageFeatures: readonly string[]
  readonly limits: Readonly<Record<string, number>>
}

/** WebGPU on this host: the adapter that would be taken, or why there is none. */
export type WebGpuSupport =
  | { readonly available: true; readonly adapter: AdapterReport }
  | { readonly available: false; readonly reason: string }
