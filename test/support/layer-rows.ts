import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../../src/core/tensor.js'
import type { Layer } from '../../src/keras/index.js'
import { type Grid, grid } from './grids.js'
import { agreesInOnnx, around, far, normals, predictions, shake, slopesAgree, survivesJson, values } from './layers.js'

/** A layer, and what it gives by a formula of plain loops. */
export interface Row {
  readonly name: string
  readonly layer: () => Layer
  /** Shapes of samples. */
  readonly inputs: readonly (readonly number[])[]
  readonly formula: (inputs: readonly Grid[], weights: readonly Grid[]) => Grid
}

export const batch = 2
export const ranks = [1, 2, 3] as const
const sizes = [7, 6, 5]
/** A sample of `rank` axes and `channels`. */
export const sample = (rank: number, channels: number) => [...sizes.slice(0, rank), channels]
export const list = (rank: number, ...of: number[]) => of.slice(0, rank)

/** Weights that are anything, but for variances, which are positive. */
function prepare(net: ReturnType<typeof around>): void {
  shake(net)
  for (const weight of net.weights)
    if (weight.name.endsWith('variance'))
      weight.write(
        new Tensor(
          'float32',
          Float32Array.from(values(weight.read() as Tensor), (v) => 0.5 + v * v),
          weight.shape,
        ),
      )
}

/** Tests each layer against its formula, finite differences and onnxruntime-web, and its way through JSON. */
export function testRows(rows: readonly Row[]): void {
  for (const { name, layer, inputs, formula } of rows)
    test(`${name}: by its formula, gradients, onnxruntime-web and JSON`, async () => {
      const net = around(layer(), inputs)
      prepare(net)
      const x = inputs.map((shape) => normals(batch, ...shape))
      const [y] = await predictions(net, x)
      const expected = formula(x.map(grid), net.getWeights().map(grid))
      assert.equal(y.dims, expected.dims)
      assert.ok(far(values(y), expected.data) < 1e-4, `${far(values(y), expected.data)} apart`)
      await agreesInOnnx(net, x, 1e-4)
      await survivesJson(net, x)
      // While training, batchNormalization takes other statistics than in the loss that differences are taken of.
      if (name !== 'batchNormalization' && net.weights.length > 0) await slopesAgree(net, x, 1e-2, 3)
      net.dispose()
    })
}
