import { encode } from 'fast-png'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { loadPngDecoder } from '../src/core/png.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

function decoded(bytes: Uint8Array, pixel_format = 'RGB'): Tensor {
  const builder = new GraphBuilder()
  const file = builder.input('file', 'uint8', [bytes.length])
  const pixels = builder.op('ImageDecoder', [file], { pixel_format })
  return evaluate(builder.producer(pixels)!, [new Tensor('uint8', bytes)])[0]
}

test.before(async () => {
  await loadPngDecoder()
})

const rgb = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90])

test('a PNG file is decoded in each pixel format', () => {
  const file = Uint8Array.from(encode({ width: 3, height: 2, data: rgb, channels: 3, depth: 8 }))
  assert.equal(decoded(file).dims, [2, 3, 3])
  assert.equal(decoded(file).data, rgb)
  assert.equal(Array.from(decoded(file, 'BGR').data as Uint8Array).slice(9, 15), [30, 20, 10, 60, 50, 40])
  assert.equal(Array.from(decoded(file, 'Grayscale').data as Uint8Array).slice(0, 3), [76, 150, 29])
})

test('pixmaps and greymaps are decoded', () => {
  const header = new TextEncoder().encode('P6\n# a comment\n3 2\n255\n')
  assert.equal(decoded(Uint8Array.from([...header, ...rgb])).data, rgb)
  const grey = Uint8Array.from([...new TextEncoder().encode('P5 2 1 255\n'), 7, 200])
  assert.equal(Array.from(decoded(grey).data as Uint8Array), [7, 7, 7, 200, 200, 200])
})

test('a damaged file gives an empty tensor, another format an error', () => {
  const file = Uint8Array.from(encode({ width: 3, height: 2, data: rgb, channels: 3, depth: 8 }))
  assert.equal(decoded(file.slice(0, 40)).dims, [0, 0, 3])
  assert.throws(() => decoded(Uint8Array.from([0xff, 0xd8, 0xff, 0xe0])), /PNG, BMP and PNM/)
})

test.run()
