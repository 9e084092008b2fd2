import { LanewiseError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import type { AttributeSchema, InferenceContext, OpDefinition } from './definition.js'
import { required, requireFloat, sameDType } from './infer.js'

const float = (value: number): AttributeSchema => ({ type: 'float', default: value })

/** An update of a weight and its `slots`: (w, g, ...slots, rate) -> (w', ...slots'); all but the scalar rate have one shape. */
const update = (slots: number, attributes: Readonly<Record<string, AttributeSchema>>) =>
  ({
    since: 1,
    inputs: [slots + 3, slots + 3],
    outputs: [slots + 1, slots + 1],
    attributes,
    traits: { updates: [0, ...Array.from({ length: slots }, (_, slot) => slot + 2)] },
    infer: (context: InferenceContext) => {
      const types = Array.from({ length: slots + 3 }, (_, index) => requireFloat(required(context, index)))
      sameDType(types)
      const rate = types.pop()!
      const wrong = types.find((type) => !sameShape(type.shape, types[0].shape))
      if (wrong)
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `the weight has the shape ${formatShape(types[0].shape)}, its gradient or a slot ${formatShape(wrong.shape)}`,
        )
      if (rate.shape.length !== 0)
        throw new LanewiseError('SHAPE_MISMATCH', `the learning rate must be a scalar, got ${formatShape(rate.shape)}`)
      return [types[0], ...types.slice(2)]
    },
    gradientUnknown: true,
  }) as const satisfies OpDefinition

/** Optimizer steps, by the formulas of Keras 3. */
export const optimizerUpdates = {
  /** (w, g, learning_rate) -> w - lr g. */
  'lanewise.SgdUpdate': update(0, {}),
  /** (w, g, m, learning_rate) -> w', m': m' = momentum m - lr g; w' = w + m', or w + momentum m' - lr g with `nesterov` 1. */
  'lanewise.MomentumUpdate': update(1, { momentum: float(0.9), nesterov: { type: 'int', default: 0 } }),
  /**
   * (w, g, m, v, alpha) -> w', m', v': m' = m + (1 - beta_1)(g - m); v' = v + (1 - beta_2)(g^2 - v);
   * w' = w - alpha m' / (sqrt(v') + epsilon), alpha = lr sqrt(1 - beta_2^t) / (1 - beta_1^t).
   */
  'lanewise.AdamUpdate': update(2, { beta_1: float(0.9), beta_2: float(0.999), epsilon: float(1e-7) }),
  /** (w, g, v, learning_rate) -> w', v': v' = rho v + (1 - rho) g^2; w' = w - lr g / sqrt(v' + epsilon). */
  'lanewise.RmspropUpdate': update(1, { rho: float(0.9), epsilon: float(1e-7) }),
  /** (w, g, a, learning_rate) -> w', a': a' = a + g^2; w' = w - lr g / sqrt(a' + epsilon). */
  'lanewise.AdagradUpdate': update(1, { epsilon: float(1e-7) }),
} as const satisfies Record<string, OpDefinition>
