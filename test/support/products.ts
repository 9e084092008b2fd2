import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { type Build, builds, sharedBuilds } from './kernels.js'

/** The builds that this host's WebAssembly takes; prints a SKIP line for each of the others. */
export const loadableBuilds = (): Build[] =>
  [...builds, ...sharedBuilds].filter((build) => {
    const valid = WebAssembly.validate(readFileSync(join('build/wasm', `lanewise-${build}.wasm`)))
    if (!valid) console.log(`SKIP ${build}: this host's WebAssembly lacks a feature that the build needs`)
    return valid
  })

let state = 1

/** Random floats in [-1, 1), the same on every run. */
export function randomTensor(dims: readonly number[]): Tensor {
  const data = new Float32Array(sizeOf(dims)).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return new Tensor('float32', data, dims)
}

/**
 * Asserts that each element of `actual` lies within the error bound of a float32 sum of `depth` products, whose absolute
 * values add up to `scale` (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1).
 */
export function assertNear(
  actual: Tensor,
  expected: Float64Array,
  scale: Float64Array,
  depth: number,
  title: string,
): void {
  assert.is(actual.size, expected.length, title)
  const values = actual.data as Float32Array
  for (let i = 0; i < values.length; i++) {
    const bound = (depth + 2) * 2 ** -24 * scale[i] + 1e-37
    if (!(Math.abs(values[i] - expected[i]) <= bound))
      assert.unreachable(`${title}: element ${i} is ${values[i]}, expected ${expected[i]} within ${bound}`)
  }
}
