import type { Node, Value } from '../core/ir.js'
import { sameShape } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'

/** scale times the product of the factors. */
interface Product {
  readonly scale: number
  readonly factors: readonly Value[]
}

/** How deep a product is looked into. */
const depth = 4

/** Whether exporters mean `expected`: within float32's precision. */
const isNear = (value: number | undefined, expected: number): boolean =>
  value !== undefined && Math.abs(value - expected) <= 1e-6 * expected

const scalarOf = (rewriter: Rewriter, value: Value): number | undefined => {
  const tensor = rewriter.constantOf(value)
  return tensor?.size === 1 ? tensor.toNumbers()[0] : undefined
}

/** `value` as a product, through products, quotients and powers that nothing else reads. */
function productOf(rewriter: Rewriter, value: Value, levels = depth): Product {
  const scale = scalarOf(rewriter, value)
  if (scale !== undefined) return { scale, factors: [] }
  const node = levels > 0 && rewriter.onlyUser(value) ? rewriter.producer(value) : undefined
  return (node && productOfNode(rewriter, node, levels)) ?? { scale: 1, factors: [rewriter.resolve(value)] }
}

function productOfNode(rewriter: Rewriter, node: Node, levels = depth): Product | undefined {
  const [a, b] = node.inputs as readonly Value[]
  if (node.op === 'Mul') {
    const [left, right] = [a, b].map((value) => productOf(rewriter, value, levels - 1))
    return { scale: left.scale * right.scale, factors: [...left.factors, ...right.factors] }
  }
  if (node.op !== 'Div' && node.op !== 'Pow') return undefined
  const constant = scalarOf(rewriter, b)
  if (constant === undefined) return undefined
  if (node.op === 'Div') {
    const { scale, factors } = productOf(rewriter, a, levels - 1)
    return { scale: scale / constant, factors }
  }
  return constant === 2 || constant === 3
    ? { scale: 1, factors: new Array<Value>(constant).fill(rewriter.resolve(a)) }
    : undefined
}

/** The other operand of a sum that nothing else reads and that `found` takes one operand of. */
function sumWith(rewriter: Rewriter, sum: Value, found: (operand: Value) => boolean): Value | undefined {
  const node = rewriter.onlyUser(sum) && rewriter.producer(sum)
  if (node?.op !== 'Add') return undefined
  const [a, b] = node.inputs as readonly [Value, Value]
  return found(a) ? b : found(b) ? a : undefined
}

const isPower = ({ factors }: Product, x: Value, exponent: number): boolean =>
  factors.length === exponent && factors.every((factor) => factor === x)

/** Whether `value` is sqrt(2/π) (x + 0.044715 x³), with or without x outside the brackets. */
function isTanhArgument(rewriter: Rewriter, value: Value, x: Value): boolean {
  const { scale, factors } = productOf(rewriter, value)
  if (!isNear(scale, Math.sqrt(2 / Math.PI))) return false
  const sum = factors.length === 2 ? factors.find((factor) => factor !== x) : factors[0]
  if (!sum || factors.length > 2 || (factors.length === 2 && !factors.includes(x))) return false
  const isFirst = (operand: Value) =>
    factors.length === 1 ? rewriter.resolve(operand) === x : scalarOf(rewriter, operand) === 1
  const rest = sumWith(rewriter, sum, isFirst)
  const power = rest && productOf(rewriter, rest)
  return power !== undefined && isNear(power.scale, 0.044715) && isPower(power, x, 4 - factors.length)
}

/**
 * The operand x and the attributes of the Gelu that a product spells out: x (1 + erf(x / sqrt 2)) / 2 or
 * x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2, in any order; undefined if it is another one.
 */
export function geluOf(rewriter: Rewriter, node: Node): readonly [Value, { readonly approximate: string }] | undefined {
  const product = productOfNode(rewriter, node)
  if (product?.factors.length !== 2 || !isNear(product.scale, 0.5)) return undefined
  for (const [index, x] of product.factors.entries()) {
    if (!sameShape(x.shape, node.outputs[0].shape)) continue
    const inner = sumWith(rewriter, product.factors[1 - index], (operand) => scalarOf(rewriter, operand) === 1)
    const gate = inner && rewriter.onlyUser(inner) && rewriter.producer(inner)
    if (!gate) continue
    if (gate.op === 'Tanh' && isTanhArgument(rewriter, gate.inputs[0]!, x)) return [x, { approximate: 'tanh' }]
    const argument = gate.op === 'Erf' ? productOf(rewriter, gate.inputs[0]!) : undefined
    if (argument && isNear(argument.scale, Math.SQRT1_2) && isPower(argument, x, 1)) return [x, { approximate: 'none' }]
  }
  return undefined
}
