import { RandomGenerator } from './random.js'

const entropy = (): number => crypto.getRandomValues(new Uint32Array(1))[0]

let generator: RandomGenerator | undefined

/** Makes initial weights, shuffling and dropout of everything created from now on reproducible. `seed` is a 32-bit integer. */
export function setRandomSeed(seed: number): void {
  generator = new RandomGenerator(seed >>> 0)
}

/** The next 32-bit seed of the sequence that `setRandomSeed` started; the sequence starts at random if it was not called. */
export function nextSeed(): number {
  generator ??= new RandomGenerator(entropy())
  return generator.uint32()
}
