import { onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, Node, Value, Variable } from '../core/ir.js'
import type { Dim } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { GraphBuilder } from '../graph/builder.js'
import { definitionOf } from '../ops/index.js'
import { encodeAttributes, writtenAttributes } from './attributes.js'
import { onnx } from './proto.js'
import { encodeTensor } from './tensors.js'

export interface ExportOptions {
  /** ai.onnx opset to write, 13 to 21; 18 unless told. */
  readonly opset?: number
  /** Added to the graph's metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

const defaultOpset = 18
const oldestWritable = 13
const newestWritable = 21

/** The IR version that came with an opset, so that runtimes of its time accept the file. */
const irVersionOf = (opset: number): number => (opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7)

/**
 * Writes an inference graph without variables as an ONNX model of standard ops: names, symbolic dimensions, the shape of
 * every value and the metadata kept. Throws UNSUPPORTED_OP for a node that the opset cannot say.
 */
export function exportModel(graph: Graph, options: ExportOptions = {}): Uint8Array {
  const opset = options.opset ?? defaultOpset
  if (!Number.isInteger(opset) || opset < oldestWritable || opset > newestWritable)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `opset ${opset}: lanewise writes ${oldestWritable} to ${newestWritable}`,
    )
  if (graph.variables.size > 0)
    throw new LanewiseError('INVALID_ARGUMENT', 'an exported graph holds constants, not variables: bake them first')
  const written = decompose(graph, opset)
  const nodes = written.nodes.map(
    (node): onnx.INodeProto => ({
      opType: node.op,
      name: node.name,
      input: node.inputs.map((input) => input?.name ?? ''),
      output: node.outputs.map(({ name }) => name),
      attribute: encodeAttributes(node),
    }),
  )
  const outputs = new Set(written.outputs)
  const model = onnx.ModelProto.create({
    irVersion: irVersionOf(opset),
    producerName: 'lanewise',
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: Object.entries({ ...graph.metadata, ...options.metadata }).map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name,
      node: nodes,
      initializer: [...written.constants].map(([value, tensor]) => encodeTensor(tensor, value.name)),
      input: written.inputs.map(encodeType),
      output: written.outputs.map(encodeType),
      valueInfo: written.nodes.flatMap((node) => node.outputs.filter((value) => !outputs.has(value)).map(encodeType)),
    },
  })
  // In Node the encoder gives a Buffer over shared memory, whose slice() is no copy.
  return new Uint8Array(onnx.ModelProto.encode(model).finish())
}

const encodeType = (value: Value): onnx.IValueInfoProto => ({
  name: value.name,
  type: { tensorType: { elemType: onnxTypeCode[value.dtype], shape: { dim: value.shape.map(encodeDim) } } },
})

const encodeDim = (dim: Dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })

/** Replaces every node that `opset` lacks by its decomposition, until only nodes of that opset are left. */
function decompose(graph: Graph, opset: number): Graph {
  const isWritable = (node: Node) =>
    !node.op.includes('.') &&
    definitionOf(node.op).since <= opset &&
    writtenAttributes(node).every(({ schema }) => (schema.since ?? 0) <= opset)
  if (graph.nodes.every(isWritable)) return graph
  const builder = new GraphBuilder(graph.name)
  const replaced = new Map<Value, Value>()
  const at = (value: Value): Value => replaced.get(value) ?? value
  for (const value of graph.inputs) replaced.set(value, builder.input(value.name, value.dtype, value.shape))
  for (const [value, tensor] of graph.constants) replaced.set(value, builder.constant(tensor, value.name))
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => input && at(input))
    if (isWritable(node)) {
      const names = node.outputs.map(({ name }) => name)
      const outputs = builder.node(node.op, node.name, inputs, node.attributes, names)
      node.outputs.forEach((value, index) => {
        replaced.set(value, outputs[index])
      })
      continue
    }
    const rule = definitionOf(node.op).decompose
    if (!rule)
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${node.op} '${node.name}' has no form in opset ${opset}; export with a newer one`,
      )
    const outputs = builder.scope(node.name, () => rule(builder, { ...node, inputs }))
    node.outputs.forEach((value, index) => {
      replaced.set(value, outputs[index])
    })
  }
  for (const output of graph.outputs) builder.output(at(output), output.name)
  return decompose(builder.build(graph.metadata), opset)
}

/** `graph` with each variable replaced by a constant of the content that `contents` holds for it. Updates are dropped. */
export function bakeVariables(graph: Graph, contents: ReadonlyMap<Variable, Tensor>): Graph {
  const constants = new Map(graph.constants)
  for (const [value, variable] of graph.variables) {
    const content = contents.get(variable)
    if (!content) throw new LanewiseError('INVALID_ARGUMENT', `no content is given for the variable '${variable.name}'`)
    constants.set(value, content)
  }
  return { ...graph, constants, variables: new Map(), updates: [] }
}
