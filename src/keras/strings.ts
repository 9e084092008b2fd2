import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import type { CallContext } from './layers/context.js'
import type { HostLayer } from './layers/host-layer.js'
import { Layer, type LayerNode, type SymbolicTensor } from './layers/layer.js'
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

/** An input of the network without strings: input `indices[0]` of the model, or what `reader` makes of those. */
interface Entry {
  readonly tensor: SymbolicTensor
  readonly indices: readonly number[]
  readonly reader: LayerNode | undefined
}

const isText = (tensor: SymbolicTensor) => tensor.dtype === 'string'

/** What is left of a layer once the host has done its part. */
class Rest extends Layer {
  readonly #layer: HostLayer

  constructor(layer: Layer & HostLayer) {
    super({ name: layer.name })
    this.#layer = layer
  }

  call([found]: readonly Value[], context: CallContext): Value {
    return this.#layer.afterHost(found, context)
  }
}

/** Brings what the host needs for a network's strings and comes by need. */
export async function hostReady({ nodes }: Network): Promise<void> {
  for (const { layer } of nodes) if (isHostLayer(layer)) await layer.ready?.()
}

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
  const fromHost = readers.map((reader): Entry => {
    const host = hostLayer(reader)
    const indices = reader.inputs.map((tensor) => network.inputs.indexOf(tensor))
    if (indices.includes(-1)) refuse(reader)
    const [{ shape: given }] = reader.inputs
    const shape = host.hostShape?.(given) ?? given
    return { tensor: { dtype: 'int64', shape, node: reader, index: 0 }, indices, reader }
  })
  const given = network.inputs.map((tensor, index): Entry => ({ tensor, indices: [index], reader: undefined }))
  const entries = [...given.filter(({ tensor }) => !isText(tensor)), ...fromHost]
  const replaced = new Map<LayerNode, LayerNode>(
    fromHost.map(({ tensor, reader }) => {
      const { layer, args } = reader as LayerNode & { layer: Layer & HostLayer }
      return [
        reader!,
        { ...reader!, layer: new Rest(layer), inputs: [tensor], args: { [Object.keys(args)[0]]: tensor } },
      ]
    }),
  )
  for (const writer of writers) if (writer) hostLayer(writer)
  return {
    network: {
      ...network,
      inputs: entries.map(({ tensor }) => tensor),
      outputs: network.outputs.map((tensor, i) => writers[i]?.inputs[0] ?? tensor),
      nodes: network.nodes.filter((node) => !writers.includes(node)).map((node) => replaced.get(node) ?? node),
    },
    inputNames: tensorNames(entries.map(({ tensor }) => tensor)),
    into: (inputs) =>
      entries.map(({ indices, reader }) =>
        reader ? hostLayer(reader).onHost(...indices.map((index) => inputs[index])) : inputs[indices[0]],
      ),
    outOf: (outputs) =>
      outputs.map((tensor, i) => {
        const node = writers[i]
        return node ? hostLayer(node).onHost(tensor) : tensor
      }),
  }
}
