import { binaryLowerings } from '../../src/backend/wasm/lower/binary.js'
import { convLowerings } from '../../src/backend/wasm/lower/conv.js'
import { elementwiseLowerings } from '../../src/backend/wasm/lower/elementwise.js'
import type { Lowering } from '../../src/backend/wasm/lower/lowering.js'
import { matMulLowerings } from '../../src/backend/wasm/lower/matmul.js'
import { movementLowerings } from '../../src/backend/wasm/lower/movement.js'
import { optimizerLowerings } from '../../src/backend/wasm/lower/optimizer.js'
import { poolLowerings } from '../../src/backend/wasm/lower/pool.js'
import { randomLowerings } from '../../src/backend/wasm/lower/random.js'
import { reduceLowerings } from '../../src/backend/wasm/lower/reduce.js'
import { softmaxLowerings } from '../../src/backend/wasm/lower/softmax.js'

/** Every lowering, by op name. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  ...binaryLowerings,
  ...elementwiseLowerings,
  ...movementLowerings,
  ...poolLowerings,
  ...matMulLowerings,
  ...convLowerings,
  ...optimizerLowerings,
  ...randomLowerings,
  ...reduceLowerings,
  ...softmaxLowerings,
}
