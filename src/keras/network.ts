import type { Value } from '../core/ir.js'
import { invalid } from './config.js'
import type { CallContext } from './layers/context.js'
import { InputLayer } from './layers/core.js'
import { callOf, type Layer, type LayerNode, type SymbolicTensor } from './layers/layer.js'

/** The applications of layers between inputs and outputs. */
export interface Network {
  readonly inputs: readonly SymbolicTensor[]
  readonly outputs: readonly SymbolicTensor[]
  /** Each after the nodes it reads from. */
  readonly nodes: readonly LayerNode[]
  /** By decreasing distance from the outputs: Keras's order, which weights follow. */
  readonly layers: readonly Layer[]
}

/**
 * The ends of a network between tensors of another: inputs that no `input()` gave are replaced by such, and what lies between is
 * applied anew.
 */
export function cutOut(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]) {
  const isInput = ({ node }: SymbolicTensor) => node.layer instanceof InputLayer
  if (inputs.every(isInput)) return { inputs, outputs }
  const fresh = inputs.map((tensor) =>
    isInput(tensor) ? tensor : new InputLayer({ batchShape: tensor.shape, dtype: tensor.dtype }).output,
  )
  const known = new Map(inputs.map((tensor, i) => [tensor, fresh[i]]))
  const applied = new Map<LayerNode, readonly SymbolicTensor[]>()
  const copied = (tensor: SymbolicTensor): SymbolicTensor => {
    const { node, index } = tensor
    const end = known.get(tensor)
    if (end ?? isInput(tensor)) return end ?? tensor
    if (!applied.has(node)) applied.set(node, reapply(node, copied))
    return applied.get(node)![index]
  }
  return { inputs: fresh, outputs: outputs.map(copied) }
}

/** Applies a node's layer as the node does, to what `replace` gives for its tensors. */
function reapply({ layer, args }: LayerNode, replace: (tensor: SymbolicTensor) => SymbolicTensor) {
  const call = callOf({ args }, replace as never) as unknown as { inputs: SymbolicTensor[]; args: LayerNode['args'] }
  const isList = Array.isArray(Object.values(args)[0])
  return layer.applyAll(isList ? call.inputs : call.inputs[0], call.args)
}

/** Walks back from the outputs. Throws INVALID_ARGUMENT where the outputs need an input that is not given. */
export function traceNetwork(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Network {
  const given = new Set(inputs.map((tensor) => tensor.node))
  const finished = new Set<LayerNode>()
  const order: LayerNode[] = []
  const firstMet = new Map<Layer, number>()
  const visit = (node: LayerNode) => {
    if (finished.has(node)) return
    if (node.layer instanceof InputLayer && !given.has(node))
      throw invalid(`the outputs depend on input '${node.layer.name}', which is not among the model's inputs`)
    if (!firstMet.has(node.layer)) firstMet.set(node.layer, firstMet.size)
    finished.add(node)
    for (const tensor of node.inputs) visit(tensor.node)
    order.push(node)
  }
  for (const tensor of outputs) visit(tensor.node)

  const nodeDepth = new Map<LayerNode, number>()
  const layerDepth = new Map<Layer, number>()
  for (const node of [...order].reverse()) {
    const depth = Math.max(nodeDepth.get(node) ?? 0, layerDepth.get(node.layer) ?? 0)
    nodeDepth.set(node, depth)
    layerDepth.set(node.layer, depth)
    for (const { node: parent } of node.inputs) nodeDepth.set(parent, Math.max(depth + 1, nodeDepth.get(parent) ?? 0))
  }
  for (const { node } of inputs)
    if (!finished.has(node)) {
      layerDepth.set(node.layer, 0)
      firstMet.set(node.layer, -1)
      order.push(node)
    }
  const layers = [...layerDepth.keys()].sort(
    (a, b) => layerDepth.get(b)! - layerDepth.get(a)! || firstMet.get(a)! - firstMet.get(b)!,
  )
  return { inputs, outputs, nodes: order, layers }
}

/** Writes all layers; `values` stand for the inputs. */
export function writeNetwork(network: Network, values: readonly Value[], context: CallContext): readonly Value[] {
  const known = new Map<SymbolicTensor, Value>(network.inputs.map((tensor, i) => [tensor, values[i]]))
  for (const node of network.nodes) {
    if (node.layer instanceof InputLayer) continue
    const { inputs, args } = callOf(node, (tensor) => known.get(tensor)!)
    const results = node.layer.write(inputs, context, args)
    node.outputs.forEach((tensor, i) => {
      known.set(tensor, results[i])
    })
  }
  return network.outputs.map((tensor) => known.get(tensor)!)
}

/**
 * Gives every unnamed layer a name of its own: `dense`, `dense_1` …; names that other models gave are kept where they are free.
 * Throws INVALID_ARGUMENT for a name given twice.
 */
export function nameLayers(layers: readonly Layer[], reserved: readonly string[] = []): void {
  const used = new Set(reserved)
  for (const layer of layers.filter((layer) => layer.isNamed)) {
    if (used.has(layer.name)) throw invalid(`two layers are called '${layer.name}'; names within a model must differ`)
    used.add(layer.name)
  }
  const unnamed = layers.filter((layer) => !layer.isNamed)
  const isKnown = (layer: Layer) => layer.hasAssignedName
  for (const layer of [...unnamed.filter(isKnown), ...unnamed.filter((layer) => !isKnown(layer))]) {
    const base = layer.name.replace(/_\d+$/, '')
    let name = layer.hasAssignedName ? layer.name : base
    for (let suffix = 1; used.has(name); suffix++) name = `${base}_${suffix}`
    used.add(name)
    layer.assignName(name)
  }
}

/** `<layer>`, or `<layer>_<i>` where a layer gives several of the tensors. */
export function tensorNames(tensors: readonly SymbolicTensor[]): string[] {
  const used = new Set<string>()
  return tensors.map(({ node }) => {
    let name = node.layer.name
    for (let suffix = 1; used.has(name); suffix++) name = `${node.layer.name}_${suffix}`
    used.add(name)
    return name
  })
}
