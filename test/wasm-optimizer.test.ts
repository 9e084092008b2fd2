import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { optimizerLowerings } from '../src/backend/wasm/lower/optimizer.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { builds, runLowering } from './support/kernels.js'

type Rule = (w: number, g: number, slots: number[], rate: number) => number[]

/** The update rules of Keras 3 in float64: new weight, then new slots. */
const cases: Record<
  keyof typeof optimizerLowerings,
  { slots: number; variants: { attributes: object; rule: Rule }[] }
> = {
  'lanewise.SgdUpdate': { slots: 0, variants: [{ attributes: {}, rule: (w, g, _, rate) => [w - rate * g] }] },
  'lanewise.MomentumUpdate': {
    slots: 1,
    variants: [0, 1].map((nesterov) => ({
      attributes: { momentum: 0.9, nesterov },
      rule: (w, g, [m], rate) => {
        const velocity = 0.9 * m - rate * g
        return [w + (nesterov ? 0.9 * velocity - rate * g : velocity), velocity]
      },
    })),
  },
  'lanewise.AdamUpdate': {
    slots: 2,
    variants: [
      {
        attributes: { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 },
        rule: (w, g, [m, v], alpha) => {
          const newM = m + (g - m) * (1 - 0.9)
          const newV = v + (g * g - v) * (1 - 0.999)
          return [w - (newM * alpha) / (Math.sqrt(newV) + 1e-7), newM, newV]
        },
      },
    ],
  },
  'lanewise.RmspropUpdate': {
    slots: 1,
    variants: [
      {
        attributes: { rho: 0.9, epsilon: 1e-7 },
        rule: (w, g, [v], rate) => {
          const newV = 0.9 * v + (1 - 0.9) * g * g
          return [w - (rate * g) / Math.sqrt(newV + 1e-7), newV]
        },
      },
    ],
  },
  'lanewise.AdagradUpdate': {
    slots: 1,
    variants: [
      {
        attributes: { epsilon: 1e-7 },
        rule: (w, g, [a], rate) => [w - (rate * g) / Math.sqrt(a + g * g + 1e-7), a + g * g],
      },
    ],
  },
}

for (const [op, { slots, variants }] of Object.entries(cases))
  test(`${op} follows its formula, in place and not`, () => {
    const random = new RandomGenerator(4)
    for (const { attributes, rule } of variants)
      for (const build of builds)
        for (const size of [1, 3, 5, 7, 17, 33, 20001])
          for (const inPlace of [false, true]) {
            const fill = (low: number) => Float32Array.from({ length: size }, () => random.uniform(low, 1))
            const w = fill(-1)
            const g = fill(-1)
            const state = Array.from({ length: slots }, () => fill(0))
            const rate = Math.fround(0.05)
            const outputs = runLowering(optimizerLowerings[op as keyof typeof cases], op, {
              inputs: [...[w, g, ...state].map((data) => new Tensor(data)), Tensor.scalar(rate)],
              outputs: [w, ...state].map(() => ({ dtype: 'float32', shape: [size] })),
              attributes: { ...attributes },
              inPlace: inPlace ? [0, 2, 3] : [],
              build,
            }).map((output) => output.toNumbers())
            for (let i = 0; i < size; i++) {
              const expected = rule(
                w[i],
                g[i],
                state.map((slot) => slot[i]),
                rate,
              )
              expected.forEach((value, k) => {
                assert.ok(
                  Math.abs(outputs[k][i] - value) <= 1e-6 + 1e-5 * Math.abs(value),
                  `${op} size ${size} output ${k}[${i}]: ${outputs[k][i]} instead of ${value}`,
                )
              })
            }
          }
  })

test.run()
