import { RandomGenerator } from '../core/random.js'

/** What a function of `map` may know of the element. */
export interface MapContext {
  readonly epoch: number
  /** The element's place in the epoch. */
  readonly index: number
  /** Random numbers of this element: the same for the same seed, epoch and index. */
  readonly random: RandomGenerator
}

export const contextOf = (seed: number, epoch: number, index: number): MapContext => ({
  epoch,
  index,
  random: new RandomGenerator((seed + Math.imul(epoch, 0x9e3779b9)) >>> 0, index),
})
