import { coreOperators } from '../ops/index.js'
import { loadOperators, packOf } from '../packs/index.js'
import type { ModelProto, NodeProto } from './messages.js'
import { loadContribWriters, newestOpOf } from './opsets/index.js'
import { domainOf } from './opsets/versions.js'
import { deepestSubgraph } from './proto.js'

/** The name that `Node.op` holds. */
export const opOf = ({ domain, opType }: NodeProto): string =>
  domainOf(domain) === '' ? (opType ?? '') : `${domain}.${opType}`

/** The ops of `nodes` and of the subgraphs in them, by the names that they have in the newest opset. */
function collect(nodes: readonly NodeProto[], found: Set<string>, depth = 0): ReadonlySet<string> {
  for (const node of nodes) {
    found.add(newestOpOf(opOf(node)))
    if (depth > deepestSubgraph) continue
    for (const { g, graphs } of node.attribute ?? [])
      for (const inner of [g, ...(graphs ?? [])]) if (inner) collect(inner.node ?? [], found, depth + 1)
  }
  return found
}

/**
 * Loads the ops that `model` holds and that are not in the core. What is in no pack may be an op of another domain, which
 * is written in ONNX's at import, with whatever ops that takes: then all are loaded.
 */
export async function loadNeeds(model: ModelProto): Promise<void> {
  const found = new Set<string>()
  collect(model.graph?.node ?? [], found)
  for (const { node } of model.functions ?? []) collect(node ?? [], found)
  const rare = [...found].filter((op) => !Object.hasOwn(coreOperators, op))
  if (rare.every((op) => packOf(op) !== undefined)) return loadOperators(rare)
  await Promise.all([loadContribWriters(), loadOperators()])
}
