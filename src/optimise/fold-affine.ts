import type { Node, Value } from '../core/ir.js'
import { sameShape } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { rowBias } from './fuse-matmul.js'
import { isOneOf, nodeByNode } from './pass.js'

/**
 * A constant factor or summand along the last axis of a product (of an op with a bias) goes into the product's constant
 * weight and bias: what is left of a BatchNormalization behind a convolution.
 */
export const foldAffine = nodeByNode('fold affine maps', isOneOf('Mul', 'Add'), (rewriter, node) => {
  const [a, b] = node.inputs as readonly [Value, Value]
  return fold(rewriter, node, a, b) || fold(rewriter, node, b, a)
})

/** Whether a value is constant, or computed from constants by what this pass has written. */
function isKnown(rewriter: Rewriter, value: Value): boolean {
  if (rewriter.constantOf(value)) return true
  const producer = rewriter.producer(value)
  return Boolean(producer?.inputs.length && producer.inputs.every((input) => input && isKnown(rewriter, input)))
}

function fold(rewriter: Rewriter, node: Node, product: Value, operand: Value): boolean {
  const producer = rewriter.producer(product)
  const index = producer && traitsOf(producer.op).bias
  if (!producer || index === undefined || producer.attributes['activation']) return false
  if (rewriter.onlyUser(product) !== node || !isKnown(rewriter, operand)) return false
  const columns = product.shape.at(-1)
  if (typeof columns !== 'number' || !sameShape(product.shape, node.outputs[0].shape)) return false
  const { columnWeight } = traitsOf(producer.op)
  const weight = columnWeight === undefined ? undefined : producer.inputs[columnWeight]
  const bias = producer.inputs[index]
  const scales = node.op === 'Mul'
  // Without a bias, fuseBias takes the summand; without a constant weight, a factor would cost as much elsewhere.
  if ((bias ? !isKnown(rewriter, bias) : !scales) || (scales && !(weight && isKnown(rewriter, weight)))) return false
  const row = rowBias(rewriter, operand, columns)
  if (!row) return false
  const moved = bias && rewriter.write(node.op, [bias, row], {}, `${node.name}/bias`)[0]
  const scaled = scales && weight ? scaledWeight(rewriter, producer, weight, row, columns) : weight
  const inputs = producer.inputs.map((input, at) => (at === index ? moved : at === columnWeight ? scaled : input))
  rewriter.write(producer.op, inputs, producer.attributes, node.outputs)
  return true
}

/** The weight with its output channels, the last axis unless it is transposed, multiplied by `row`. */
function scaledWeight(rewriter: Rewriter, { attributes, outputs }: Node, weight: Value, row: Value, columns: number) {
  const name = `${outputs[0].name}/weight`
  const factor = attributes['transB']
    ? rewriter.write(
        'Reshape',
        [row, rewriter.ints([columns, 1], `${name}/shape`)],
        { allowzero: 1 },
        `${name}/column`,
      )[0]
    : row
  return rewriter.write('Mul', [weight, factor], {}, name)[0]
}
