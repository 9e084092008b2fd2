import { onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, Node, Value } from '../core/ir.js'
import { encodingOfDType } from '../core/minifloat.js'
import { subgraphsOf } from '../core/subgraph.js'
import { Tensor } from '../core/tensor.js'
import { GraphBuilder } from './builder.js'
import { inferTypes } from './infer.js'

/** Fewer elements than this stay as they are: scales, limits and sizes that an op may take in float32 only. */
const fewest = 16

/**
 * `graph` with its float32 weights held in float16, at half the size. Each is widened where it is read, so every op
 * computes as before, on values rounded as `narrow` does.
 */
export function withFloat16Weights(graph: Graph): Graph {
  const builder = new GraphBuilder(graph.name)
  const replaced = new Map<Value, Value>()
  for (const value of graph.inputs)
    replaced.set(value, builder.input(value.name, value.dtype, value.shape, value.container))
  for (const [value, tensor] of graph.constants) {
    if (tensor.type !== 'float32' || tensor.size < fewest) replaced.set(value, builder.constant(tensor, value.name))
    else {
      const half = builder.constant(narrow(tensor), `${value.name}/float16`)
      const cast = { to: onnxTypeCode.float32 }
      replaced.set(value, builder.node('Cast', `${value.name}/Cast`, [half], cast, [value.name])[0])
    }
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => input && replaced.get(input))
    const names = node.outputs.map(({ name }) => name)
    builder.node(node.op, node.name, inputs, node.attributes, names, node.about).forEach((value, index) => {
      replaced.set(node.outputs[index], value)
    })
  }
  for (const output of graph.outputs) builder.output(replaced.get(output)!, output.name)
  return builder.build(graph)
}

/** The largest number of float16, and the smallest above 0. */
const [largest, smallest] = [65504, 2 ** -24]

/**
 * A float32 tensor in float16. Finite numbers stay finite, those that are not 0 do not become 0: limits and epsilons
 * keep their sense.
 */
function narrow(tensor: Tensor): Tensor {
  const { encode } = encodingOfDType('float16')!
  const bounded = (value: number) => {
    if (!Number.isFinite(value) || value === 0) return value
    return Math.sign(value) * Math.min(Math.max(Math.abs(value), smallest), largest)
  }
  return new Tensor(
    'float16',
    Uint16Array.from(tensor.data as Float32Array, (value) => encode(bounded(value))),
    tensor.dims,
  )
}

/** Ops that ONNX has on no float16 in some opset that lanewise writes, and operands that are float32 whatever the others are. */
const wideOps: ReadonlySet<string> = new Set([
  'Celu',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'IsInf',
  'NonMaxSuppression',
  'QLinearConv',
  'QLinearMatMul',
  'QuantizeLinear',
  'Range',
])
const wideOperands: Readonly<Record<string, readonly number[]>> = { Resize: [2] }

const isSingle = (value: Value | undefined): boolean => value?.dtype === 'float32' && !value.container

/** `node` on float16 operands, if it then gives float16 wherever it gave float32; undefined if not. */
function narrowed(node: Node, constantOf: (value: Value) => Tensor | undefined): Node | undefined {
  const holds = node.op.includes('.') || wideOps.has(node.op) || subgraphsOf(node).length > 0
  if (holds || [...node.inputs, ...node.outputs].some((value) => value?.container)) return undefined
  if (node.op === 'Cast') {
    const { to } = node.attributes
    return to === onnxTypeCode.float32
      ? { ...node, attributes: { ...node.attributes, to: onnxTypeCode.float16 } }
      : node
  }
  const wide = wideOperands[node.op] ?? []
  const inputs = node.inputs.map((input, index) =>
    input && isSingle(input) && !wide.includes(index) ? { ...input, dtype: 'float16' as const } : input,
  )
  try {
    const types = inferTypes({ ...node, inputs }, (value) => {
      const original = node.inputs[inputs.indexOf(value)]
      return original && constantOf(original)
    })
    const fits = node.outputs.every(
      (output, index) => types[index].dtype === (isSingle(output) ? 'float16' : output.dtype),
    )
    return fits ? node : undefined
  } catch (error) {
    if (error instanceof LanewiseError) return undefined
    throw error
  }
}

export interface Float16Options {
  /** Inputs and outputs stay float32, with casts behind and before them. */
  readonly keepIoTypes?: boolean | undefined
}

/**
 * `graph` computing in float16: weights, values, inputs and outputs of float32 become float16. Ops that ONNX does not
 * have on float16, quantized ones, those of other domains and those with subgraphs stay in float32 between casts.
 */
export function toFloat16(graph: Graph, { keepIoTypes = false }: Float16Options = {}): Graph {
  const builder = new GraphBuilder(graph.name)
  builder.reserve([
    ...graph.outputs.map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name)),
  ])
  /** What stands for a value of the old graph: in float16 where it was float32, and in its own type. */
  const half = new Map<Value, Value>()
  const own = new Map<Value, Value>()
  const cast = (value: Value, to: 'float16' | 'float32', name: string): Value =>
    builder.node('Cast', `${name}/Cast`, [value], { to: onnxTypeCode[to] }, [name])[0]
  const halfOf = (value: Value, name = `${value.name}/float16`): Value => {
    const known = half.get(value)
    if (known) return known
    const tensor = graph.constants.get(value)
    const made = tensor ? builder.constant(narrow(tensor), value.name) : cast(own.get(value)!, 'float16', name)
    half.set(value, made)
    return made
  }
  const ownOf = (value: Value, name = `${value.name}/float32`): Value => {
    const known = own.get(value)
    if (known) return known
    const tensor = graph.constants.get(value)
    const made = tensor
      ? builder.constant(tensor, isSingle(value) ? `${value.name}/float32` : value.name)
      : cast(half.get(value)!, 'float32', name)
    own.set(value, made)
    return made
  }

  for (const value of graph.inputs) {
    const narrows = isSingle(value) && !keepIoTypes
    const made = builder.input(value.name, narrows ? 'float16' : value.dtype, value.shape, value.container)
    if (narrows) half.set(value, made)
    else own.set(value, made)
  }
  const leaving = new Set(graph.outputs)
  for (const node of graph.nodes) {
    const half16 = narrowed(node, (value) => graph.constants.get(value))
    const wide = wideOperands[node.op] ?? []
    const inputs = node.inputs.map(
      (input, index) => input && (half16 && isSingle(input) && !wide.includes(index) ? halfOf(input) : ownOf(input)),
    )
    /** Whether the output is made in the type that the new graph's output of that name has. */
    const keepsName = (output: Value) =>
      !isSingle(output) || (leaving.has(output) ? keepIoTypes === !half16 : half16 !== undefined)
    const names = node.outputs.map((output) =>
      keepsName(output) ? output.name : `${output.name}/${half16 ? 'float16' : 'float32'}`,
    )
    const { op, attributes } = half16 ?? node
    builder.node(op, node.name, inputs, attributes, names, node.about).forEach((value, index) => {
      const output = node.outputs[index]
      if (half16 && isSingle(output)) half.set(output, value)
      else own.set(output, value)
    })
  }
  for (const output of graph.outputs) {
    const value = isSingle(output) && !keepIoTypes ? halfOf(output, output.name) : ownOf(output, output.name)
    builder.output(value, output.name)
  }
  return builder.build(graph)
}
