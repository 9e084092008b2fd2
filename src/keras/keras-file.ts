import type { LoadKerasOptions } from './files/load.js'
import type { KerasSource } from './files/source.js'
import { modelFromJSON } from './json.js'
import { UnknownLayer } from './layers/registry.js'
import { loadLayers } from './load-layers.js'
import type { Model } from './model.js'

/** The model of a config; rarer layers are loaded where it has some. */
async function readModel(json: object): Promise<Model> {
  try {
    return modelFromJSON(json)
  } catch (error) {
    if (!(error instanceof UnknownLayer)) throw error
    await loadLayers()
    return modelFromJSON(json)
  }
}

/**
 * A model from a file of Keras or TensorFlow.js: .keras (Keras 3), a whole model in .h5 (Keras 2 and 3), or the folder or
 * model.json of a TensorFlow.js layers model; a path, a URL, bytes, a Blob, or files by name. What reads them is loaded on
 * first use. The model is compiled as the file says, and a .keras file's optimizer goes on where it was, unless `compile` is
 * false. Throws DATA_NOT_FOUND, IO_ERROR, INVALID_DATA, INVALID_MODEL, INVALID_ARGUMENT for layers that are not known.
 */
export async function loadKeras(source: KerasSource, options?: LoadKerasOptions): Promise<Model> {
  const { loadKeras } = await import('./files/load.js')
  return loadKeras(readModel, source, options)
}
