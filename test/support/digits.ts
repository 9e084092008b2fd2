import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'fflate'
import { syntheticDigits } from '../../src/data/synthetic.js'

/** An IDX file, packed, of `tensor`'s values times `scale`. */
function idx(dims: readonly number[], values: ArrayLike<number>, scale: number): Uint8Array {
  const header = [0, 0, 8, dims.length, ...dims.flatMap((dim) => [0, 0, dim >> 8, dim & 255])]
  return gzipSync(Uint8Array.from([...header, ...Array.from(values, (value) => Math.round(value * scale))]))
}

/** Writes a data set in MNIST's form to `folder`, of synthetic digits. */
export function writeDigits(folder: string, training: number, test: number): void {
  mkdirSync(folder, { recursive: true })
  for (const [prefix, count, seed] of [
    ['train', training, 1],
    ['t10k', test, 2],
  ] as const) {
    const { x, y } = syntheticDigits(count, seed)
    const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes)
    write(`${prefix}-images-idx3-ubyte.gz`, idx([count, 28, 28], x.data as Float32Array, 255))
    write(`${prefix}-labels-idx1-ubyte.gz`, idx([count], y.data as Uint8Array, 1))
  }
}
