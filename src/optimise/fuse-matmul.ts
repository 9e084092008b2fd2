import type { Node, Value } from '../core/ir.js'
import { isConcrete, sizeOf } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { intAttribute, intsAttribute } from '../ops/definition.js'
import { isOneOf, nodeByNode } from './pass.js'

const FUSED = 'lanewise.FusedMatMul'

/** Whether `perm` swaps the last two axes and keeps the others. */
const swapsMatrixAxes = (perm: readonly number[]): boolean =>
  perm.length >= 2 &&
  perm.every((from, axis) => {
    const fromEnd = perm.length - axis
    return from === (fromEnd === 1 ? axis - 1 : fromEnd === 2 ? axis + 1 : axis)
  })

/** The operand behind a transpose of its matrix axes, if there is one, and whether it is read transposed then. */
function behindTranspose(rewriter: Rewriter, value: Value, transposed: number): { value: Value; transposed: number } {
  const producer = rewriter.producer(value)
  if (producer?.op !== 'Transpose') return { value, transposed }
  const source = producer.inputs[0]!
  const perm = intsAttribute(producer.attributes, 'perm') ?? source.shape.map((_, axis) => axis).reverse()
  return swapsMatrixAxes(perm) ? { value: source, transposed: 1 - transposed } : { value, transposed }
}

/** `bias` as a 1-D tensor of `length` elements, if it broadcasts along the last axis only. */
export function rowBias(rewriter: Rewriter, bias: Value, length: number): Value | undefined {
  const { shape } = rewriter.resolve(bias)
  if (!isConcrete(shape) || sizeOf(shape) !== length || shape.at(-1) !== length) return undefined
  if (shape.length === 1) return bias
  return rewriter.write(
    'Reshape',
    [bias, rewriter.ints([length], `${bias.name}/shape`)],
    { allowzero: 1 },
    `${bias.name}/row`,
  )[0]
}

/** MatMul and Gemm take the transposes of their operands, and Gemm its C, into FusedMatMul. */
export const fuseMatMul = nodeByNode('fuse matrix products', isOneOf('MatMul', 'Gemm', FUSED), (rewriter, node) => {
  const [a, b, c] = node.inputs as readonly [Value, Value, Value | undefined]
  if (a.shape.length < 2 || b.shape.length < 2) return false
  if (node.op === 'Gemm' && !isPlain(node)) return false
  const flag = (name: string) => (node.op === 'MatMul' ? 0 : intAttribute(node.attributes, name))
  const left = behindTranspose(rewriter, rewriter.resolve(a), flag('transA'))
  const right = behindTranspose(rewriter, rewriter.resolve(b), flag('transB'))
  const columns = node.outputs[0].shape.at(-1)
  const bias = c && typeof columns === 'number' ? rowBias(rewriter, c, columns) : undefined
  const attributes = {
    ...(node.op === FUSED && node.attributes),
    transA: left.transposed,
    transB: right.transposed,
  }
  if (!c || bias) rewriter.write(FUSED, [left.value, right.value, bias], attributes, node.outputs)
  else {
    const [product] = rewriter.write(FUSED, [left.value, right.value], attributes, node.name)
    rewriter.write('Add', [product, c], {}, node.outputs)
  }
  return true
})

/** Whether a Gemm is A' B' + C without factors. */
const isPlain = ({ attributes, inputs }: Node): boolean =>
  attributes['alpha'] === 1 && (inputs[2] === undefined || attributes['beta'] === 1)
