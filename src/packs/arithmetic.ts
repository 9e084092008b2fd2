import { trigonometryRules } from '../autodiff/rules/trigonometry.js'
import { bitwiseKernels } from '../backend/reference/bitwise.js'
import { trigonometryKernels } from '../backend/reference/trigonometry.js'
import { bitwise } from '../ops/bitwise.js'
import { losses } from '../ops/losses.js'
import { trigonometry } from '../ops/trigonometry.js'
import { definePack } from './pack.js'

/** Rare functions: trigonometry, bits, ONNX's losses. */
export const pack = definePack({
  operators: { ...trigonometry, ...bitwise, ...losses },
  kernels: { ...trigonometryKernels, ...bitwiseKernels },
  gradients: trigonometryRules,
})
