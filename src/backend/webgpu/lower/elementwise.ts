import type { DType } from '../../../core/dtype.js'
import type { Node, Value } from '../../../core/ir.js'
import { broadcastStrides, collapseAxes, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { unaryOperations } from '../../activations.js'
import { elementTypeOf } from '../elements.js'
import { mapKernel, seenAs, vec4 } from '../kernel.js'
import { activationText } from '../wgsl/activation.js'
import { offsetExpression, wrapped } from '../wgsl/index.js'
import { isInteger } from './binary.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'
import { copyElements } from './strided.js'

const unary = (op: keyof typeof unaryOperations): Lowering => ({
  accelerates: isFloat32,
  lower({ inputs, outputs, attributes }, { place }) {
    const operation = unaryOperations[op](attributes)
    return mapKernel({
      name: operation.name,
      count: Math.ceil(elementsOf(outputs[0]) / 4),
      dense: true,
      reads: { x: vec4(place(inputs[0]!)) },
      writes: { y: vec4(place(outputs[0])) },
      declarations: activationText(operation, 'vec4<f32>'),
      body: ({ x, y }) => `  ${y}[i] = activate(${x}[i]);`,
    })
  },
})

const unaryLowerings = Object.fromEntries(
  (Object.keys(unaryOperations) as (keyof typeof unaryOperations)[]).map((op) => [op, unary(op)]),
) as Record<keyof typeof unaryOperations, Lowering>

/** An op of floats that signed integers have, too, as an expression of `x: i32`. */
const signed = (op: 'Neg' | 'Abs' | 'Sign', expression: string): Lowering => ({
  accelerates: (node) => isFloat32(node) || (isInteger(node.inputs[0]!.dtype) && isSigned(node.inputs[0]!)),
  lower(node, context) {
    if (isFloat32(node)) return unary(op).lower(node, context)
    const [y] = node.outputs
    return mapKernel({
      name: `${op.toLowerCase()}_integer`,
      count: elementsOf(y),
      dense: true,
      reads: { x: context.place(node.inputs[0]!) },
      writes: { y: context.place(y) },
      declarations: 'alias U = u32;',
      body: (names) => `  let x = ${names.x}[i];
  ${names.y}[i] = ${wrapped(y.dtype, expression)};`,
    })
  },
})

const isSigned = ({ dtype }: Value): boolean => elementTypeOf(dtype) === 'i32'

const identity: Lowering = {
  lower: ({ inputs, outputs }, { place }) => copyElements(place(inputs[0]!), place(outputs[0])),
}

const not: Lowering = {
  lower: ({ inputs, outputs }, { place }) =>
    mapKernel({
      name: 'not',
      count: Math.ceil(elementsOf(outputs[0]) / 4),
      dense: true,
      reads: { x: vec4(place(inputs[0]!)) },
      writes: { y: vec4(place(outputs[0])) },
      body: ({ x, y }) => `  ${y}[i] = vec4<u32>(1u) - ${x}[i];`,
    }),
}

/** The bounds are scalars on the device. */
const clip: Lowering = {
  lower({ inputs: [x, low, high], outputs: [y] }, { place }) {
    return mapKernel({
      name: 'clip_to',
      count: elementsOf(y),
      dense: true,
      reads: { x: place(x!), ...(low && { low: place(low) }), ...(high && { high: place(high) }) },
      writes: { y: place(y) },
      body(names: Record<string, string>) {
        const above = low ? `max(${names['x']}[i], ${names['low']}[0])` : `${names['x']}[i]`
        return `  ${names['y']}[i] = ${high ? `min(${above}, ${names['high']}[0])` : above};`
      },
    })
  },
}

const where: Lowering = {
  lower({ inputs, outputs: [y] }, { place }) {
    const shape = shapeOf(y)
    const { dims, strides } = collapseAxes(
      shape,
      inputs.map((input) => broadcastStrides(shapeOf(input!), shape)),
    )
    const [condition, a, b] = inputs.map((input) => seenAs(place(input!), 'u32'))
    return mapKernel({
      name: 'where',
      count: sizeOf(shape),
      reads: { condition, a, b },
      writes: { y: seenAs(place(y), 'u32') },
      body: ({ condition, a, b, y }) => {
        const [at, left, right] = strides.map((steps) => offsetExpression('i', dims, steps))
        return `  ${y}[i] = select(${b}[${right}], ${a}[${left}], ${condition}[${at}] != 0u);`
      },
    })
  },
}

/** The bits of infinity, and of all but the sign, in floats that lie as they are. */
const magnitudes: Partial<Record<DType, { readonly infinity: string; readonly mask: string; readonly sign: string }>> =
  {
    float32: { infinity: '0x7f800000u', mask: '0x7fffffffu', sign: '0x80000000u' },
    float16: { infinity: '0x7c00u', mask: '0x7fffu', sign: '0x8000u' },
    bfloat16: { infinity: '0x7f80u', mask: '0x7fffu', sign: '0x8000u' },
  }

/** IsNaN and IsInf by bits: a driver may take for granted that there are no such numbers. */
const classify = (name: string, test: (node: Node) => string): Lowering => ({
  accelerates: ({ inputs: [x] }) => magnitudes[x!.dtype] !== undefined,
  lower(node, { place }) {
    const { infinity, mask, sign } = magnitudes[node.inputs[0]!.dtype]!
    return mapKernel({
      name,
      count: elementsOf(node.outputs[0]),
      dense: true,
      reads: { x: seenAs(place(node.inputs[0]!), 'u32') },
      writes: { y: place(node.outputs[0]) },
      body: ({ x, y }) => `  let bits = ${x}[i];
  let magnitude = bits & ${mask};
  let negative = (bits & ${sign}) != 0u;
  let infinity = ${infinity};
  ${y}[i] = select(0u, 1u, ${test(node)});`,
    })
  },
})

const isInf = ({ attributes }: Node): string => {
  const [negative, positive] = ['detect_negative', 'detect_positive'].map(
    (name) => intAttribute(attributes, name) !== 0,
  )
  const signs = [...(negative ? ['negative'] : []), ...(positive ? ['!negative'] : [])].join(' || ') || 'false'
  return `magnitude == infinity && (${signs})`
}

const bitwiseNot: Lowering = {
  accelerates: ({ inputs: [x] }) => isInteger(x!.dtype),
  lower: ({ inputs: [x], outputs: [y] }, { place }) =>
    mapKernel({
      name: 'bitwise_not',
      count: elementsOf(y),
      dense: true,
      reads: { x: place(x!) },
      writes: { y: place(y) },
      declarations: 'alias U = u32;',
      body: (names) => `  ${names.y}[i] = ${wrapped(y.dtype, `~${names.x}[i]`)};`,
    }),
}

/** Elementwise ops of one operand, and Where. */
export const elementwiseLowerings = {
  ...unaryLowerings,
  Neg: signed('Neg', '-x'),
  Abs: signed('Abs', 'abs(x)'),
  Sign: signed('Sign', 'sign(x)'),
  Identity: identity,
  Not: not,
  Clip: { ...clip, accelerates: (node) => isFloat32(node) || isInteger(node.inputs[0]!.dtype) },
  Where: where,
  IsNaN: classify('is_nan', () => 'magnitude > infinity'),
  IsInf: classify('is_inf', isInf),
  BitwiseNot: bitwiseNot,
} as const satisfies Record<string, Lowering>
