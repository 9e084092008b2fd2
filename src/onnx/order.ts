import { LanewiseError } from '../core/errors.js'
import type { SourceNode } from './functions.js'
import type { GraphProto, NodeProto } from './messages.js'
import { describeProto } from './proto.js'

const captured = new WeakMap<NodeProto, readonly string[]>()

/** The names that the subgraphs of `node` read from outside of themselves, in the order of their first use. */
export function capturesOf(node: NodeProto): readonly string[] {
  const known = captured.get(node)
  if (known) return known
  const names = new Set<string>()
  for (const { g, graphs } of node.attribute ?? [])
    for (const graph of [g, ...(graphs ?? [])]) if (graph) for (const name of freeNames(graph)) names.add(name)
  const list = [...names]
  captured.set(node, list)
  return list
}

function freeNames(graph: GraphProto): ReadonlySet<string> {
  const own = new Set<string>()
  for (const { name } of [...(graph.input ?? []), ...(graph.initializer ?? [])]) own.add(name ?? '')
  for (const { values } of graph.sparseInitializer ?? []) own.add(values?.name ?? '')
  for (const node of graph.node ?? []) for (const name of node.output ?? []) own.add(name)
  const free = new Set<string>()
  const read = (name: string) => {
    if (name && !own.has(name)) free.add(name)
  }
  for (const node of graph.node ?? []) {
    for (const name of node.input ?? []) read(name)
    for (const name of capturesOf(node)) read(name)
  }
  for (const { name } of graph.output ?? []) read(name ?? '')
  return free
}

/**
 * The nodes in topological order: the given order where it is one. `known` holds the names that need no node.
 * Throws INVALID_MODEL for a cycle, or for an input that nothing defines.
 */
export function inOrder(nodes: readonly SourceNode[], known: (name: string) => boolean): SourceNode[] {
  const producers = new Map<string, SourceNode>()
  for (const source of nodes) for (const name of source.proto.output ?? []) if (name) producers.set(name, source)
  const ordered = new Set<SourceNode>()
  const open = new Set<SourceNode>()
  for (const root of nodes) {
    if (ordered.has(root)) continue
    const stack = [{ source: root, reads: readsOf(root), at: 0 }]
    open.add(root)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { source, reads } = top
      if (top.at === reads.length) {
        ordered.add(source)
        open.delete(source)
        stack.pop()
        continue
      }
      const name = reads[top.at++]
      if (!name || known(name)) continue
      const producer = producers.get(name)
      if (!producer)
        throw new LanewiseError(
          'INVALID_MODEL',
          `${describeProto(source.proto)} reads '${name}', which nothing defines`,
        )
      if (open.has(producer))
        throw new LanewiseError('INVALID_MODEL', `${describeProto(producer.proto)} depends on its own output`)
      if (ordered.has(producer)) continue
      open.add(producer)
      stack.push({ source: producer, reads: readsOf(producer), at: 0 })
    }
  }
  return [...ordered]
}

const readsOf = ({ proto }: SourceNode): readonly string[] => [...(proto.input ?? []), ...capturesOf(proto)]
