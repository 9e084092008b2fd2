import type { Graph, Node, Value } from '../core/ir.js'
import { traitsOf } from '../ops/index.js'

/**
 * The nodes in the order they run. The graph's order is kept, but for two kinds of node:
 * - an update op runs as soon as its operands are there and nothing else is left to read the variables it replaces,
 *   so that gradients die early and the variable can be written in place;
 * - a node that reads only inputs, constants and variables runs right before its first consumer.
 */
export function schedule(graph: Graph): readonly Node[] {
  const producers = new Map<Value, Node>()
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node)
  const variableOf = variableRoots(graph)
  const readers = new Map<Value, Node[]>()
  for (const node of graph.variables.size > 0 ? graph.nodes : [])
    for (const variable of new Set(node.inputs.flatMap((input) => (input && variableOf.get(input)) ?? [])))
      readers.set(variable, [...(readers.get(variable) ?? []), node])

  const updates = new Map<Node, readonly Node[]>()
  const lazy = new Set<Node>()
  const needed = new Set([...graph.outputs, ...graph.updates.map((update) => update.value)])
  for (const node of graph.nodes) {
    const { updates: targets } = traitsOf(node.op)
    if (targets) {
      const variables = targets.flatMap((index) => (index === undefined ? [] : (node.inputs[index] ?? [])))
      updates.set(
        node,
        variables.flatMap((variable) => (readers.get(variable) ?? []).filter((reader) => reader !== node)),
      )
    } else if (
      !node.outputs.some((output) => needed.has(output)) &&
      node.inputs.every((input) => input === undefined || !producers.has(input) || lazy.has(producers.get(input)!))
    )
      lazy.add(node)
  }

  const order: Node[] = []
  const done = new Set<Node>()
  const run = (node: Node): void => {
    if (done.has(node)) return
    done.add(node)
    for (const input of node.inputs) {
      const producer = input && producers.get(input)
      if (producer) run(producer)
    }
    for (const reader of updates.get(node) ?? []) if (lazy.has(reader)) run(reader)
    order.push(node)
  }
  const waiting = new Set(updates.keys())
  const isAvailable = (node: Node | undefined) => node === undefined || done.has(node) || lazy.has(node)
  const isReady = (node: Node) =>
    node.inputs.every((input) => isAvailable(input && producers.get(input))) && updates.get(node)!.every(isAvailable)
  for (const node of graph.nodes) {
    if (lazy.has(node) || updates.has(node)) continue
    run(node)
    for (const update of waiting)
      if (done.has(update)) waiting.delete(update)
      else if (isReady(update)) {
        run(update)
        waiting.delete(update)
      }
  }
  for (const node of graph.nodes) run(node)
  return order
}

/** The variable that each value is a view of, variables included. */
function variableRoots(graph: Graph): Map<Value, Value> {
  const roots = new Map<Value, Value>([...graph.variables.keys()].map((value) => [value, value]))
  for (const node of graph.nodes) {
    const root = node.inputs[0] && roots.get(node.inputs[0])
    if (root && traitsOf(node.op).view) roots.set(node.outputs[0], root)
  }
  return roots
}
