import { type GradientRule, type GradientRules, packRules } from '../rule.js'
import { activationRules } from './activations.js'
import { convRules } from './conv.js'
import { elementwiseRules } from './elementwise.js'
import { matMulRules } from './matmul.js'
import { movementRules } from './movement.js'
import { poolRules } from './pool.js'
import { randomRules } from './random.js'
import { reductionRules } from './reduction.js'
import { softmaxRules } from './softmax.js'
import { viewRules } from './views.js'

/** For the ops of the core and of the pack `training`. */
export const coreRules: GradientRules = {
  ...activationRules,
  ...elementwiseRules,
  ...reductionRules,
  ...softmaxRules,
  ...matMulRules,
  ...convRules,
  ...poolRules,
  ...viewRules,
  ...movementRules,
  ...randomRules,
}

/** The gradient rule of `op`, if it is loaded and has one. */
export const ruleOf = (op: string): GradientRule | undefined => coreRules[op] ?? packRules[op]
