import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const lanes = 4

/**
 * The GFLOP/s of one thread in wasm, a multiply-add counting 2: chains of multiply-adds in registers, compiled to
 * `folder`/peak-BUILD.wasm. `relaxed` is with fused multiply-adds.
 */
export async function measurePeak(folder: string, build: 'simd' | 'relaxed'): Promise<number> {
  const { instance } = await WebAssembly.instantiate(readFileSync(join(folder, `peak-${build}.wasm`)))
  const { chains, peak } = instance.exports as { chains(): number; peak(steps: number): number }
  const steps = 1_000_000
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 30; run++) {
    const start = performance.now()
    peak(steps)
    best = Math.min(best, performance.now() - start)
  }
  return (2 * lanes * chains() * steps) / best / 1e6
}
