// Types of the public surface: they name nothing that a program's type library may lack (WebAssembly, the DOM).

/** One of the four builds of the kernels. */
export type Build = 'single-simd' | 'single-relaxed' | 'shared-simd' | 'shared-relaxed'

/** What may be chosen of the wasm backend; each is the best that the host can do unless given. */
export interface WasmOptions {
  /** Threads, the calling one among them. Default: LANEWISE_THREADS, else the number of cores, 8 at most. */
  readonly threads?: number
  /** The same bits on every machine: baseline SIMD. The number of threads never changes the bits. */
  readonly deterministic?: boolean
  readonly build?: Build
  /** Milliseconds without progress after which a worker thread is taken for lost, and replaced; 10 000 unless given. */
  readonly workerTimeout?: number
  /** The most that the memory may grow to, in bytes. */
  readonly maxBytes?: number
}

/** What the host can do; each feature is tested with a module of a few bytes. */
export interface HostSupport {
  readonly simd: boolean
  readonly relaxedSimd: boolean
  /** Atomics and shared memory in WebAssembly, and a host that lets its threads share memory. */
  readonly sharedMemory: boolean
  /** Why SIMD or threads are missing. */
  readonly notes: readonly string[]
}
