import { type LabelledImages, mnist } from '../src/data/mnist.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { answer } from './remote.js'

/** Where digits come from. */
export type DataRequest =
  | { readonly kind: 'synthetic' }
  | { readonly kind: 'files'; readonly files: readonly File[] }
  | { readonly kind: 'address'; readonly address: string }

/** Pixels in [0, 1], 784 a digit, and a class for each. */
export interface Digits {
  readonly pixels: Float32Array
  readonly labels: Uint8Array
}

export interface DigitData {
  readonly train: Digits
  readonly validation: Digits
  readonly source: string
  readonly synthetic: boolean
}

/** The first `count` images. */
function first({ x, y }: LabelledImages, count: number): Digits {
  const images = Math.min(count, y.size)
  return {
    pixels: (x.data as Float32Array).slice(0, images * 784),
    labels: (y.data as Uint8Array).slice(0, images),
  }
}

const handlers = {
  async load(request: DataRequest, trainCount: number, validationCount: number): Promise<DigitData> {
    if (request.kind === 'synthetic') {
      const train = first(syntheticDigits(trainCount, 1), trainCount)
      const validation = first(syntheticDigits(validationCount, 2), validationCount)
      return { train, validation, source: 'synthetic digits', synthetic: true }
    }
    const { train, test, source, synthetic } = await (request.kind === 'files'
      ? mnist({ files: await contentOf(request.files) })
      : mnist({ address: request.address }))
    return { train: first(train, trainCount), validation: first(test, validationCount), source, synthetic }
  },
}

const contentOf = async (files: readonly File[]): Promise<Record<string, Uint8Array>> =>
  Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const)),
  )

export type DataHandlers = typeof handlers

answer(handlers, (value) => {
  const { train, validation } = value as DigitData
  return [train, validation].flatMap(({ pixels, labels }) => [pixels.buffer, labels.buffer] as ArrayBuffer[])
})
