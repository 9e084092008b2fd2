import { LanewiseError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import type { HostLayer, Layer, LayerNode, SymbolicTensor } from './layers/layer.js'
import { type Network, tensorNames } from './network.js'

/** A network without strings, which no backend holds, and what the host does before and after it. */
export interface HostEdge {
  readonly network: Network
  /** The names of its inputs. */
  readonly inputNames: readonly string[]
  /** What enters for the model's inputs. */
  into(inputs: readonly Tensor[]): Tensor[]
  /** The model's outputs for what comes out. */
  outOf(outputs: readonly Tensor[]): Tensor[]
}

const isHostLayer = (layer: Layer): layer is Layer & HostLayer => 'onHost' in layer

/** The layer that the host runs; others do not take or give strings. Throws UNSUPPORTED_OP. */
function hostLayer(node: LayerNode): HostLayer {
  return isHostLayer(node.layer) ? node.layer : refuse(node)
}

function refuse({ layer }: LayerNode): never {
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `layer '${layer.name}' (${layer.className}) gets or gives strings: in training and prediction only lookup layers at a model's inputs and outputs do`,
  )
}

/** An input of the network without strings: input `index` of the model, or what `reader` makes of it. */
interface Entry {
  readonly tensor: SymbolicTensor
  readonly index: number
  readonly reader: LayerNode | undefined
}

const isText = (tensor: SymbolicTensor) => tensor.dtype === 'string'

const edges = new WeakMap<Network, HostEdge>()

/** Has the host run the lookup layers that read strings from the inputs, or give them as outputs. */
export function hostEdge(network: Network): HostEdge {
  const known = edges.get(network)
  if (known) return known
  const edge = findEdge(network)
  edges.set(network, edge)
  return edge
}

function findEdge(network: Network): HostEdge {
  const readers = network.nodes.filter((node) => node.inputs.some(isText) && node.inputs.length > 0)
  const writers = network.outputs.map((tensor) => (isText(tensor) ? tensor.node : undefined))
  if (readers.length === 0 && writers.every((node) => node === undefined))
    return {
      network,
      inputNames: tensorNames(network.inputs),
      into: (inputs) => [...inputs],
      outOf: (outputs) => [...outputs],
    }
  const entries = network.inputs.flatMap((tensor, index): readonly Entry[] => {
    if (!isText(tensor)) return [{ tensor, index, reader: undefined }]
    const own = readers.filter((node) => node.inputs.includes(tensor))
    return own.map((node) => ({ tensor: { dtype: 'int64', shape: tensor.shape, node, index: 0 }, index, reader: node }))
  })
  const replaced = new Map<LayerNode, LayerNode>()
  for (const { tensor, reader } of entries)
    if (reader) replaced.set(reader, { ...reader, inputs: [tensor], args: { [Object.keys(reader.args)[0]]: tensor } })
  for (const node of [...replaced.keys(), ...writers.filter((writer) => writer !== undefined)]) hostLayer(node)
  const within = readers.find((node) => !replaced.has(node))
  if (within) refuse(within)
  return {
    network: {
      ...network,
      inputs: entries.map(({ tensor }) => tensor),
      outputs: network.outputs.map((tensor, i) => writers[i]?.inputs[0] ?? tensor),
      nodes: network.nodes.filter((node) => !writers.includes(node)).map((node) => replaced.get(node) ?? node),
    },
    inputNames: tensorNames(entries.map(({ tensor }) => tensor)),
    into: (inputs) =>
      entries.map(({ index, reader }) => (reader ? hostLayer(reader).onHost(inputs[index]) : inputs[index])),
    outOf: (outputs) =>
      outputs.map((tensor, i) => {
        const node = writers[i]
        return node ? hostLayer(node).onHost(tensor) : tensor
      }),
  }
}
