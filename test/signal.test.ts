import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { uniform } from './cases/case.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** Its discrete Fourier transform by definition. */
function transformed(real: readonly number[], k: number): [number, number] {
  let [re, im] = [0, 0]
  real.forEach((x, n) => {
    const angle = (-2 * Math.PI * ((k * n) % real.length)) / real.length
    re += x * Math.cos(angle)
    im += x * Math.sin(angle)
  })
  return [re, im]
}

test('Fourier transforms of any length agree with the definition', () => {
  for (const length of [1, 2, 31, 64, 67, 90, 134, 257, 1000]) {
    const random = uniform(length)
    const x = Array.from({ length }, () => random() - 0.5)
    const builder = new GraphBuilder()
    const signal = builder.input('x', 'float64', [1, length, 1])
    const spectrum = builder.op('DFT', [signal])
    const [y] = evaluate(builder.producer(spectrum)!, [new Tensor('float64', x, [1, length, 1])])
    const numbers = y.toNumbers()
    for (let k = 0; k < length; k++) {
      const [re, im] = transformed(x, k)
      assert.ok(Math.abs(numbers[2 * k] - re) < 1e-9 && Math.abs(numbers[2 * k + 1] - im) < 1e-9, `${length}: ${k}`)
    }
  }
})

// A sum over all pairs would be 10^11 products: minutes.
test('transforms of long signals of prime length', () => {
  const builder = new GraphBuilder()
  const length = 300007
  const spectrum = builder.op('DFT', [builder.input('x', 'float32', [1, length, 1])])
  const [y] = evaluate(builder.producer(spectrum)!, [Tensor.full('float32', [1, length, 1], 1)])
  assert.ok(Math.abs(y.toNumbers()[0] - length) < 1)
})

test.run()
