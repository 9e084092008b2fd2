import { Draft, type RandomModel } from './draft.js'
import { type Drawings, elementwise } from './elementwise.js'
import { indexing } from './indexing.js'
import { movement } from './movement.js'
import { products } from './products.js'
import { quantized } from './quantized.js'
import { reductions } from './reductions.js'
import { sampling } from './sampling.js'
import { sequences } from './sequences.js'
import { windows } from './windows.js'

export type { Drawn, RandomModel } from './draft.js'

/** How nodes are drawn, by op. */
export const drawings: Drawings = {
  ...elementwise,
  ...movement,
  ...indexing,
  ...reductions,
  ...windows,
  ...products,
  ...sampling,
  ...sequences,
  ...quantized,
}

/** What pools, products and losses make of NaN and infinities follows from how they are computed: wild models have none. */
const gentle: Drawings = { ...elementwise, ...movement, ...indexing }

/** A model of one to five nodes that follows from `seed` alone; `op` is drawn first if it is given and in the model's opset. */
export function randomModel(seed: number, op?: string): RandomModel {
  const draft = new Draft(seed, op !== undefined && !Object.hasOwn(gentle, op))
  const names = Object.keys(draft.wild ? gentle : drawings)
  const count = draft.pick([1, 1, 2, 3, 4, 5])
  for (let tries = 0; draft.nodes.length < count && tries < 40; tries++) {
    const node = drawings[op && tries === 0 ? op : draft.pick(names)](draft)
    if (node) draft.append(node)
  }
  return draft.finish()
}
