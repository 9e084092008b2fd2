import type { DType } from '../core/dtype.js'
import type { Graph, Value } from '../core/ir.js'
import { subgraphsOf } from '../core/subgraph.js'
import type { Tensor } from '../core/tensor.js'
import type { ModelDescription, NodeDescription, PortDescription } from './describe.js'

const structural: readonly DType[] = ['int64', 'bool', 'string']

/** What a graph holds; see describe.ts. */
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
