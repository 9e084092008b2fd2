import { addLayers } from './layers/registry.js'

type RareLayers = typeof import('./layers/rare.js')

/**
 * Loads Keras's rarer layers (spectrograms, adaptive pooling, Pipeline, most changes of images at random), which come as
 * a chunk of their own: gives the functions that make them, and makes them known to `modelFromJSON`. `loadKeras` does so
 * by itself.
 */
export async function loadLayers(): Promise<RareLayers> {
  const rare = await import('./layers/rare.js')
  addLayers(rare)
  return rare
}
