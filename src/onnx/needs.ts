import { coreOperators } from '../ops/index.js'
import { loadOperators, packOf } from '../packs/index.js'
import { loadFunctionBodies } from './functions.js'
import type { ModelProto, NodeProto } from './messages.js'
import { isOldForm, loadAdapters, loadContribWriters, newestOpOf, oldestOpset } from './opsets/index.js'
import { domainOf, opsetsOf } from './opsets/versions.js'
import { deepestSubgraph } from './proto.js'

/** The name that `Node.op` holds. */
export const opOf = ({ domain, opType }: NodeProto): string =>
  domainOf(domain) === '' ? (opType ?? '') : `${domain}.${opType}`

/** The ops of `nodes` and of the subgraphs in them, behind their domains. */
function collect(nodes: readonly NodeProto[], found: Map<string, string>, depth = 0): void {
  for (const node of nodes) {
    found.set(opOf(node), domainOf(node.domain))
    if (depth > deepestSubgraph) continue
    for (const { g, graphs } of node.attribute ?? [])
      for (const inner of [g, ...(graphs ?? [])]) if (inner) collect(inner.node ?? [], found, depth + 1)
  }
}

/**
 * Loads the ops that `model` holds and that are not in the core, the adapters where an op has an older form, and what writes out
 * functions where it has some. What is in
 * no pack may be an op of another domain, which is written in ONNX's at import, with whatever ops that takes: then all are
 * loaded.
 */
export async function loadNeeds(model: ModelProto): Promise<void> {
  const domains = new Map<string, string>()
  collect(model.graph?.node ?? [], domains)
  for (const { node } of model.functions ?? []) collect(node ?? [], domains)
  const ops = [...domains.keys()]
  const imports = [model, ...(model.functions ?? [])].map(({ opsetImport }) => opsetsOf(opsetImport ?? []))
  const oldest = (domain: string) => Math.min(...imports.map((opsets) => opsets.get(domain) ?? oldestOpset))
  const isOld = ops.some((op) => isOldForm(op, oldest(domains.get(op)!)))
  const rare = ops.map(newestOpOf).filter((op) => !Object.hasOwn(coreOperators, op))
  const isKnown = rare.every((op) => packOf(op) !== undefined)
  await Promise.all([
    isOld && loadAdapters(),
    model.functions?.length && loadFunctionBodies(),
    loadOperators(isKnown ? rare : undefined),
    isKnown || loadContribWriters(),
  ])
}
