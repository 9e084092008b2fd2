import { fieldsOf } from './wire.js'

// Field numbers of onnx.proto.
const model = { graph: 7, functions: 25 }
const graph = { node: 1 }
const modelFunction = { node: 7 }
const node = { output: 2, name: 3, opType: 4, attribute: 5 }
const attribute = { graph: 6, graphs: 11 }

const textIn = (message: Uint8Array, wanted: number): string | undefined => {
  for (const { field, bytes } of fieldsOf(message)) if (field === wanted) return new TextDecoder().decode(bytes)
  return undefined
}

/** The node, as errors name it, that holds subgraphs in more than `limit` levels in a model's file; undefined if none does. */
export function nodeBeyond(file: Uint8Array, limit: number): string | undefined {
  const inNodes = (message: Uint8Array, field: number, depth: number): string | undefined => {
    for (const item of fieldsOf(message)) {
      const found = item.field === field ? inNode(item.bytes, depth) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  const inNode = (message: Uint8Array, depth: number): string | undefined => {
    for (const item of fieldsOf(message)) {
      if (item.field !== node.attribute) continue
      for (const { field, bytes } of fieldsOf(item.bytes)) {
        if (field !== attribute.graph && field !== attribute.graphs) continue
        if (depth >= limit)
          return `${textIn(message, node.opType)} '${textIn(message, node.name) || textIn(message, node.output) || ''}'`
        const found = inNodes(bytes, graph.node, depth + 1)
        if (found !== undefined) return found
      }
    }
    return undefined
  }
  for (const { field, bytes } of fieldsOf(file)) {
    const found =
      field === model.graph
        ? inNodes(bytes, graph.node, 0)
        : field === model.functions
          ? inNodes(bytes, modelFunction.node, 0)
          : undefined
    if (found !== undefined) return found
  }
  return undefined
}
