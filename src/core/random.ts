import { LanewiseError } from './errors.js'

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

/** The high 32 bits, as a signed number, of the product of a and b as unsigned ones. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0
  const cross = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0
}

/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four 32-bit words for a
 * counter of four words and a key of two, written to `out`.
 */
export function philox(
  counter: ArrayLike<number>,
  key: ArrayLike<number>,
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  // Signed 32-bit words: larger numbers would take memory of their own.
  let c0 = counter[0] | 0
  let c1 = counter[1] | 0
  let c2 = counter[2] | 0
  let c3 = counter[3] | 0
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(c0, M0)
    const high1 = multiplyHigh(c2, M1)
    const low0 = Math.imul(c0, M0)
    const low1 = Math.imul(c2, M1)
    c0 = high1 ^ c1 ^ k0
    c2 = high0 ^ c3 ^ k1
    c1 = low1
    c3 = low0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
  return out
}

/** A random word as a float32 in [0, 1): its high 24 bits. */
const toUniform = (word: number): number => (word >>> 8) * 2 ** -24

/** The seed of an op of ONNX, which is a float32, as a generator's: its bits. */
export const seedOfFloat = (seed: number): number => new Uint32Array(Float32Array.of(seed).buffer)[0]

/**
 * What lanewise.RandomUniform draws: `size` numbers in [0, 1) with key (seed, stream); element i is word i & 3 of
 * the counter (i >> 2, step, 0, 0). The wasm kernels give the same bits.
 */
export function uniforms(size: number, seed: number, stream: number, step: number): Float32Array {
  const result = new Float32Array(size)
  const words = new Uint32Array(4)
  for (let i = 0; i < size; i++) {
    if ((i & 3) === 0) philox([i >>> 2, step, 0, 0], [seed, stream], words)
    result[i] = toUniform(words[i & 3])
  }
  return result
}

/**
 * A seeded sequence of random numbers for initializers and shuffling: Philox words of the counters 0, 1, 2 … under
 * the key (seed, stream). Equal seeds give equal sequences on every machine.
 */
export class RandomGenerator {
  readonly #key: readonly [number, number]
  readonly #counter = [0, 0, 0, 0]
  readonly #words = new Uint32Array(4)
  #used = 4
  #spare: number | undefined

  constructor(seed: number, stream = 0) {
    this.#key = [seed, stream]
  }

  /** The next 32 random bits. */
  uint32(): number {
    return this.#int32() >>> 0
  }

  #int32(): number {
    if (this.#used === 4) {
      philox(this.#counter, this.#key, this.#words)
      this.#counter[0] = (this.#counter[0] + 1) | 0
      if (this.#counter[0] === 0) this.#counter[1]++
      this.#used = 0
    }
    return this.#words[this.#used++] | 0
  }

  /** Uniform in [low, high); 24 random bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * toUniform(this.uint32())
  }

  /** Normally distributed (Box and Muller, 1958). */
  normal(mean = 0, deviation = 1): number {
    let z = this.#spare
    this.#spare = undefined
    if (z === undefined) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
      const angle = 2 * Math.PI * this.uniform()
      z = radius * Math.cos(angle)
      this.#spare = radius * Math.sin(angle)
    }
    return mean + deviation * z
  }

  /** Normally distributed, drawn anew while further than two deviations from the mean. */
  truncatedNormal(mean = 0, deviation = 1): number {
    let z = this.normal()
    while (Math.abs(z) > 2) z = this.normal()
    return mean + deviation * z
  }

  /** An integer in [0, n), each equally likely; n is at most 2^32. Throws INVALID_ARGUMENT. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new LanewiseError('INVALID_ARGUMENT', `a random integer needs a bound from 1 to 2^32, got ${n}`)
    return n === 2 ** 32 ? this.uint32() : this.#below(n >>> 0)
  }

  /** `integer`, for n below 2^32, in unsigned integers only. */
  #below(n: number): number {
    let word = this.#int32() >>> 0
    // Words from the last multiple of n on are drawn anew; it lies among the last n words.
    if (word > 0xffffffff - n) {
      const last = 2 ** 32 - (2 ** 32 % n)
      while (word >= last) word = this.#int32() >>> 0
    }
    return word % n
  }

  /** The numbers 0 … n - 1 in random order (Fisher and Yates). */
  permutation(n: number): Int32Array {
    const order = new Int32Array(n)
    for (let i = 0; i < n; i++) order[i] = i
    for (let i = n - 1; i > 0; i--) {
      const j = this.#below(i + 1)
      const swapped = order[i]
      order[i] = order[j]
      order[j] = swapped
    }
    return order
  }
}
