import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import type { CallContext } from './layers/context.js'
import { type HostLayer, isHostLayer } from './layers/host-layer.js'
import { Layer, type LayerNode, type SymbolicTensor } from './layers/layer.js'
import { type Network, tensorNames } from './network.js'
import type { HostEdge } from './strings.js'

const isText = (tensor: SymbolicTensor) => tensor.dtype === 'string'

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

/** What is left of a layer once the host has done its part. */
class Rest extends Layer {
  readonly #layer: HostLayer

  constructor(layer: Layer & HostLayer) {
    super({ name: layer.name })
    this.#layer = layer
  }

  /** Whether it gives the whole numbers that the host found as they are. */
  get keepsNumbers(): boolean {
    return (this.#layer as unknown as { options: { outputMode?: string } }).options.outputMode === 'int'
  }

  call([found]: readonly Value[], context: CallContext): Value {
    return this.#layer.afterHost(found, context)
  }
}

/** What the host does around `network`, which takes or gives strings. Throws UNSUPPORTED_OP where other layers would get them. */
export function edgeOf(network: Network): HostEdge {
  const readers = network.nodes.filter((node) => node.inputs.some(isText) && node.inputs.length > 0)
  const writers = network.outputs.map((tensor) => (isText(tensor) ? tensor.node : undefined))
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
