import { addLayers } from './layers/registry.js'
import { loadParts } from './parts.js'

type RareLayers = typeof import('./layers/rare.js')

/**
 * Loads Keras's rarer layers (spectrograms, adaptive pooling, Pipeline, ReversibleEmbedding, most changes of images at random), which come as
 * a chunk of their own, and what writes the nodes of others: gives the functions that make them, and makes them known to `modelFromJSON`. `loadKeras` does so
 * by itself.
 */
export async function loadLayers(): Promise<RareLayers> {
  const [rare] = await Promise.all([import('./layers/rare.js'), loadParts()])
  addLayers(rare)
  return rare
}
