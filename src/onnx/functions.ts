import { LanewiseError } from '../core/errors.js'
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from './messages.js'
import { type Opsets, opsetsOf } from './opsets/versions.js'

/** A node with the opsets that its op is to be read under: the model's, or those of the function that holds it. */
export interface SourceNode {
  readonly proto: NodeProto
  readonly opsets: Opsets
}

interface ModelFunction {
  readonly proto: FunctionProto
  readonly opsets: Opsets
  /** Attributes with a default, by name. */
  readonly defaults: ReadonlyMap<string, AttributeProto>
}

/** The functions of a model by `domain.name`. */
export type ModelFunctions = ReadonlyMap<string, ModelFunction>

const keyOf = (domain: string | undefined, name: string | undefined) =>
  `${domain === 'ai.onnx' ? '' : (domain ?? '')}.${name}`

/** The functions that a model brings. */
export const functionsOf = (model: ModelProto): ModelFunctions =>
  new Map(
    model.functions?.map((proto) => {
      const defaults = new Map(proto.attributeProto?.map((attribute) => [attribute.name ?? '', attribute]))
      return [keyOf(proto.domain, proto.name), { proto, opsets: opsetsOf(proto.opsetImport ?? []), defaults }]
    }),
  )

/** How deep functions may call each other, and how many nodes their bodies may grow to. */
const deepestCall = 64
const mostNodes = 50_000

/**
 * `nodes` with each call of a model function replaced by its body, until none is left; values and nodes of a body are
 * named after the call. Throws INVALID_MODEL for functions that call themselves, or that grow without end.
 */
export function inlineFunctions(nodes: readonly NodeProto[], opsets: Opsets, functions: ModelFunctions): SourceNode[] {
  const result: SourceNode[] = []
  let expanded = 0
  const expand = (proto: NodeProto, within: Opsets, depth: number) => {
    const called = functions.get(keyOf(proto.domain, proto.opType))
    if (!called) {
      if (depth > 0 && ++expanded > mostNodes)
        throw new LanewiseError('INVALID_MODEL', `the functions of the model expand to more than ${mostNodes} nodes`)
      result.push({ proto, opsets: within })
      return
    }
    if (depth >= deepestCall)
      throw new LanewiseError(
        'INVALID_MODEL',
        `${proto.opType} '${proto.name}': functions call each other more than ${deepestCall} deep, or without end`,
      )
    for (const inner of bodyOf(called, proto)) expand(inner, called.opsets, depth + 1)
  }
  for (const proto of nodes) expand(proto, opsets, 0)
  return result
}

/** The nodes of a function for one call of it. */
function bodyOf({ proto, defaults }: ModelFunction, call: NodeProto): NodeProto[] {
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
