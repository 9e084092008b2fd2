import type { ConstantOf, Node } from '../../../core/ir.js'
import { isConcrete } from '../../../core/shape.js'
import { elementTypeOf } from '../elements.js'
import { binaryLowerings } from './binary.js'
import { castLowerings } from './cast.js'
import { convLowerings } from './conv.js'
import { elementwiseLowerings } from './elementwise.js'
import { forestLowerings } from './forest.js'
import { indexingLowerings } from './indexing.js'
import { labelLowerings } from './labels.js'
import type { Lowering } from './lowering.js'
import { matMulLowerings } from './matmul.js'
import { movementLowerings } from './movement.js'
import { normLowerings } from './norm.js'
import { optimizerLowerings } from './optimizer.js'
import { poolLowerings } from './pool.js'
import { quantizeLowerings } from './quantize.js'
import { quantizedProductLowerings } from './quantized-products.js'
import { randomLowerings } from './random.js'
import { recurrentLowerings } from './recurrent.js'
import { recurrentGradientLowerings } from './recurrent-gradients.js'
import { reduceLowerings } from './reduce.js'
import { regionLowerings } from './regions.js'
import { resampleLowerings } from './resample.js'
import { selectionLowerings } from './selection.js'
import { signalLowerings } from './signal.js'
import { softmaxLowerings } from './softmax.js'
import { svmLowerings } from './svm.js'

/** How ops become dispatches, by op name. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  ...elementwiseLowerings,
  ...castLowerings,
  ...signalLowerings,
  ...regionLowerings,
  ...binaryLowerings,
  ...reduceLowerings,
  ...softmaxLowerings,
  ...matMulLowerings,
  ...convLowerings,
  ...poolLowerings,
  ...movementLowerings,
  ...indexingLowerings,
  ...selectionLowerings,
  ...normLowerings,
  ...quantizeLowerings,
  ...quantizedProductLowerings,
  ...recurrentLowerings,
  ...recurrentGradientLowerings,
  ...resampleLowerings,
  ...forestLowerings,
  ...svmLowerings,
  ...labelLowerings,
  ...randomLowerings,
  ...optimizerLowerings,
}

/** Whether a kernel takes `node`. */
export function accelerates(node: Node, constant: ConstantOf): boolean {
  const lowering = Object.hasOwn(lowerings, node.op) ? lowerings[node.op] : undefined
  if (lowering === undefined) return false
  const held = [...node.inputs, ...node.outputs].every(
    (value) => value === undefined || (elementTypeOf(value.dtype) !== undefined && isConcrete(value.shape)),
  )
  return held && (lowering.accelerates?.(node, constant) ?? true)
}
