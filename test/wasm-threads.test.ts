import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import { sizeOf } from '../src/core/shape.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'
import { randomTensor } from './support/products.js'

await loadEverything()

const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], dilations: [1, 1] }

/** Forward and backward products, each large enough for several tiles; from 16 channels on convolutions go by Winograd. */
function products(images: number, channels: number, outputs: number, weights: 'inputs' | 'constants') {
  const xShape = [images, 13, 13, channels]
  const wShape = [3, 3, channels, outputs]
  const vShape = [13 * 13 * outputs, 33]
  const builder = new GraphBuilder('products')
  const x = builder.input('x', 'float32', xShape)
  const weight = (name: string, shape: readonly number[]) =>
    weights === 'inputs' ? builder.input(name, 'float32', shape) : builder.constant(randomTensor(shape))
  const w = weight('w', wShape)
  const v = weight('v', vShape)
  const y = builder.op('lanewise.ConvNhwc', [x, w], { ...window, activation: 'relu' })
  const flat = builder.reshape(y, [images, -1])
  const z = builder.op('lanewise.FusedMatMul', [flat, v], { activation: 'tanh' })
  builder.output(z, 'z')
  builder.output(builder.op('lanewise.FusedMatMul', [z, v], { transB: 1 }), 'dflat')
  builder.output(builder.op('lanewise.FusedMatMul', [flat, z], { transA: 1 }), 'dv')
  builder.output(builder.op('lanewise.ConvInputGradientNhwc', [y, w], { ...window, input_shape: xShape }), 'dx')
  builder.output(builder.op('lanewise.ConvWeightGradientNhwc', [x, y], { ...window, weight_shape: wShape }), 'dw')
  return builder.build()
}

for (const [images, channels, outputs, weights] of [
  [24, 7, 21, 'inputs'],
  [24, 20, 21, 'inputs'],
  [24, 20, 24, 'inputs'],
  [24, 7, 21, 'constants'],
  [24, 20, 21, 'constants'],
  [24, 20, 24, 'constants'],
  [3, 20, 21, 'inputs'],
  [3, 20, 24, 'inputs'],
] as const)
  test(`products of ${images} images over ${channels} channels to ${outputs}, weights being ${weights}, have the same bits on 1, 2, 3 and 4 threads`, async () => {
    const graph = products(images, channels, outputs, weights)
    const feeds = Object.fromEntries(graph.inputs.map(({ name, shape }) => [name, randomTensor(shape as number[])]))
    const results: Uint8Array[][] = []
    for (const threads of [1, 2, 3, 4]) {
      const backend = await createWasmBackend({ threads })
      assert.is(backend.report.threads, threads)
      const executable = compile(graph, backend)
      for (const [name, tensor] of Object.entries(feeds)) executable.write(name, tensor.data as Float32Array)
      executable.run()
      const outputs = await Promise.all(
        graph.outputs.map(async ({ name }) => (await executable.read(name)) as Float32Array),
      )
      outputs.forEach((output, index) => {
        assert.is(output.length, sizeOf(graph.outputs[index].shape as number[]))
        assert.ok(output.some((value) => value !== 0))
      })
      results.push(outputs.map((output) => new Uint8Array(output.buffer, output.byteOffset, output.byteLength)))
      executable.dispose()
      backend.dispose()
    }
    for (const outputs of results.slice(1))
      outputs.forEach((bytes, index) => {
        assert.is(Buffer.compare(bytes, results[0][index]), 0, graph.outputs[index].name)
      })
  })

test.run()
