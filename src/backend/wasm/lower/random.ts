import type { Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { dropout_f32, random_uniform_f32 } from '../gen/training-random.js'
import type { Lowering } from './lowering.js'
import { cut } from './tiles.js'

const isDraw = (node: Node, step: Value | undefined): boolean =>
  node.outputs[0].dtype === 'float32' && step?.dtype === 'int32'

const common = (node: Node) => {
  const size = sizeOf(concrete(node.outputs[0].shape))
  const { chunk, tiles } = cut(size)
  // The words of the generator's key: larger numbers wrap.
  const seed = intAttribute(node.attributes, 'seed') | 0
  const stream = intAttribute(node.attributes, 'stream') | 0
  return { fields: { size, chunk, seed, stream }, tiles }
}

export const randomLowerings = {
  'lanewise.RandomUniform': {
    accelerates: (node) => isDraw(node, node.inputs[0]),
    lower(node, { address }) {
      const { fields, tiles } = common(node)
      const p = { step: address(node.inputs[0]!), y: address(node.outputs[0]), ...fields }
      return [random_uniform_f32(p, tiles)]
    },
  },
  'lanewise.Dropout': {
    accelerates: (node) => isDraw(node, node.inputs[1]),
    lower(node, { address }) {
      const { fields, tiles } = common(node)
      const rate = floatAttribute(node.attributes, 'rate')
      const p = {
        x: address(node.inputs[0]!),
        step: address(node.inputs[1]!),
        y: address(node.outputs[0]),
        ...fields,
        threshold: Math.ceil(rate * 2 ** 24),
        scale: 1 / (1 - rate),
      }
      return [dropout_f32(p, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
