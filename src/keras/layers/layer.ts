import type { DType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import type { Shape } from '../../core/shape.js'
import { GraphBuilder } from '../../graph/builder.js'
import { isKerasObject, type KerasConfig, type KerasObject, kerasObject, snakeCase } from '../config.js'
import type { Regularizer } from '../regularizers.js'
import { CallContext } from './context.js'
import { Weight, type WeightOptions } from './weight.js'

/** A shape with null where a size is known only at run time: Keras's form. */
export type KerasShape = readonly (number | null)[]

/** The output of a layer in a model that is being written down. */
export interface SymbolicTensor {
  readonly dtype: DType
  /** With the batch axis. */
  readonly shape: KerasShape
  readonly node: LayerNode
  /** Which output of the node. */
  readonly index: number
}

/** One application of a layer. */
export interface LayerNode {
  readonly layer: Layer
  readonly inputs: readonly SymbolicTensor[]
  /** Whether the inputs were given as a list. */
  readonly list: boolean
  readonly outputs: readonly SymbolicTensor[]
}

/** Options of every layer. */
export interface LayerOptions {
  readonly name?: string
  readonly trainable?: boolean
  readonly dtype?: string | KerasObject
  /** Shape of one sample; makes the layer the first of a sequential model. */
  readonly inputShape?: KerasShape
  /** `inputShape` with the batch axis. */
  readonly batchInputShape?: KerasShape
}

export const formatKerasShape = (shape: KerasShape): string =>
  `(${shape.map((dim) => (dim === null ? 'None' : String(dim))).join(', ')}${shape.length === 1 ? ',' : ''})`

/** Symbolic dimensions for the unknown ones: `batch` for the first axis, `<prefix>_dim<i>` for others. */
export const graphShape = (shape: KerasShape, prefix: string): Shape =>
  shape.map((dim, axis) => dim ?? (axis === 0 ? 'batch' : `${prefix}_dim${axis}`))

const kerasShape = (shape: Shape): KerasShape => shape.map((dim) => (typeof dim === 'number' ? dim : null))

/** One size, which must be known. Throws SHAPE_MISMATCH naming the layer. */
export function knownDim(layer: Layer, shape: KerasShape, axis: number): number {
  const dim = shape[axis < 0 ? axis + shape.length : axis]
  if (typeof dim !== 'number')
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `layer '${layer.name}' (${layer.className}) needs a known size on axis ${axis} of its input ${formatKerasShape(shape)}`,
    )
  return dim
}

/** Throws SHAPE_MISMATCH when an input's rank is not `rank`. */
export function requireRank(layer: Layer, shape: KerasShape, rank: number): void {
  if (shape.length !== rank)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `layer '${layer.name}' (${layer.className}) takes inputs of rank ${rank} with the batch axis, got ${formatKerasShape(shape)}`,
    )
}

/**
 * The base of layers. A layer writes its nodes in `call`, creates its weights in `build`, and describes itself
 * in Keras's names in `getConfig`; output shapes follow from shape inference over what `call` writes.
 */
export abstract class Layer {
  abstract readonly className: string
  readonly weightsHere: Weight[] = []
  readonly inboundNodes: LayerNode[] = []
  /** With the batch axis; undefined unless the options gave it. */
  readonly batchInputShape: KerasShape | undefined
  readonly dtype: string
  /** Penalty on the layer's output, per sample of the batch. */
  protected activityRegularizer: Regularizer | undefined
  #name: string | undefined
  readonly #named: boolean
  #trainable: boolean
  #builtFor: readonly KerasShape[] | undefined

  constructor(options: LayerOptions = {}) {
    this.#name = options.name
    this.#named = options.name !== undefined
    this.#trainable = options.trainable ?? true
    this.batchInputShape = options.batchInputShape ?? (options.inputShape && [null, ...options.inputShape])
    const dtype = isKerasObject(options.dtype) ? String(options.dtype.config.name) : (options.dtype ?? 'float32')
    if (dtype !== 'float32')
      throw new LanewiseError('INVALID_ARGUMENT', `layers compute in float32; dtype policy '${dtype}' is not supported`)
    this.dtype = dtype
  }

  get name(): string {
    return this.#name ?? snakeCase(this.className)
  }

  /** False freezes the layer's parameters; it takes effect at the next `compile`. */
  get trainable(): boolean {
    return this.#trainable
  }

  set trainable(trainable: boolean) {
    this.#trainable = trainable
  }

  /** The first output of the layer's first application. Throws INVALID_ARGUMENT before it was applied. */
  get output(): SymbolicTensor {
    const [first] = this.inboundNodes
    if (!first)
      throw new LanewiseError('INVALID_ARGUMENT', `layer '${this.name}' has no output yet: it was applied to nothing`)
    return first.outputs[0]
  }

  /** Whether the name was chosen by the user, rather than by the model that holds the layer. */
  get isNamed(): boolean {
    return this.#named
  }

  /** Gives an unnamed layer its name within a model. */
  assignName(name: string): void {
    this.#name = name
  }

  get hasAssignedName(): boolean {
    return this.#name !== undefined
  }

  get built(): boolean {
    return this.#builtFor !== undefined
  }

  /** Trainable parameters first, then statistics: Keras's order. */
  get weights(): readonly Weight[] {
    return [
      ...this.weightsHere.filter((weight) => weight.isParameter),
      ...this.weightsHere.filter((weight) => !weight.isParameter),
    ]
  }

  /** Number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((sum, weight) => sum + weight.shape.reduce((a, b) => a * b, 1), 0)
  }

  /** Creates the weights for inputs of these shapes. */
  protected build(_inputShapes: readonly KerasShape[]): void {}

  /** Writes the layer's nodes. One value, or a list for layers with several outputs. */
  abstract call(inputs: readonly Value[], context: CallContext): Value | readonly Value[]

  /** The options in Keras's names, without name, trainable and dtype. */
  protected abstract config(): KerasConfig

  /** Keras's config of the layer. */
  getConfig(): KerasConfig {
    return { name: this.name, trainable: this.trainable, dtype: this.dtypeConfig(), ...this.config() }
  }

  protected dtypeConfig(): unknown {
    return kerasObject('keras', 'DTypePolicy', { name: this.dtype })
  }

  /** Keras's serialised form. */
  serialize(): KerasObject {
    const object = kerasObject('keras.layers', this.className, this.getConfig())
    const shapes = this.#builtFor
    if (!shapes || (shapes.length < 2 && this.weights.length === 0)) return object
    return { ...object, build_config: { input_shape: shapes.length === 1 ? shapes[0] : shapes } }
  }

  /** Creates the weights once. */
  ensureBuilt(inputShapes: readonly KerasShape[]): void {
    if (this.#builtFor) return
    this.build(inputShapes)
    this.#builtFor = inputShapes
  }

  protected addWeight(role: string, shape: readonly number[], options: WeightOptions): Weight {
    const weight = new Weight(this, role, shape, options)
    this.weightsHere.push(weight)
    return weight
  }

  /** `call`, with node names under the layer's name, and the layer's penalties. */
  write(inputs: readonly Value[], context: CallContext): readonly Value[] {
    const result = context.emit.scope(this.name, () => this.call(inputs, context))
    const outputs = (Array.isArray(result) ? result : [result]) as readonly Value[]
    if (this.activityRegularizer) {
      const { emit } = context
      for (const output of outputs) {
        const batch = output.shape[0]
        if (typeof batch === 'number') context.addLoss(emit.div(this.activityRegularizer.penalty(output, emit), batch))
      }
    }
    return outputs
  }

  /** The penalties of the layer's own weights, each a scalar. */
  weightPenalties(emit: GraphBuilder): Value[] {
    return this.weights.flatMap((weight) =>
      weight.regularizer ? [weight.regularizer.penalty(emit.variable(weight), emit)] : [],
    )
  }

  /** The shapes of the outputs for inputs of these shapes and dtypes, from shape inference. */
  inferOutputs(
    inputs: readonly { readonly shape: KerasShape; readonly dtype: DType }[],
  ): readonly { readonly shape: KerasShape; readonly dtype: DType }[] {
    this.ensureBuilt(inputs.map((input) => input.shape))
    const emit = new GraphBuilder(this.name)
    const values = inputs.map((input, i) =>
      emit.input(`input_${i}`, input.dtype, graphShape(input.shape, `input_${i}`)),
    )
    const outputs = this.write(values, new CallContext(emit, { training: false }))
    return outputs.map((output) => ({ shape: kerasShape(output.shape), dtype: output.dtype }))
  }

  /** Applies the layer to symbolic tensors, as calling a Keras layer does; several outputs come as a list. */
  apply(inputs: SymbolicTensor): SymbolicTensor
  apply(inputs: readonly SymbolicTensor[]): SymbolicTensor
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor {
    return this.applyAll(inputs)[0]
  }

  /** `apply` for layers and models with several outputs. */
  applyAll(inputs: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
    const list = Array.isArray(inputs)
    const tensors = (list ? inputs : [inputs]) as readonly SymbolicTensor[]
    return this.addNode(tensors, list, this.inferOutputs(tensors))
  }

  /** Records an application. */
  protected addNode(
    inputs: readonly SymbolicTensor[],
    list: boolean,
    types: readonly { readonly shape: KerasShape; readonly dtype: DType }[],
  ): readonly SymbolicTensor[] {
    const outputs: SymbolicTensor[] = []
    const node: LayerNode = { layer: this, inputs, list, outputs }
    for (const type of types) outputs.push({ ...type, node, index: outputs.length })
    this.inboundNodes.push(node)
    return outputs
  }
}
