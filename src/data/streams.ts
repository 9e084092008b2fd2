import { RandomGenerator } from '../core/random.js'
import { type Stacked, stack } from './stack.js'

export { mapAhead, readAhead } from './ahead.js'
export { contextOf } from './map-context.js'

/** What a method of Dataset makes of the elements of an epoch, as they come. */
type Stream<T> = AsyncGenerator<T, void, undefined>

export async function* filter<T>(
  elements: AsyncIterable<T>,
  test: (element: T) => boolean | Promise<boolean>,
): Stream<T> {
  for await (const element of elements) if (await test(element)) yield element
}

export async function* batch<T>(elements: AsyncIterable<T>, size: number, dropRemainder: boolean): Stream<Stacked<T>> {
  let waiting: T[] = []
  for await (const element of elements) {
    waiting.push(element)
    if (waiting.length < size) continue
    yield stack(waiting)
    waiting = []
  }
  if (waiting.length > 0 && !dropRemainder) yield stack(waiting)
}

export async function* shuffle<T>(
  elements: AsyncIterable<T>,
  bufferSize: number,
  seed: number,
  epoch: number,
): Stream<T> {
  const random = new RandomGenerator(seed, epoch)
  const buffer: T[] = []
  for await (const element of elements) {
    if (buffer.length < bufferSize) {
      buffer.push(element)
      continue
    }
    const drawn = random.integer(bufferSize)
    yield buffer[drawn]
    buffer[drawn] = element
  }
  while (buffer.length > 0) {
    const drawn = random.integer(buffer.length)
    yield buffer[drawn]
    const last = buffer.pop()!
    if (drawn < buffer.length) buffer[drawn] = last
  }
}

/** `count` epochs from `first` on, until one is empty. */
export async function* repeat<T>(source: (epoch: number) => AsyncIterable<T>, first: number, count: number): Stream<T> {
  for (let round = 0; round < count; round++) {
    let some = false
    for await (const element of source(first + round)) {
      some = true
      yield element
    }
    if (!some) return
  }
}

export async function* take<T>(elements: AsyncIterable<T>, count: number): Stream<T> {
  if (count === 0) return
  let left = count
  for await (const element of elements) {
    yield element
    if (--left === 0) return
  }
}

export async function* skip<T>(elements: AsyncIterable<T>, count: number): Stream<T> {
  let left = count
  for await (const element of elements) {
    if (left > 0) left--
    else yield element
  }
}
