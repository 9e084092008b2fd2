import type { AdapterReport, ProductKernels, WebGpuOptions } from './options.js'

/**
 * How products hold their operands. `float32`: as they are. `float16`: in halves; sums stay float32. `rounded`: as float32 with
 * the precision of halves, the same numbers on adapters that have no halves.
 */
export type OperandPrecision = 'float32' | 'float16' | 'rounded'

/** What kernels choose by the adapter. */
export interface Tuning {
  readonly products: ProductKernels
  readonly operands: OperandPrecision
  /** Threads that keep the adapter busy: less work side by side is cut along k. */
  readonly threads: number
  /** The most threads of a workgroup, and bytes of its shared memory. */
  readonly workgroupThreads: number
  readonly workgroupBytes: number
  /** Threads of a workgroup that reduces a row: a power of 2. */
  readonly rowThreads: number
  /** Whether threads of a subgroup may join their results without shared memory. */
  readonly subgroups: boolean
}

/** Threads that reduce a row on a GPU; software gains nothing from many. */
const ROW_THREADS = { hardware: 256, software: 64 } as const

/**
 * A software adapter has no shared memory to gain from: a barrier there is a switch between coroutines, and neighbouring
 * threads are the lanes of one SIMD register, so that loads which they share, or that are next to each other, cost one.
 */
export function tuningFor(
  { software, features, languageFeatures, limits }: AdapterReport,
  { products, precision }: Pick<WebGpuOptions, 'products' | 'precision'> = {},
): Tuning {
  const workgroupThreads = Math.min(limits['maxComputeInvocationsPerWorkgroup'], limits['maxComputeWorkgroupSizeX'])
  return {
    products: products ?? (software ? 'direct' : 'tiled'),
    operands: precision !== 'mixed' ? 'float32' : features.includes('shader-f16') ? 'float16' : 'rounded',
    threads: software ? 1024 : 16384,
    workgroupThreads,
    workgroupBytes: limits['maxComputeWorkgroupStorageSize'],
    rowThreads: Math.min(ROW_THREADS[software ? 'software' : 'hardware'], 2 ** Math.floor(Math.log2(workgroupThreads))),
    // Without the builtin `subgroup_id`, no text can tell which threads of a workgroup are one subgroup.
    subgroups: features.includes('subgroups') && languageFeatures.includes('subgroup_id'),
  }
}
