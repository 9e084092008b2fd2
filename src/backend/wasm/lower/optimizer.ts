import type { Node } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import type { KernelCall } from '../gen/kernels.js'
import {
  adagrad_update_f32,
  adam_update_f32,
  momentum_update_f32,
  rmsprop_update_f32,
  sgd_update_f32,
} from '../gen/training-optimizer.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { CHUNK, cut } from './tiles.js'

interface Update {
  readonly node: Node
  readonly size: number
  readonly chunk: number
  readonly tiles: number
  input(index: number): number
  output(index: number): number
  attribute(name: string): number
}

/** Elements of a tile where each costs a square root and a division. */
const ROOT_CHUNK = 4096

const updateLowering = (call: (update: Update) => KernelCall, most = CHUNK): Lowering => ({
  accelerates: (node) => node.inputs.every((input) => input?.dtype === 'float32'),
  lower(node, { address }: LoweringContext) {
    const size = sizeOf(concrete(node.outputs[0].shape))
    return [
      call({
        node,
        size,
        ...cut(size, most),
        input: (index) => address(node.inputs[index]!),
        output: (index) => address(node.outputs[index]),
        attribute: (name) => floatAttribute(node.attributes, name),
      }),
    ]
  },
})

const rootLowering = (call: (update: Update) => KernelCall): Lowering => updateLowering(call, ROOT_CHUNK)

export const optimizerLowerings = {
  'lanewise.SgdUpdate': updateLowering(({ input, output, size, chunk, tiles }) =>
    sgd_update_f32({ w: input(0), g: input(1), rate: input(2), outW: output(0), size, chunk }, tiles),
  ),
  'lanewise.MomentumUpdate': updateLowering(({ node, input, output, attribute, size, chunk, tiles }) =>
    momentum_update_f32(
      {
        w: input(0),
        g: input(1),
        m: input(2),
        rate: input(3),
        outW: output(0),
        outM: output(1),
        size,
        chunk,
        nesterov: intAttribute(node.attributes, 'nesterov') ? 1 : 0,
        momentum: attribute('momentum'),
      },
      tiles,
    ),
  ),
  'lanewise.AdamUpdate': rootLowering(({ input, output, attribute, size, chunk, tiles }) =>
    adam_update_f32(
      {
        w: input(0),
        g: input(1),
        m: input(2),
        v: input(3),
        alpha: input(4),
        outW: output(0),
        outM: output(1),
        outV: output(2),
        size,
        chunk,
        rest1: 1 - attribute('beta_1'),
        rest2: 1 - attribute('beta_2'),
        epsilon: attribute('epsilon'),
      },
      tiles,
    ),
  ),
  'lanewise.RmspropUpdate': rootLowering(({ input, output, attribute, size, chunk, tiles }) =>
    rmsprop_update_f32(
      {
        w: input(0),
        g: input(1),
        v: input(2),
        rate: input(3),
        outW: output(0),
        outV: output(1),
        size,
        chunk,
        rho: attribute('rho'),
        rest: 1 - attribute('rho'),
        epsilon: attribute('epsilon'),
      },
      tiles,
    ),
  ),
  'lanewise.AdagradUpdate': rootLowering(({ input, output, attribute, size, chunk, tiles }) =>
    adagrad_update_f32(
      {
        w: input(0),
        g: input(1),
        a: input(2),
        rate: input(3),
        outW: output(0),
        outA: output(1),
        size,
        chunk,
        epsilon: attribute('epsilon'),
      },
      tiles,
    ),
  ),
} as const satisfies Record<string, Lowering>
