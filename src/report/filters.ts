import type { Graph } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'

/** The weights of the first convolution over planes: [filters, channels, height, width]. Undefined where a graph has none. */
export function firstFilters(graph: Graph): Tensor | undefined {
  for (const { op, inputs } of graph.nodes) {
    const weights = op === 'Conv' && inputs[1] ? graph.constants.get(inputs[1]) : undefined
    if (weights?.dims.length === 4 && weights.type === 'float32') return weights
  }
  return undefined
}
