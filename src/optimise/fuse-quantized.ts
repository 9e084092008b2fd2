import type { Node, Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import type { Rewriter } from '../graph/rewrite.js'
import { intAttribute, withDefaults } from '../ops/definition.js'
import { granularityOf, limits } from '../ops/granularity.js'
import { definitionOf } from '../ops/index.js'
import { twinOf } from './channels-last.js'
import type { Accelerates } from './expand-composites.js'
import { isOneOf, nodeByNode, type Pass } from './pass.js'

/** Integers, their scale and zero point. */
interface Quantized {
  readonly codes: Value
  readonly scale: Value
  readonly zero: Value
}

/** Channels of a group below which a product of integers loses to a depthwise convolution of real numbers. */
const leastChannels = 8

/**
 * A convolution or product of dequantized operands whose result is quantized becomes the op on integers, QLinearConv or
 * QLinearMatMul, where the backend has a kernel for it. Sums are exact there, so results differ by what rounding of the real sums
 * does. Bounds (Relu, Clip) that quantizing implies vanish.
 */
export const fuseQuantized = (accelerates: Accelerates): Pass =>
  nodeByNode('fuse quantized products', isOneOf('QuantizeLinear'), (rewriter, node) => {
    const result = resultOf(rewriter, node)
    const producer = result && productOf(rewriter, node, result)
    if (!result || !producer) return false
    const draft = producer.op === 'Conv' ? convolution(rewriter, producer) : product(rewriter, producer)
    if (!draft) return false
    const inputs = [...draft.operands, result.scale, result.zero, ...draft.bias]
    const attributes = withDefaults(definitionOf(draft.op), draft.attributes)
    const fused: Node = { op: draft.op, name: producer.name, inputs, outputs: node.outputs, attributes }
    if (!accelerates(twinOf(fused) ?? fused, rewriter.constantOf)) return false
    rewriter.write(draft.op, inputs, draft.attributes, node.outputs)
    return true
  })

const isByte = ({ dtype }: Value): boolean => dtype === 'int8' || dtype === 'uint8'

/** `zero`, or zeros of the shape of `scale`. */
const zeroPoint = (rewriter: Rewriter, { inputs: [, scale, zero] }: Node, codes: Value): Value | undefined => {
  if (zero) return rewriter.resolve(zero)
  const dtype = codes.dtype === 'int8' ? 'int8' : 'uint8'
  const dims = scale!.shape.every((dim) => typeof dim === 'number') ? (scale!.shape as readonly number[]) : undefined
  return dims && rewriter.constant(Tensor.zeros(dtype, dims), `${codes.name}/zero_point`)
}

const isTensorwise = (node: Node, x: Value): boolean =>
  granularityOf(x.shape, node.inputs[1]!.shape, withDefaults(definitionOf(node.op), node.attributes)).kind === 'tensor'

/** What one scale quantizes to, in 8 bits. */
function resultOf(rewriter: Rewriter, node: Node): Quantized | undefined {
  const [codes] = node.outputs
  if (!isByte(codes) || node.inputs[0]!.dtype !== 'float32' || !isTensorwise(node, codes)) return undefined
  const zero = zeroPoint(rewriter, node, codes)
  return zero && { codes, scale: rewriter.resolve(node.inputs[1]!), zero }
}

/** The integers of 8 bits that `value` stands for, and the node that says so. */
function quantizedOf(rewriter: Rewriter, value: Value): (Quantized & { readonly node: Node }) | undefined {
  const node = rewriter.producer(value)
  if (node?.op !== 'DequantizeLinear' || value.dtype !== 'float32') return undefined
  const codes = rewriter.resolve(node.inputs[0]!)
  const zero = isByte(codes) ? zeroPoint(rewriter, node, codes) : undefined
  return zero && { codes, scale: rewriter.resolve(node.inputs[1]!), zero, node }
}

/** The product whose result, but for bounds that quantizing implies, `quantize` alone reads. */
function productOf(rewriter: Rewriter, quantize: Node, result: Quantized): Node | undefined {
  let reader = quantize
  for (;;) {
    const value = reader.inputs[0]!
    const node = rewriter.producer(value)
    if (!node || rewriter.onlyUser(value)?.outputs[0].name !== reader.outputs[0].name) return undefined
    if (node.op === 'Conv' || node.op === 'MatMul') return node
    if ((node.op !== 'Relu' && node.op !== 'Clip') || !isImplied(rewriter, node, result)) return undefined
    reader = node
  }
}

/** Steps that a bound may lie inside the range of the result: it rounds to the end of the range. */
const rounding = 0.49

/** Whether quantizing gives the same with and without a Relu or Clip before it. */
function isImplied(rewriter: Rewriter, bound: Node, { codes, scale, zero }: Quantized): boolean {
  const number = (value: Value | undefined) => value && rewriter.constantOf(value)?.toNumbers()[0]
  const [step, offset] = [number(scale), number(zero)]
  if (step === undefined || offset === undefined) return false
  const [low, high] = limits[codes.dtype]!.map((code) => (code - offset) * step)
  const [, least, most] = bound.inputs
  const unbounded = bound.op === 'Relu' ? 0 : Number.NEGATIVE_INFINITY
  const [from, to] = [least ? number(least) : unbounded, most ? number(most) : Number.POSITIVE_INFINITY]
  const slack = rounding * step
  return from !== undefined && to !== undefined && from <= low + slack && to >= high - slack
}

/** An op on integers but for its result's scale and zero point, which come between operands and bias. */
interface Draft {
  readonly op: 'QLinearConv' | 'QLinearMatMul'
  readonly operands: readonly Value[]
  readonly bias: readonly Value[]
  readonly attributes: Node['attributes']
}

const operandsOf = (...quantized: readonly Quantized[]): Value[] =>
  quantized.flatMap(({ codes, scale, zero }) => [codes, scale, zero])

function convolution(rewriter: Rewriter, { inputs: [x, w, bias], attributes }: Node): Draft | undefined {
  const [left, right] = [quantizedOf(rewriter, x!), quantizedOf(rewriter, w!)]
  if (!left || !right || !isTensorwise(left.node, left.codes) || !isAlong(right, 0)) return undefined
  const channels = w!.shape[1]
  if ((intAttribute(attributes, 'group') ?? 1) > 1 && typeof channels === 'number' && channels < leastChannels)
    return undefined
  const sums = bias && biasOf(rewriter, bias, left, right)
  if (bias && !sums) return undefined
  return { op: 'QLinearConv', operands: operandsOf(left, right), bias: sums ? [sums] : [], attributes }
}

function product(rewriter: Rewriter, { inputs: [a, b] }: Node): Draft | undefined {
  const [left, right] = [quantizedOf(rewriter, a!), quantizedOf(rewriter, b!)]
  if (!left || !right || !isTensorwise(left.node, left.codes) || !isAlong(right, right.codes.shape.length - 1))
    return undefined
  return { op: 'QLinearMatMul', operands: operandsOf(left, right), bias: [], attributes: {} }
}

/** Whether the operand has one scale, or one for each index of `axis`. */
function isAlong({ codes, scale, node }: Quantized & { readonly node: Node }, axis: number): boolean {
  const granularity = granularityOf(codes.shape, scale.shape, withDefaults(definitionOf(node.op), node.attributes))
  return granularity.kind === 'tensor' || (granularity.kind === 'axis' && granularity.axis === axis)
}

/** How far the scale of a bias may be from the product of the operands' scales: some roundings of float32. */
const scaleError = 1e-6

/** The int32 bias, where it counts in steps of the sums. */
function biasOf(rewriter: Rewriter, bias: Value, left: Quantized, right: Quantized): Value | undefined {
  const node = rewriter.producer(bias)
  if (node?.op !== 'DequantizeLinear' || node.inputs[0]!.dtype !== 'int32') return undefined
  const numbers = (value: Value | undefined) => value && rewriter.constantOf(value)?.toNumbers()
  const [steps, xs, ws] = [numbers(node.inputs[1]), numbers(left.scale), numbers(right.scale)]
  if (!steps || !xs || !ws || numbers(node.inputs[2])?.some((zero) => zero !== 0)) return undefined
  if (node.inputs[2] && !numbers(node.inputs[2])) return undefined
  const count = Math.max(steps.length, ws.length)
  const agrees = (i: number) => {
    const expected = xs[0] * ws[i % ws.length]
    return Math.abs(steps[i % steps.length] - expected) <= scaleError * expected
  }
  return Array.from({ length: count }, (_, i) => i).every(agrees) ? rewriter.resolve(node.inputs[0]!) : undefined
}
