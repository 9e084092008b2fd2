// A page that makes tensors of pictures that only pages have, and pictures of tensors.
import { Tensor } from '../../../src/ort.js'

export interface PicturesPage {
  /** What the tensors of one picture say when they are shown again, by how it was given: pixels of 0 to 255. */
  readonly shown: Readonly<Record<string, readonly number[]>>
  /** How many channels an image element's tensor has. */
  readonly channels: number
}

const [width, height] = [3, 2]

async function main(): Promise<PicturesPage> {
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d')!
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      context.fillStyle = `rgb(${x * 100}, ${y * 200}, ${50 + x * 10})`
      context.fillRect(x, y, 1, 1)
    }
  const tensor = await Tensor.fromImage(context.getImageData(0, 0, width, height))
  const address = tensor.toDataURL()
  const blob = await (await fetch(address)).blob()
  const element = new Image()
  element.src = address
  await element.decode()
  const sources = {
    'image data': context.getImageData(0, 0, width, height),
    'a canvas': canvas,
    'a bitmap': await createImageBitmap(blob),
    'an address': address,
    'an element': element,
  }
  const shown: Record<string, readonly number[]> = {}
  for (const [name, source] of Object.entries(sources))
    shown[name] = Array.from((await Tensor.fromImage(source)).toImageData().data)
  return { shown, channels: (await Tensor.fromImage(element)).dims[1] }
}

globalThis.result = main()
