import { addLayers, rareOperations } from './layers/registry.js'
import { loadParts } from './parts.js'

type RareLayers = typeof import('./layers/rare.js')

/**
 * Loads Keras's rarer layers (spectrograms, adaptive pooling, Pipeline, ReversibleEmbedding, most changes of images at
 * random) and operations, which come as chunks of their own, and what writes the nodes of others: gives the functions that
 * make the layers, and makes all known to `modelFromJSON`. `loadKeras` does so by itself.
 */
export async function loadLayers(): Promise<RareLayers> {
  const [rare, { operations }] = await Promise.all([
    import('./layers/rare.js'),
    import('./layers/rare-operations.js'),
    loadParts(),
  ])
  addLayers(rare)
  for (const [name, operation] of Object.entries(operations)) rareOperations.set(name, operation)
  return rare
}
