import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from './messages.js'
import type { Opsets } from './opsets/versions.js'

/** A function that a model brings. */
export interface ModelFunction {
  readonly proto: FunctionProto
  readonly opsets: Opsets
  /** Attributes with a default, by name. */
  readonly defaults: ReadonlyMap<string, AttributeProto>
}

/** The nodes of a function for one call of it. */
export function bodyOf({ proto, defaults }: ModelFunction, call: NodeProto): NodeProto[] {
  const prefix = call.output?.find((name) => name) || call.name || call.opType
  const names = new Map<string, string>([['', '']])
  proto.input?.forEach((name, index) => {
    names.set(name, call.input?.[index] ?? '')
  })
  const given = new Map(call.attribute?.map((attribute) => [attribute.name ?? '', attribute]))
  const outputs = new Map<string, string>()
  proto.output?.forEach((name, index) => {
    const actual = call.output?.[index]
    if (actual && !names.has(name) && !outputs.has(name)) outputs.set(name, actual)
  })
  const rename = (name: string) => names.get(name) ?? outputs.get(name) ?? `${prefix}/${name}`
  const attributeOf = (attribute: AttributeProto): AttributeProto[] => {
    if (attribute.refAttrName) {
      const value = given.get(attribute.refAttrName) ?? defaults.get(attribute.refAttrName)
      return value ? [{ ...value, name: attribute.name }] : []
    }
    if (attribute.g) return [{ ...attribute, g: graphOf(attribute.g) }]
    if (attribute.graphs?.length) return [{ ...attribute, graphs: attribute.graphs.map(graphOf) }]
    return [attribute]
  }
  const nodeOf = (node: NodeProto): NodeProto => ({
    ...node,
    name: node.name ? `${prefix}/${node.name}` : '',
    input: node.input?.map(rename) ?? [],
    output: node.output?.map(rename) ?? [],
    attribute: node.attribute?.flatMap(attributeOf) ?? [],
  })
  const named = <T extends { name?: string | undefined }>(item: T): T => ({ ...item, name: rename(item.name ?? '') })
  const graphOf = (graph: GraphProto): GraphProto => ({
    ...graph,
    node: graph.node?.map(nodeOf) ?? [],
    input: graph.input?.map(named) ?? [],
    output: graph.output?.map(named) ?? [],
    initializer: graph.initializer?.map(named) ?? [],
    valueInfo: graph.valueInfo?.map(named) ?? [],
  })
  const body = proto.node?.map(nodeOf) ?? []
  // An output that is an input of the function, or given out twice, is passed on by itself.
  proto.output?.forEach((name, index) => {
    const actual = call.output?.[index]
    if (actual && outputs.get(name) !== actual)
      body.push({ opType: 'Identity', name: '', input: [rename(name)], output: [actual], attribute: [] })
  })
  return body
}
