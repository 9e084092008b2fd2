import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { randomLowerings } from '../src/backend/wasm/lower/random.js'
import { uniforms } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { builds, runLowering } from './support/kernels.js'

const sizes = [1, 3, 5, 7, 16, 17, 33, 16384, 40001]

test('RandomUniform gives the bits of the host', () => {
  for (const build of builds)
    for (const size of sizes) {
      const [seed, stream, step] = [-5, 17, 123456]
      const [y] = runLowering(randomLowerings['lanewise.RandomUniform'], 'lanewise.RandomUniform', {
        inputs: [Tensor.scalar(step, 'int32')],
        outputs: [{ dtype: 'float32', shape: [size] }],
        attributes: { shape: [size], seed, stream },
        build,
      })
      assert.equal(y.data, uniforms(size, seed, stream, step))
    }
})

test('seeds beyond 32 bits wrap, as on the host', () => {
  for (const seed of [2 ** 32 - 1, 2 ** 40 + 3]) {
    const [y] = runLowering(randomLowerings['lanewise.RandomUniform'], 'lanewise.RandomUniform', {
      inputs: [Tensor.scalar(1, 'int32')],
      outputs: [{ dtype: 'float32', shape: [5] }],
      attributes: { shape: [5], seed, stream: 2 ** 31 },
    })
    assert.equal(y.data, uniforms(5, seed, 2 ** 31, 1))
  }
})

test('Dropout keeps an element when its number is at least the rate', () => {
  for (const rate of [0, 0.2, 0.5, 0.7])
    for (const size of sizes)
      for (const inPlace of [undefined, 0]) {
        const x = new Tensor(Float32Array.from({ length: size }, (_, i) => i + 1))
        const [y] = runLowering(randomLowerings['lanewise.Dropout'], 'lanewise.Dropout', {
          inputs: [x, Tensor.scalar(3, 'int32')],
          outputs: [{ dtype: 'float32', shape: [size] }],
          attributes: { rate, seed: 9, stream: 2 },
          inPlace: [inPlace],
        })
        const scale = Math.fround(1 / (1 - rate))
        const expected = uniforms(size, 9, 2, 3).map((number, i) => (number >= rate ? (i + 1) * scale : 0))
        assert.equal(y.data, expected)
      }
})

test.run()
