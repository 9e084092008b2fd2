import { loadParts } from '../../src/keras/parts.js'
import { loadFunctionBodies } from '../../src/onnx/functions.js'
import { loadAdapters, loadContribWriters } from '../../src/onnx/opsets/index.js'
import { loadOperators } from '../../src/packs/index.js'

/** Loads all that sessions and models load by need, for tests that write or import graphs themselves. */
export async function loadEverything(): Promise<void> {
  await Promise.all([loadOperators(), loadContribWriters(), loadAdapters(), loadFunctionBodies(), loadParts()])
}
