import type { Tensor } from '../src/index.js'
import { byId, create } from './dom.js'
import type { Insight } from './network.js'

const gap = 1

/** The outputs of the convolutions, a canvas a layer with its maps side by side. */
export class FeatureMaps {
  readonly #place = byId('maps', HTMLElement)
  readonly #canvases = new Map<string, HTMLCanvasElement>()

  show({ maps }: Insight): void {
    if (maps.some(({ layer }) => !this.#canvases.has(layer)) || maps.length !== this.#canvases.size) this.#layOut(maps)
    for (const { layer, output } of maps) drawMaps(this.#canvases.get(layer)!, layer, output)
  }

  #layOut(maps: Insight['maps']): void {
    this.#canvases.clear()
    const figures = maps.map(({ layer, output: { dims } }) => {
      const canvas = create('canvas', { role: 'img' })
      this.#canvases.set(layer, canvas)
      const caption = `${layer}: ${dims[3]} maps of ${dims[1]} x ${dims[2]}`
      return create('figure', {}, create('figcaption', {}, caption), canvas)
    })
    this.#place.replaceChildren(...figures)
  }
}

/** Draws [1, height, width, filters], each map from black at its lowest to white at its highest value. */
function drawMaps(canvas: HTMLCanvasElement, layer: string, { dims, data }: Tensor): void {
  const [, height, width, filters] = dims
  const values = data as Float32Array
  const columns = filters > 20 && canvas.clientWidth > 600 ? 20 : 10
  canvas.width = columns * (width + gap) - gap
  canvas.height = Math.ceil(filters / columns) * (height + gap) - gap
  const context = canvas.getContext('2d')!
  let strongest = { filter: 0, sum: Number.NEGATIVE_INFINITY }
  for (let filter = 0; filter < filters; filter++) {
    let [low, high, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
    for (let i = filter; i < values.length; i += filters) {
      low = Math.min(low, values[i])
      high = Math.max(high, values[i])
      sum += values[i]
    }
    if (sum > strongest.sum) strongest = { filter, sum }
    const image = context.createImageData(width, height)
    const scale = high > low ? 255 / (high - low) : 0
    for (let pixel = 0; pixel < width * height; pixel++) {
      const light = (values[pixel * filters + filter] - low) * scale
      image.data.set([light, light, light, 255], pixel * 4)
    }
    context.putImageData(image, (filter % columns) * (width + gap), Math.floor(filter / columns) * (height + gap))
  }
  canvas.setAttribute(
    'aria-label',
    `${filters} feature maps of layer ${layer}, ${height} by ${width} each; map ${strongest.filter + 1} answers most strongly`,
  )
}
