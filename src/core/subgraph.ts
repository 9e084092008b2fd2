import type { AttributeValue, Graph, Node } from './ir.js'

export const isGraph = (value: unknown): value is Graph =>
  typeof value === 'object' && value !== null && 'nodes' in value

const graphsIn = (value: AttributeValue | undefined): readonly Graph[] =>
  isGraph(value) ? [value] : Array.isArray(value) ? value.filter(isGraph) : []

/** The subgraphs that `node` holds in its attributes, by the names of those; graphs of a list share a name. */
export const subgraphsOf = (node: Pick<Node, 'attributes'>): readonly (readonly [string, Graph])[] =>
  Object.entries(node.attributes).flatMap(([name, value]) => graphsIn(value).map((graph) => [name, graph] as const))
