import { LanewiseError } from './errors.js'
import { RandomGenerator } from './random.js'

const entropy = (): number => crypto.getRandomValues(new Uint32Array(1))[0]

let generator: RandomGenerator | undefined

/** Makes initial weights, shuffling and dropout of everything created from now on reproducible; of `seed`, a whole number, 32 bits count. Throws INVALID_ARGUMENT. */
export function setRandomSeed(seed: number): void {
  if (!Number.isInteger(seed)) throw new LanewiseError('INVALID_ARGUMENT', `a seed is a whole number, got ${seed}`)
  generator = new RandomGenerator(seed >>> 0)
}

/** The next 32-bit seed of the sequence that `setRandomSeed` started; the sequence starts at random if it was not called. */
export function nextSeed(): number {
  generator ??= new RandomGenerator(entropy())
  return generator.uint32()
}
