/** What options of lion are unless given. */
export const lionDefaults = { beta1: 0.9, beta2: 0.99 }

/** What options of adadelta are unless given. */
export const adadeltaDefaults = { rho: 0.95, epsilon: 1e-7 }

/** What options of ftrl are unless given. */
export const ftrlDefaults = {
  learningRatePower: -0.5,
  initialAccumulatorValue: 0.1,
  l1RegularizationStrength: 0,
  l2RegularizationStrength: 0,
  l2ShrinkageRegularizationStrength: 0,
  beta: 0,
}

/** What options of adafactor are unless given. */
export const adafactorDefaults = {
  beta2Decay: -0.8,
  epsilon1: 1e-30,
  epsilon2: 1e-3,
  clipThreshold: 1,
  relativeStep: true,
}
