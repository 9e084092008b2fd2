import { LanewiseError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import type { Layer, SymbolicTensor } from '../layers/layer.js'
import type { Network } from '../network.js'

interface Limit {
  readonly layer: Layer
  readonly rows: number
}

const limits = new WeakMap<Network, readonly (Limit | undefined)[]>()

/** The smallest table of an Embedding that reads an input as it is, for each of the network's inputs. */
function limitsOf(network: Network): readonly (Limit | undefined)[] {
  const known = limits.get(network)
  if (known) return known
  const found = network.inputs.map((tensor) => limitOf(tensor, network))
  limits.set(network, found)
  return found
}

/** A layer that is a network, or gives its input as it is. */
type Passing = Layer & { readonly network?: Network; readonly keepsNumbers?: boolean }

function limitOf(tensor: SymbolicTensor, around: Network): Limit | undefined {
  let limit: Limit | undefined
  for (const { layer, args, inputs, outputs } of around.nodes) {
    const place = inputs.indexOf(tensor)
    if (place < 0) continue
    const { network, keepsNumbers } = layer as Passing
    const rows = place === 0 ? layer.indexLimit(args) : undefined
    let own = rows ? { layer, rows } : undefined
    if (network) own = limitsOf(network)[place]
    else if (keepsNumbers) own = limitOf(outputs[0], around)
    if (own && own.rows < (limit?.rows ?? Number.POSITIVE_INFINITY)) limit = own
  }
  return limit
}

/** Throws INVALID_DATA for an index of data that enter `network` which the Embedding that reads it has no row for. */
export function checkIndices(network: Network, names: readonly string[], tensors: readonly Tensor[]): void {
  limitsOf(network).forEach((limit, i) => {
    if (!limit) return
    const { layer, rows } = limit
    const { data } = tensors[i]
    for (let k = 0; k < data.length; k++) {
      const index = Number(data[k])
      if (index > -1 && index < rows) continue
      throw new LanewiseError(
        'INVALID_DATA',
        `input '${names[i]}': element ${k} is ${index}; layer '${layer.name}' (${layer.className}) takes 0 to ${rows - 1}, as its inputDim is ${rows}`,
      )
    }
  })
}
