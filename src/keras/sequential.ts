import { invalid, type KerasConfig } from './config.js'
import { InputLayer } from './layers/core.js'
import { foreignLayer, Layer, type SymbolicTensor } from './layers/layer.js'
import type { KerasShape } from './layers/shapes.js'
import { Model } from './model.js'
import { nameLayers } from './network.js'
import { type InputSource, isDataset } from './training/batch.js'
import { type DataLike, toTensors } from './training/data.js'

export interface SequentialOptions {
  readonly name?: string
  readonly trainable?: boolean
}

/** A chain of layers. Without an input shape it is connected by `build`, or by the first data it sees. */
export class Sequential extends Model {
  override readonly className = 'Sequential'
  readonly #chain: Layer[] = []
  #input: InputLayer | undefined

  constructor(layers: readonly (Layer | SymbolicTensor)[] = [], options: SequentialOptions = {}) {
    super({ ...options })
    if (!this.isNamed) this.assignName('sequential')
    if (!Array.isArray(layers)) throw invalid('sequential takes a list of layers: sequential([…])')
    for (const layer of layers) this.#append(layer)
    this.#connectChain()
    if (options.trainable === false) this.trainable = false
  }

  /** Appends a layer; the first may be an `input()`. Throws INVALID_ARGUMENT for a layer that is there already. */
  add(layer: Layer | SymbolicTensor): void {
    this.#append(layer)
    this.#connectChain()
  }

  #append(item: Layer | SymbolicTensor): void {
    const layer = item instanceof Layer ? item : item?.node?.layer
    const given = (layer ?? item) as { readonly name: string; readonly inboundNodes?: unknown } | undefined
    if (Array.isArray(given?.inboundNodes) && !(given instanceof Layer)) throw foreignLayer(given.name)
    if (!(layer instanceof Layer) || (layer !== item && !(layer instanceof InputLayer)))
      throw invalid('a sequential model is made of layers; the first may be an input()')
    if (layer instanceof InputLayer) {
      if (this.#chain.length > 0 || this.#input) throw invalid('an InputLayer comes first in a sequential model')
      this.#input = layer
      return
    }
    if (this.#chain.includes(layer)) throw invalid(`layer '${layer.name}' is in the model already`)
    this.#chain.push(layer)
    nameLayers(this.#chain)
    if (this.#chain.length === 1 && !this.#input) this.#input = inputOf(layer)
  }

  #connectChain(): void {
    if (!this.#input || this.#chain.length === 0) return
    let tensor: SymbolicTensor = this.#input.output
    for (const layer of this.#chain) tensor = layer.apply(tensor)
    this.connect(this.#input.output, tensor)
  }

  /** Connects the layers for inputs of `inputShape`, batch axis included. */
  override build(inputShapes: readonly KerasShape[] | KerasShape): void {
    const shape = (Array.isArray(inputShapes[0]) ? inputShapes[0] : inputShapes) as KerasShape
    if (this.isConnected) return
    this.#input = new InputLayer({ batchShape: [null, ...shape.slice(1)] })
    this.#connectChain()
  }

  protected override connectFor(x: DataLike | InputSource): void {
    if (!isDataset(x) && !this.isConnected && this.#chain.length > 0)
      this.build(toTensors(x, ['input'], 'input')[0].dims)
  }

  /** The layers without the input. */
  override get layers(): readonly Layer[] {
    return this.#chain
  }

  protected override summaryLayers(): readonly Layer[] {
    return this.#chain
  }

  protected override config(): KerasConfig {
    const head = this.#input ? [this.#input.serialize()] : []
    return {
      layers: [...head, ...this.#chain.map((layer) => layer.serialize())],
      ...(this.#input && { build_input_shape: this.#input.output.shape }),
    }
  }

  override getConfig(): KerasConfig {
    return { name: this.name, trainable: this.trainable, dtype: this.dtypeConfig(), ...this.config() }
  }
}

/** The input that a first layer's options ask for; nested models bring their own. */
function inputOf(layer: Layer): InputLayer | undefined {
  if (layer.batchInputShape) return new InputLayer({ batchShape: layer.batchInputShape })
  if (layer instanceof Model && layer.isConnected) {
    const [{ shape, dtype }] = layer.inputs
    return new InputLayer({ batchShape: shape, dtype })
  }
  return undefined
}

/** A chain of layers as a model. */
export const sequential = (layers?: readonly (Layer | SymbolicTensor)[], options?: SequentialOptions): Sequential =>
  new Sequential(layers, options)
