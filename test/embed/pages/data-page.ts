// A page that reads pictures by its host's decoder, and has workers of its own prepare elements.
import { datasets } from '../../../src/index.js'

export interface DataPage {
  /** Pixels of the pictures, by class: red, green and blue from 0 to 255. */
  readonly pictures: readonly { readonly label: number; readonly pixels: readonly number[] }[]
  readonly classNames: readonly string[]
  /** What reading a file that is no picture says. */
  readonly damaged: string
  /** What workers made of 0 … 9, in the order in which it came. */
  readonly mapped: readonly (readonly number[])[]
  /** What a failing function in a worker says. */
  readonly failed: string
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: Error) => error.message,
  )

const files = (names: readonly string[]) =>
  names.map((name) => ({
    path: `pictures/${name}`,
    read: async () => new Uint8Array(await (await fetch(`/files/${name}`)).arrayBuffer()),
  }))

async function listOf<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const element of elements) list.push(element)
  return list
}

async function main(): Promise<DataPage> {
  const options = { imageSize: [16, 16], shuffle: false } as const
  const folder = await datasets.imageFolder(files(['bright/a.jpg', 'dark/b.png']), options)
  const pictures = (await listOf(folder.samples)).map(([image, label]) => ({
    label: label as number,
    pixels: image.toNumbers(),
  }))
  const broken = await datasets.imageFolder(files(['dark/broken.jpg']), options)
  const worker = new URL('map-worker.js', import.meta.url)
  const numbers = datasets.fromArrays(Float32Array.from({ length: 10 }, (_, i) => i))
  const mapped = await listOf(numbers.mapInWorkers<number[]>(worker, { workers: 2, seed: 3 }))
  const failing = datasets.fromArrays(Float32Array.of(1, -1)).mapInWorkers(worker, { workers: 1 })
  return {
    pictures,
    classNames: folder.classNames,
    damaged: await messageOf(listOf(broken.samples)),
    mapped,
    failed: await messageOf(listOf(failing)),
  }
}

globalThis.result = main()
