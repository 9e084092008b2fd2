import type { AttributeValue, Graph, Node, TensorType } from '../core/ir.js'
import { isGraph } from '../core/subgraph.js'
import type { Tensor } from '../core/tensor.js'
import type { AttributeSchema } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import { type AttributeProto, attributeType, type GraphProto } from './messages.js'
import { encodeTensor } from './tensors.js'
import { encodeType } from './types.js'

const encodeText = (text: string) => new TextEncoder().encode(text)

/** The attributes of `node` that differ from their defaults, with their schemas. */
export function writtenAttributes(node: Node): { name: string; schema: AttributeSchema; value: AttributeValue }[] {
  const schemas = definitionOf(node.op).attributes ?? {}
  return Object.entries(node.attributes).flatMap(([name, value]) => {
    const schema = schemas[name]
    return value === undefined || schema === undefined || schema.internal || sameValue(value, schema.default)
      ? []
      : [{ name, schema, value }]
  })
}

/** The attributes of `node` that differ from their defaults, typed by the op's schema; `encodeGraph` writes subgraphs. */
export const encodeAttributes = (node: Node, encodeGraph: EncodeGraph): AttributeProto[] =>
  writtenAttributes(node).map(({ name, schema, value }) => ({
    name,
    ...encodeAttribute(schema.type, value, encodeGraph),
  }))

type EncodeGraph = (graph: Graph) => GraphProto

const sameValue = (a: AttributeValue, b: AttributeValue | undefined) =>
  b !== undefined && JSON.stringify(a) === JSON.stringify(b)

function encodeAttribute(
  type: AttributeSchema['type'],
  value: AttributeValue,
  encodeGraph: EncodeGraph,
): AttributeProto {
  switch (type) {
    case 'float':
      return { type: attributeType.FLOAT, f: value as number }
    case 'int':
      return { type: attributeType.INT, i: value as number }
    case 'string':
      return { type: attributeType.STRING, s: encodeText(value as string) }
    case 'floats':
      return { type: attributeType.FLOATS, floats: [...(value as readonly number[])] }
    case 'ints':
      return { type: attributeType.INTS, ints: [...(value as readonly number[])] }
    case 'strings':
      return { type: attributeType.STRINGS, strings: (value as readonly string[]).map(encodeText) }
    case 'tensor':
      return { type: attributeType.TENSOR, t: encodeTensor(value as Tensor) }
    case 'type':
      return { type: attributeType.TYPE_PROTO, tp: encodeType(value as TensorType) }
    case 'graph':
      return isGraph(value)
        ? { type: attributeType.GRAPH, g: encodeGraph(value) }
        : { type: attributeType.GRAPHS, graphs: (value as readonly Graph[]).map(encodeGraph) }
  }
}
