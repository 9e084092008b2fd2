import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const lanes = 4

/**
 * The GFLOP/s of one thread in wasm, a multiply-add counting 2: chains of multiply-adds in registers, compiled to
 * `folder`/peak-BUILD.wasm. `relaxed` is with fused multiply-adds.
 */
export async function measurePeak(folder: string, build: 'simd' | 'relaxed'): Promise<number> {
  const { instance } = await WebAssembly.instantiate(readFileSync(join(folder, `peak-${build}.wasm`)))
  const { chains, peak } = instance.exports as {
    chains(): number
    peak(steps: number, factor: number, summand: number): number
  }
  // Many short calls: V8 compiles a function well once it has been called often, not while it runs.
  const steps = 20_000
  let best = Number.POSITIVE_INFINITY
  for (const end = performance.now() + 300; performance.now() < end; ) {
    const start = performance.now()
    peak(steps, 0.999, 0.001)
    best = Math.min(best, performance.now() - start)
  }
  return (2 * lanes * chains() * steps) / best / 1e6
}
