import type { Tensor } from '../core/tensor.js'
import { isHostLayer } from './layers/host-layer.js'
import { type Network, tensorNames } from './network.js'
import { stringEdge } from './parts.js'

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

const hasStrings = ({ nodes, outputs }: Network): boolean =>
  [...nodes.flatMap(({ inputs }) => inputs), ...outputs].some(({ dtype }) => dtype === 'string')

/** Brings what the host needs for a network's strings and comes by need. */
export async function hostReady(network: Network): Promise<void> {
  if (hasStrings(network)) await stringEdge.load()
  for (const { layer } of network.nodes) if (isHostLayer(layer)) await layer.ready?.()
}

const edges = new WeakMap<Network, HostEdge>()

/** Has the host run the lookup layers that read strings from the inputs, or give them as outputs. */
export function hostEdge(network: Network): HostEdge {
  const known = edges.get(network)
  if (known) return known
  const edge = hasStrings(network) ? stringEdge().edgeOf(network) : plainEdge(network)
  edges.set(network, edge)
  return edge
}

const plainEdge = (network: Network): HostEdge => ({
  network,
  inputNames: tensorNames(network.inputs),
  into: (inputs) => [...inputs],
  outOf: (outputs) => [...outputs],
})
