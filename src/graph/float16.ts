import { onnxTypeCode } from '../core/dtype.js'
import type { Graph, Value } from '../core/ir.js'
import { encodingOfDType } from '../core/minifloat.js'
import { Tensor } from '../core/tensor.js'
import { GraphBuilder } from './builder.js'

/** Fewer elements than this stay as they are: scales, limits and sizes that an op may take in float32 only. */
const fewest = 16

/**
 * `graph` with its float32 weights held in float16, at half the size. Each is widened where it is read, so every op
 * computes as before, on values rounded to float16; those beyond its range (65504) become infinite.
 */
export function toFloat16(graph: Graph): Graph {
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

function narrow(tensor: Tensor): Tensor {
  const { encode } = encodingOfDType('float16')!
  return new Tensor(
    'float16',
    Uint16Array.from(tensor.data as Float32Array, (value) => encode(value)),
    tensor.dims,
  )
}
