import type { Attributes, AttributeValue, Graph, Node, Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import type { Pass } from './pass.js'

/** Constants up to this many elements are compared by content. */
const comparedElements = 64

/** Nodes with the same op, operands and attributes become one; random ops never do. */
export const mergeCommon: Pass = {
  name: 'merge common',
  run(graph: Graph): Graph {
    const rewriter = new Rewriter(graph)
    const ids = new Map<unknown, number>()
    const idOf = (item: unknown): number => {
      if (!ids.has(item)) ids.set(item, ids.size)
      return ids.get(item)!
    }
    const firstOf = firstEqual()
    const constants = new Map<Tensor, Value>()
    const weights = weightsOf(graph)
    for (const [value, tensor] of graph.constants) {
      if (tensor.size > comparedElements || weights.has(value)) continue
      const first = firstOf(tensor)
      const known = constants.get(first)
      if (known) rewriter.replace(value, known)
      else constants.set(first, value)
    }
    const contentOf = (item: unknown) => idOf(item instanceof Tensor ? firstOf(item) : item)
    const operandOf = (input: Value | undefined) => (input ? idOf(rewriter.resolve(input)) : '-')
    const keyOf = (node: Node): string =>
      [node.outputs.length, ...node.inputs.map(operandOf), keyOfAttributes(node.attributes, contentOf)].join('|')
    /** The first node of each op on each first operand: most have no second, and are compared with none. */
    const firsts = new Map<string, Node>()
    const seen = new Map<string, readonly Value[]>()
    for (const node of graph.nodes) {
      if (traitsOf(node.op).random) {
        rewriter.keep(node)
        continue
      }
      const kind = `${node.op}|${operandOf(node.inputs[0])}`
      const first = firsts.get(kind)
      if (first) seen.set(`${kind}|${keyOf(first)}`, first.outputs)
      else firsts.set(kind, node)
      const key = first && `${kind}|${keyOf(node)}`
      const known = key && seen.get(key)
      if (known)
        node.outputs.forEach((output, index) => {
          rewriter.replace(output, known[index])
        })
      else {
        rewriter.keep(node)
        if (key) seen.set(key, node.outputs)
      }
    }
    return rewriter.finish()
  },
}

/** What training may move apart, however alike it is at first. */
const weightsOf = (graph: Graph): ReadonlySet<Value | undefined> =>
  new Set(graph.nodes.flatMap((node) => (traitsOf(node.op).weights ?? []).map((index) => node.inputs[index])))

/** A function that gives for each tensor the first one like it that it was asked for, itself where it is large. */
function firstEqual(): (tensor: Tensor) => Tensor {
  /** Tensors that differ, by type, dims and first element. */
  const known = new Map<string, Tensor[]>()
  return (tensor) => {
    if (tensor.size > comparedElements) return tensor
    const key = `${tensor.type}[${tensor.dims}]${tensor.data[0]}`
    const alike = known.get(key) ?? []
    const first = alike.find((other) => hasSameElements(tensor, other))
    if (!first) known.set(key, [...alike, tensor])
    return first ?? tensor
  }
}

const hasSameElements = ({ data }: Tensor, other: Tensor): boolean => {
  const elements = other.data as ArrayLike<unknown>
  return (data as unknown[]).every((element, index) => Object.is(element, elements[index]))
}

const keyOfAttribute = (value: AttributeValue, idOf: (item: unknown) => number): string =>
  typeof value === 'object' && !Array.isArray(value)
    ? `#${idOf(value)}`
    : JSON.stringify([value].flat().map((item) => (typeof item === 'object' ? `#${idOf(item)}` : item)))

const keyOfAttributes = (attributes: Attributes, idOf: (item: unknown) => number): string =>
  Object.entries(attributes)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${keyOfAttribute(value, idOf)}`]))
    .sort()
    .join(',')
