import { otherTypes } from '../../src/backend/wasm/lower/other-types.js'
import { volumes } from '../../src/backend/wasm/lower/over-volumes.js'
import { loadParts } from '../../src/keras/parts.js'
import { loadFunctionBodies } from '../../src/onnx/functions.js'
import { loadAdapters, loadContribWriters } from '../../src/onnx/opsets/index.js'
import { halves } from '../../src/optimise/index.js'
import { loadOperators } from '../../src/packs/index.js'

/** Loads all that sessions and models load by need, for tests that write or import graphs themselves. */
export async function loadEverything(): Promise<void> {
  await Promise.all([
    loadOperators(),
    loadContribWriters(),
    loadAdapters(),
    loadFunctionBodies(),
    loadParts(),
    halves.load(),
    volumes.load(),
    otherTypes.load(),
  ])
}
