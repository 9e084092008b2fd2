import type { DType } from '../core/dtype.js'
import type { Graph, Value } from '../core/ir.js'
import type { Source } from '../core/source.js'
import { subgraphsOf } from '../core/subgraph.js'
import type { Tensor } from '../core/tensor.js'
import { type LoadOptions, loadModel } from './source.js'

/** What an ONNX model holds, after its import: functions expanded, ops in their newest forms. */
export interface ModelDescription {
  /** The graph's name. */
  readonly name: string
  readonly producer: string | undefined
  readonly inputs: readonly PortDescription[]
  readonly outputs: readonly PortDescription[]
  /** In the order that they run in; those of subgraphs follow the node that holds them. */
  readonly nodes: readonly NodeDescription[]
  /** Number of nodes by op, in alphabetical order. */
  readonly ops: Readonly<Record<string, number>>
  /** Elements of all constants but those of the types that shapes, indices and conditions have: int64, bool and strings. */
  readonly parameters: number
  /** Bytes of all constants in memory. */
  readonly constantBytes: number
  readonly metadata: Readonly<Record<string, string>>
  /** What the import noticed. */
  readonly notes: readonly string[]
}

/** An input or output of a model: its element type, and its shape, with names for sizes that are open. */
export interface PortDescription {
  readonly name: string
  /** As in ONNX: `float32`, `int64`, …; of a sequence or optional the type of its elements. */
  readonly type: string
  /** A number, or the name of a size that each run may choose. */
  readonly shape: readonly (number | string)[]
  readonly container?: string | undefined
}

/** A node of a model, with the names of the values that it reads and makes. */
export interface NodeDescription {
  readonly name: string
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly PortDescription[]
}

const structural: readonly DType[] = ['int64', 'bool', 'string']

/**
 * Reads an ONNX model from a path, a URL or its bytes and tells what is in it, without running it.
 * Throws INVALID_MODEL, UNSUPPORTED_OP, DATA_NOT_FOUND, IO_ERROR.
 */
export const describeOnnx = async (source: Source, options: LoadOptions = {}): Promise<ModelDescription> =>
  describeGraph((await loadModel(source, options)).graph)

/** As describeOnnx, of a graph. */
export function describeGraph(graph: Graph): ModelDescription {
  const nodes: NodeDescription[] = []
  const constants = new Set<Tensor>()
  const visit = (part: Graph): void => {
    for (const tensor of part.constants.values()) constants.add(tensor)
    for (const node of part.nodes) {
      const inputs = node.inputs.map((value) => value?.name ?? '')
      nodes.push({ name: node.name, op: node.op, inputs, outputs: node.outputs.map(describePort) })
      for (const [, subgraph] of subgraphsOf(node)) visit(subgraph)
    }
  }
  visit(graph)
  let [parameters, constantBytes] = [0, 0]
  for (const { type, size, data } of constants) {
    if (!structural.includes(type)) parameters += size
    if (ArrayBuffer.isView(data)) constantBytes += data.byteLength
  }
  const ops: Record<string, number> = {}
  for (const op of nodes.map((node) => node.op).sort()) ops[op] = (ops[op] ?? 0) + 1
  return {
    name: graph.name,
    producer: graph.origin?.producerName || undefined,
    inputs: graph.inputs.map(describePort),
    outputs: graph.outputs.map(describePort),
    nodes,
    ops,
    parameters,
    constantBytes,
    metadata: graph.metadata,
    notes: graph.origin?.notes ?? [],
  }
}

const describePort = ({ name, dtype, shape, container }: Value): PortDescription => ({
  name,
  type: dtype,
  shape,
  ...(container ? { container } : {}),
})
