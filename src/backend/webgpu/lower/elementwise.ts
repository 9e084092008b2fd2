import type { DType } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { broadcastStrides, collapseAxes, sizeOf } from '../../../core/shape.js'
import { unaryOperations } from '../../activations.js'
import { elementTypeOf } from '../elements.js'
import { mapKernel, seenAs, vec4 } from '../kernel.js'
import { activationText } from '../wgsl/activation.js'
import { offsetExpression } from '../wgsl/index.js'
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

/** The bits `x: u32` of an element of `from` as a number of its WGSL type; undefined where no kernel reads it. */
function decode(from: DType): { readonly value: string; readonly type: 'f32' | 'i32' | 'u32' } | undefined {
  if (from === 'float16') return { value: 'unpack2x16float(x).x', type: 'f32' }
  if (from === 'bfloat16') return { value: 'bitcast<f32>(x << 16u)', type: 'f32' }
  const type = elementTypeOf(from)
  return type && { value: type === 'u32' ? 'x' : `bitcast<${type}>(x)`, type }
}

/** The number `v` of WGSL type `type` as the bits of an element of `to`; undefined where no kernel writes it. */
function encode(to: DType, type: 'f32' | 'i32' | 'u32'): string | undefined {
  const signed = type === 'u32' ? 'bitcast<i32>(v)' : 'i32(v)'
  switch (to) {
    case 'float32':
      return 'bitcast<u32>(f32(v))'
    case 'bool':
      return `select(0u, 1u, v != ${type}(0))`
    case 'int32':
    case 'int64':
      return `bitcast<u32>(${signed})`
    case 'int16':
      return `bitcast<u32>((${signed} << 16u) >> 16u)`
    case 'int8':
      return `bitcast<u32>((${signed} << 24u) >> 24u)`
    case 'uint32':
      return type === 'f32' ? 'u32(v)' : `bitcast<u32>(v)`
    case 'uint16':
      return `bitcast<u32>(${signed}) & 0xffffu`
    case 'uint8':
      return `bitcast<u32>(${signed}) & 0xffu`
    default:
      return undefined
  }
}

const castText = ({ inputs, outputs }: Node): string | undefined => {
  const source = decode(inputs[0]!.dtype)
  const bits = source && encode(outputs[0].dtype, source.type)
  return bits && `fn convert(x: u32) -> u32 { let v = ${source.value}; return ${bits}; }`
}

const cast: Lowering = {
  accelerates: (node) => node.inputs[0]!.dtype === node.outputs[0].dtype || castText(node) !== undefined,
  lower(node, { place }) {
    const [x, y] = [place(node.inputs[0]!), place(node.outputs[0])]
    if (node.inputs[0]!.dtype === node.outputs[0].dtype) return copyElements(x, y)
    return mapKernel({
      name: `cast_${node.inputs[0]!.dtype}_${node.outputs[0].dtype}`,
      count: elementsOf(node.outputs[0]),
      dense: true,
      reads: { x: seenAs(x, 'u32') },
      writes: { y: seenAs(y, 'u32') },
      declarations: castText(node)!,
      body: ({ x, y }) => `  ${y}[i] = convert(${x}[i]);`,
    })
  },
}

/** Elementwise ops of one operand, and Where. */
export const elementwiseLowerings = {
  ...unaryLowerings,
  Identity: identity,
  Not: not,
  Clip: { ...clip, accelerates: isFloat32 },
  Where: where,
  Cast: cast,
} as const satisfies Record<string, Lowering>
