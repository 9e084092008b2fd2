import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { philox, RandomGenerator, uniforms } from '../src/core/random.js'

const hex = (words: Uint32Array) => Array.from(words, (word) => word.toString(16).padStart(8, '0')).join(' ')

test("philox gives Random123's known answers", () => {
  const ones = 0xffffffff
  assert.is(hex(philox([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8')
  assert.is(hex(philox([ones, ones, ones, ones], [ones, ones])), '408f276d 41c83b0e a20bc7c6 6d5451fd')
  assert.is(
    hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  )
})

test('uniforms follow the counter rule', () => {
  const drawn = uniforms(6, 7, 3, 11)
  const second = philox([1, 11, 0, 0], [7, 3])
  assert.is(drawn[5], (second[1] >>> 8) / 2 ** 24)
})

test('a generator repeats itself, and streams differ', () => {
  const draw = (seed: number, stream: number) => {
    const random = new RandomGenerator(seed, stream)
    return Array.from({ length: 9 }, () => random.uint32())
  }
  assert.equal(draw(5, 0), draw(5, 0))
  assert.not.equal(draw(5, 0), draw(5, 1))
  assert.not.equal(draw(5, 0), draw(6, 0))
})

test('moments of the distributions', () => {
  const random = new RandomGenerator(1)
  const size = 20000
  const moments = (draw: () => number) => {
    const values = Array.from({ length: size }, draw)
    const mean = values.reduce((sum, value) => sum + value, 0) / size
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size
    return { mean, variance, largest: Math.max(...values.map(Math.abs)) }
  }
  const uniform = moments(() => random.uniform(-1, 3))
  assert.ok(Math.abs(uniform.mean - 1) < 0.03 && Math.abs(uniform.variance - 16 / 12) < 0.04)
  const normal = moments(() => random.normal(2, 0.5))
  assert.ok(Math.abs(normal.mean - 2) < 0.02 && Math.abs(normal.variance - 0.25) < 0.01)
  const truncated = moments(() => random.truncatedNormal())
  assert.ok(truncated.largest <= 2)
  assert.ok(Math.abs(truncated.mean) < 0.03 && Math.abs(truncated.variance - 0.7737) < 0.03)
})

test('integers below n are evenly spread; a bad bound is refused', () => {
  const random = new RandomGenerator(3)
  const counts = new Array(7).fill(0)
  for (let i = 0; i < 7000; i++) counts[random.integer(7)]++
  assert.ok(counts.every((count) => Math.abs(count - 1000) < 150))
  assert.throws(() => random.integer(0), /bound from 1/)
})

test('a permutation holds every index once', () => {
  const order = new RandomGenerator(9).permutation(1000)
  assert.equal(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  )
  assert.not.equal(
    [...order],
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

test.run()
