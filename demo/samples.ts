import { syntheticDigits } from '../src/data/synthetic.js'
import type { Digits } from './data-worker.js'

/** Digits drawn by the program to choose from while no data are loaded. */
const ready = { count: 60, seed: 7 }

/** The pixels of a digit of that class: of `digits`, else one that the program draws, the same each time. */
export function sampleOf(label: number, digits?: Digits): Float32Array {
  if (digits) {
    const places = Array.from(digits.labels.keys()).filter((place) => digits.labels[place] === label)
    const place = places[Math.floor(Math.random() * places.length)]
    if (place !== undefined) return digits.pixels.slice(place * 784, (place + 1) * 784)
  }
  const { x, y } = syntheticDigits(ready.count, ready.seed)
  const place = (y.data as Uint8Array).indexOf(label)
  return (x.data as Float32Array).slice(place * 784, (place + 1) * 784)
}
