import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { elementwiseLowerings } from '../src/backend/wasm/lower/elementwise.js'
import { Tensor } from '../src/core/tensor.js'
import { builds, runLowering } from './support/kernels.js'

/** erf in float64: its series below 3, the continued fraction of erfc above (Abramowitz and Stegun, 7.1.5 and 7.1.14). */
function erf(x: number): number {
  const t = Math.abs(x)
  let result: number
  if (t < 3) {
    let sum = 0
    let term = t
    for (let n = 0; n < 80; n++) {
      sum += term / (2 * n + 1)
      term *= (-t * t) / (n + 1)
    }
    result = (2 / Math.sqrt(Math.PI)) * sum
  } else {
    let fraction = 0
    for (let k = 60; k > 0; k--) fraction = k / 2 / (t + fraction)
    result = 1 - Math.exp(-t * t) / (Math.sqrt(Math.PI) * (t + fraction))
  }
  return x < 0 ? -result : result
}

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

type Op = keyof typeof elementwiseLowerings
interface Bound {
  readonly op: Op
  readonly exact: (x: number) => number
  /** Largest relative error; where the exact result is subnormal, the largest error in units of the smallest subnormal. */
  readonly relative: number
  readonly ranges: readonly (readonly [number, number])[]
}

const bounds: readonly Bound[] = [
  {
    op: 'Exp',
    exact: Math.exp,
    relative: 2e-7,
    ranges: [
      [-110, 90],
      [-1, 1],
      [-1e-3, 1e-3],
    ],
  },
  {
    op: 'Log',
    exact: Math.log,
    relative: 2e-7,
    ranges: [
      [0, 1e-37],
      [0, 2],
      [0.9, 1.1],
      [1, 1e4],
      [1e30, 3e38],
    ],
  },
  {
    op: 'Tanh',
    exact: Math.tanh,
    relative: 5e-7,
    ranges: [
      [-20, 20],
      [-1, 1],
      [-1e-3, 1e-3],
      [-1e-20, 1e-20],
    ],
  },
  {
    op: 'Sigmoid',
    exact: (x) => 1 / (1 + Math.exp(-x)),
    relative: 4e-7,
    ranges: [
      [-110, 110],
      [-5, 5],
    ],
  },
  {
    op: 'Swish',
    exact: (x) => x / (1 + Math.exp(-x)),
    relative: 5e-7,
    ranges: [
      [-88.3, 100],
      [-5, 5],
      [-1e-3, 1e-3],
    ],
  },
  {
    op: 'Erf',
    exact: erf,
    relative: 3e-7,
    ranges: [
      [-6, 6],
      [-1.1, 1.1],
      [-1e-3, 1e-3],
      [-1e-20, 1e-20],
    ],
  },
  {
    op: 'Softplus',
    exact: softplus,
    relative: 6e-7,
    ranges: [
      [-110, 110],
      [-5, 5],
      [-20, 0],
    ],
  },
  {
    op: 'Elu',
    exact: (x) => (x < 0 ? Math.expm1(x) : x),
    relative: 3e-7,
    ranges: [
      [-40, 1],
      [-1, 0],
      [-1e-3, 0],
    ],
  },
]

const SAMPLES = 20001
const SMALLEST_NORMAL = 2 ** -126

for (const build of builds)
  for (const { op, exact, relative, ranges } of bounds)
    test(`${op} keeps its error bound (${build})`, () => {
      for (const [low, high] of ranges) {
        const x = Float32Array.from({ length: SAMPLES }, (_, i) => low + ((high - low) * i) / (SAMPLES - 1))
        const [y] = runLowering(elementwiseLowerings[op], op, {
          inputs: [new Tensor('float32', x, [SAMPLES])],
          outputs: [{ dtype: 'float32', shape: [SAMPLES] }],
          attributes: { alpha: 1 },
          build,
        })
        let worst = 0
        let at = Number.NaN
        for (let i = 0; i < SAMPLES; i++) {
          const want = exact(x[i])
          const got = (y.data as Float32Array)[i]
          if (Math.fround(want) === got) continue
          const error =
            Math.abs(want) >= SMALLEST_NORMAL
              ? Math.abs(got - want) / Math.abs(want) / relative
              : Math.abs(got - want) / 2 ** -149 / 2
          if (!(error <= worst)) {
            worst = error
            at = x[i]
          }
        }
        assert.ok(worst <= 1, `${op}(${at}) in [${low}, ${high}] is off by ${(worst * relative).toExponential(2)}`)
      }
    })

for (const op of ['Sin', 'Cos'] as const)
  test(`${op} keeps its absolute error bound over all magnitudes`, () => {
    const exact = op === 'Sin' ? Math.sin : Math.cos
    const x = Float32Array.from({ length: SAMPLES }, (_, i) => (i % 2 ? -1 : 1) * 10 ** (-6 + (44.5 * i) / SAMPLES))
    const [y] = runLowering(elementwiseLowerings[op], op, {
      inputs: [new Tensor('float32', x, [SAMPLES])],
      outputs: [{ dtype: 'float32', shape: [SAMPLES] }],
    })
    y.toNumbers().forEach((got, i) => {
      assert.ok(Math.abs(got - exact(x[i])) < 1e-7, `${op}(${x[i]}) is ${got}, not ${exact(x[i])}`)
    })
  })

test('elementary functions at the edges', () => {
  const infinity = Number.POSITIVE_INFINITY
  const x = [0, -0, infinity, -infinity, Number.NaN, 88.8, -105, -1, 1e-45]
  const expected: Partial<Record<Op, readonly number[]>> = {
    Exp: [1, 1, infinity, 0, Number.NaN, infinity, 0, Math.exp(-1), 1],
    Log: [
      -infinity,
      -infinity,
      infinity,
      Number.NaN,
      Number.NaN,
      Math.log(88.8),
      Number.NaN,
      Number.NaN,
      Math.log(2 ** -149),
    ],
    Tanh: [0, -0, 1, -1, Number.NaN, 1, -1, Math.tanh(-1), 2 ** -149],
    Sigmoid: [0.5, 0.5, 1, 0, Number.NaN, 1, 0, 1 / (1 + Math.E), 0.5],
    Softplus: [Math.LN2, Math.LN2, infinity, 0, Number.NaN, 88.8, 0, softplus(-1), Math.LN2],
    Erf: [0, -0, 1, -1, Number.NaN, 1, -1, erf(-1), 2 ** -149],
    Elu: [0, -0, infinity, -1, Number.NaN, 88.8, -1, Math.expm1(-1), 2 ** -149],
    Asinh: [0, -0, infinity, -infinity, Number.NaN, ...[88.8, -105, -1].map(Math.asinh), 2 ** -149],
    Acosh: [...[0, -0, infinity, -infinity, Number.NaN, 88.8, -105, -1, 2 ** -149].map(Math.acosh)],
    ThresholdedRelu: [0, 0, infinity, 0, 0, 88.8, 0, 0, 0],
  }
  for (const op of Object.keys(expected) as Op[]) {
    const [y] = runLowering(elementwiseLowerings[op], op, {
      inputs: [new Tensor('float32', x, [x.length])],
      outputs: [{ dtype: 'float32', shape: [x.length] }],
      attributes: { alpha: 1 },
    })
    expected[op]!.forEach((want, i) => {
      const got = y.toNumbers()[i]
      const same = Number.isFinite(want)
        ? Math.abs(got - want) <= 1e-6 * Math.abs(want) && Object.is(Math.sign(got), Math.sign(want))
        : Object.is(got, want)
      assert.ok(same, `${op}(${x[i]}) is ${got}, not ${want}`)
    })
  }
})

test('the modules have no data segment', async () => {
  const { readFileSync } = await import('node:fs')
  for (const variant of ['single-simd', 'single-relaxed', 'shared-simd', 'shared-relaxed']) {
    const bytes = readFileSync(`build/wasm/lanewise-${variant}.wasm`)
    const sections: number[] = []
    for (let at = 8; at < bytes.length; ) {
      sections.push(bytes[at++])
      let size = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]
        size += (byte & 127) * 2 ** shift
        if (byte < 128) break
      }
      at += size
    }
    assert.not.ok(sections.includes(11), `${variant} has a data section`)
  }
})

test.run()
