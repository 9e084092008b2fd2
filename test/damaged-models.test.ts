import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { isConcrete } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { InferenceSession } from '../src/session.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** A small network with the ops whose kernels compute addresses: windows, slices, gathers, pads, transposes, products. */
function model(): Uint8Array {
  const b = new GraphBuilder('network')
  const random = new RandomGenerator(3)
  const weight = (name: string, dims: number[]) =>
    b.constant(
      new Tensor(
        Float32Array.from({ length: dims.reduce((a, c) => a * c, 1) }, () => random.normal()),
        dims,
      ),
      name,
    )
  const x = b.input('x', 'float32', [2, 8, 8, 3])
  const image = b.transpose(x, [0, 3, 1, 2])
  const padded = b.op('Pad', [image, b.ints([0, 0, 1, 1, 0, 0, 1, 1])])
  const conv = b.op('Conv', [padded, weight('w', [4, 3, 3, 3]), weight('bias', [4])], {
    strides: [1, 1],
    dilations: [1, 1],
  })
  const pool = b.op('MaxPool', [b.relu(conv)], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1] })
  const part = b.op('Slice', [pool, b.ints([0, 1]), b.ints([4, 9]), b.ints([1, 2]), b.ints([2, 1])])
  const picked = b.gather(part, b.constant(new Tensor('int64', [1n, 0n, -1n], [3])), 1)
  const [left, right] = b.emit('Split', [picked, b.ints([1, 2])], { axis: 1 }, 2)
  const joined = b.concat([right, left, left], 1)
  const tiled = b.op('Tile', [joined, b.ints([1, 1, 1, 2])])
  const flat = b.op('Flatten', [tiled])
  const size = flat.shape[1] as number
  const dense = b.op('Gemm', [flat, weight('v', [5, size]), weight('c', [5])], { transB: 1 })
  b.output(b.softmax(b.mul(dense, b.sum(b.expand(weight('s', [1]), [2, 5]), [1], true))), 'y')
  return exportModel(b.build())
}

test('a damaged model is refused with a LanewiseError, or runs; it never breaks the backend', async () => {
  const bytes = model()
  const random = new RandomGenerator(11)
  const outcomes = { ran: 0, refused: 0 }
  for (let round = 0; round < 1500; round++) {
    const damaged = bytes.slice()
    for (let change = random.integer(3); change >= 0; change--) {
      const at = random.integer(damaged.length)
      const kinds = [0, 0xff, 0x80, damaged[at] ^ (1 << random.integer(8)), random.integer(256)]
      damaged[at] = kinds[random.integer(kinds.length)]
    }
    try {
      const session = await InferenceSession.create(damaged)
      const feeds = Object.fromEntries(
        session.inputMetadata.map(({ name, type, shape }) => [
          name,
          Tensor.zeros(type, isConcrete(shape) && shape.reduce((a, c) => a * c, 1) < 1e6 ? shape : shape.map(() => 1)),
        ]),
      )
      await session.run(feeds)
      await session.release()
      outcomes.ran++
    } catch (error) {
      if (!(error instanceof LanewiseError)) throw new Error(`round ${round}`, { cause: error })
      assert.is.not(error.code, 'BACKEND_UNAVAILABLE', error.message)
      outcomes.refused++
    }
  }
  assert.ok(outcomes.ran > 100 && outcomes.refused > 100, JSON.stringify(outcomes))
})

test.run()
