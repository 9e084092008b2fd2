/**
 * Hashes of bytes to 64 bits, as TensorFlow's: FarmHash's Fingerprint64 (github.com/google/farmhash, the namespace
 * farmhashna), and SipHash-2-4 (Aumasson and Bernstein, 2012).
 */

const bits = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotateRight = (value: bigint, by: bigint): bigint => bits((value >> by) | (value << (64n - by)))
const rotateLeft = (value: bigint, by: bigint): bigint => rotateRight(value, 64n - by)
const shiftMix = (value: bigint): bigint => value ^ (value >> 47n)

/** Primes of more than 2^63. */
const k0 = 0xc3a5c85c97cb3127n
const k1 = 0xb492b66fbe98f273n
const k2 = 0x9ae16a3b2f90404fn

function hash16(u: bigint, v: bigint, factor: bigint): bigint {
  const a = shiftMix(bits((u ^ v) * factor))
  return bits(shiftMix(bits((v ^ a) * factor)) * factor)
}

type Pair = readonly [bigint, bigint]

/** 64 bits of each 32 bytes, with two seeds. */
function weak32(word: (at: number) => bigint, at: number, seedA: bigint, seedB: bigint): Pair {
  const [w, x, y, z] = [0, 8, 16, 24].map((offset) => word(at + offset))
  const a = bits(seedA + w)
  const sum = bits(a + x + y)
  return [bits(sum + z), bits(rotateRight(bits(seedB + a + z), 21n) + rotateRight(sum, 44n) + a)]
}

/** FarmHash's fingerprint of `bytes`. */
export function fingerprint64(bytes: Uint8Array): bigint {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const word = (at: number) => view.getBigUint64(at, true)
  const half = (at: number) => BigInt(view.getUint32(at, true))
  const size = BigInt(length)
  const factor = bits(k2 + 2n * size)
  if (length === 0) return k2
  if (length < 4) {
    const low = BigInt(bytes[0] + (bytes[length >> 1] << 8))
    const high = size + BigInt(bytes[length - 1] << 2)
    return bits(shiftMix(bits(low * k2) ^ bits(high * k0)) * k2)
  }
  if (length < 8) return hash16(size + (half(0) << 3n), half(length - 4), factor)
  if (length <= 16) {
    const a = bits(word(0) + k2)
    const b = word(length - 8)
    const c = bits(rotateRight(b, 37n) * factor + a)
    return hash16(c, bits((rotateRight(a, 25n) + b) * factor), factor)
  }
  if (length <= 64) return upTo64(word, length, factor)
  return above64(word, length)
}

function upTo64(word: (at: number) => bigint, length: number, factor: bigint): bigint {
  const isLong = length > 32
  const a = bits(word(0) * (isLong ? k2 : k1))
  const b = word(8)
  const c = bits(word(length - 8) * factor)
  const d = bits(word(length - 16) * k2)
  const y = bits(rotateRight(bits(a + b), 43n) + rotateRight(c, 30n) + d)
  const z = hash16(y, bits(a + rotateRight(bits(b + k2), 18n) + c), factor)
  if (!isLong) return z
  const e = bits(word(16) * factor)
  const f = word(24)
  const g = bits((y + word(length - 32)) * factor)
  const h = bits((z + word(length - 24)) * factor)
  const first = bits(rotateRight(bits(e + f), 43n) + rotateRight(g, 30n) + h)
  return hash16(first, bits(e + rotateRight(bits(f + a), 18n) + g), factor)
}

function above64(word: (at: number) => bigint, length: number): bigint {
  const seed = 81n
  let y = bits(seed * k1 + 113n)
  let z = bits(shiftMix(bits(y * k2 + 113n)) * k2)
  let x = bits(seed * k2 + word(0))
  let [v, w]: [Pair, Pair] = [
    [0n, 0n],
    [0n, 0n],
  ]
  /** One block of 64 bytes. */
  const mix = (at: number, factor: bigint, share: bigint) => {
    x = bits(rotateRight(bits(x + y + v[0] + word(at + 8)), 37n) * factor)
    y = bits(rotateRight(bits(y + v[1] + word(at + 48)), 42n) * factor)
    x ^= bits(w[1] * share)
    y = bits(y + v[0] * share + word(at + 40))
    z = bits(rotateRight(bits(z + w[0]), 33n) * factor)
    v = weak32(word, at, bits(v[1] * factor), bits(x + w[0]))
    w = weak32(word, at + 32, bits(z + w[1]), bits(y + word(at + 16)))
    ;[x, z] = [z, x]
  }
  const rest = (length - 1) & 63
  for (let at = 0; at < length - 1 - rest; at += 64) mix(at, k1, 1n)
  const factor = bits(k1 + ((z & 0xffn) << 1n))
  w = [bits(w[0] + BigInt(rest)), w[1]]
  v = [bits(v[0] + w[0]), v[1]]
  w = [bits(w[0] + v[0]), w[1]]
  mix(length - 64, factor, 9n)
  return hash16(bits(hash16(v[0], w[0], factor) + shiftMix(y) * k0 + z), bits(hash16(v[1], w[1], factor) + x), factor)
}

/** TensorFlow's fingerprint of two that follow each other. */
export function fingerprintOfPair(first: bigint, second: bigint): bigint {
  const factor = 0xc6a4a7935bd1e995n
  const mixed = first ^ factor ^ bits(shiftMix(bits(second * factor)) * factor)
  return shiftMix(bits(shiftMix(bits(mixed * factor)) * factor))
}

/** SipHash-2-4 of `bytes` under a key of two words. */
export function sipHash64(bytes: Uint8Array, key: readonly [bigint, bigint]): bigint {
  const [low, high] = key.map(bits)
  let [v0, v1, v2, v3] = [
    low ^ 0x736f6d6570736575n,
    high ^ 0x646f72616e646f6dn,
    low ^ 0x6c7967656e657261n,
    high ^ 0x7465646279746573n,
  ]
  const round = () => {
    v0 = bits(v0 + v1)
    v1 = rotateLeft(v1, 13n) ^ v0
    v0 = rotateLeft(v0, 32n)
    v2 = bits(v2 + v3)
    v3 = rotateLeft(v3, 16n) ^ v2
    v0 = bits(v0 + v3)
    v3 = rotateLeft(v3, 21n) ^ v0
    v2 = bits(v2 + v1)
    v1 = rotateLeft(v1, 17n) ^ v2
    v2 = rotateLeft(v2, 32n)
  }
  const blocks = (bytes.length >> 3) + 1
  const padded = new Uint8Array(8 * blocks)
  padded.set(bytes)
  padded[padded.length - 1] = bytes.length
  const view = new DataView(padded.buffer)
  for (let block = 0; block < blocks; block++) {
    const word = view.getBigUint64(8 * block, true)
    v3 ^= word
    round()
    round()
    v0 ^= word
  }
  v2 ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v0 ^ v1 ^ v2 ^ v3
}

const encoder = new TextEncoder()

/** The text of a token: integers in decimal digits. */
const bytesOf = (token: string | bigint | number): Uint8Array => encoder.encode(String(token))

/** TensorFlow's bucket of a token among `buckets`: by FarmHash, or by SipHash where there is a salt of two integers. */
export function hashBucket(token: string | bigint | number, buckets: number, salt?: readonly number[] | null): number {
  const bytes = bytesOf(token)
  const hash = salt ? sipHash64(bytes, [BigInt(salt[0]), BigInt(salt[1])]) : fingerprint64(bytes)
  return Number(hash % BigInt(buckets))
}

/** TensorFlow's bucket of several tokens together: texts count by their fingerprints, integers by themselves. */
export function crossBucket(tokens: readonly (string | bigint | number)[], buckets: number): number {
  let hash = 0xdecafcaffen
  for (const token of tokens)
    hash = fingerprintOfPair(hash, typeof token === 'string' ? fingerprint64(bytesOf(token)) : bits(BigInt(token)))
  return Number(hash % BigInt(buckets))
}
