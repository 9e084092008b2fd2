import type { ConstantOf, Node } from '../../../core/ir.js'
import { convLowerings } from './conv.js'
import { elementwiseLowerings } from './elementwise.js'
import type { Lowering } from './lowering.js'
import { matMulLowerings } from './matmul.js'
import { movementLowerings } from './movement.js'
import { isOfOtherTypes, otherTypes } from './other-types.js'
import { poolLowerings } from './pool.js'
import { pooledConvLowerings } from './pooled-conv.js'
import { reduceLowerings } from './reduce.js'
import { softmaxLowerings } from './softmax.js'

/** How the ops that are loaded become kernel calls, by op name; `src/packs` adds to them. What is missing runs in the reference backend. */
export const lowerings: Record<string, Lowering> = {
  ...elementwiseLowerings,
  ...reduceLowerings,
  ...softmaxLowerings,
  ...matMulLowerings,
  ...convLowerings,
  ...poolLowerings,
  ...pooledConvLowerings,
  ...movementLowerings,
}

/** What makes kernel calls of `node`; undefined where it runs in the reference backend. Throws NotLoaded for what comes by need. */
export function loweringOf(node: Node, constant: ConstantOf): Lowering | undefined {
  const among = (table: Readonly<Record<string, Lowering>>): Lowering | undefined => {
    const lowering = Object.hasOwn(table, node.op) ? table[node.op] : undefined
    return (lowering?.accelerates?.(node, constant) ?? true) ? lowering : undefined
  }
  return among(lowerings) ?? (isOfOtherTypes(node) ? among(otherTypes()) : undefined)
}
