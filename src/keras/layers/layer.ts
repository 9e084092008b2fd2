import type { DType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { GraphBuilder } from '../../graph/builder.js'
import {
  camelCase,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  snakeCase,
} from '../config.js'
import { type ConstraintLike, resolveConstraint } from '../constraints.js'
import { type InitializerLike, resolveInitializer } from '../initializers.js'
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js'
import { CallContext } from './context.js'
import { type Fields, readFields, weightOptions, writeFields } from './fields.js'
import { graphShape, type KerasShape, kerasShape, layerError, type TensorType } from './shapes.js'
import { numbered } from './sharing.js'
import { readNow, Weight, type WeightOptions } from './weight.js'

/** How a weight starts, what it costs and how it is held: names, Keras's serialised forms, or objects. */
export interface WeightLike extends Pick<WeightOptions, 'trainable' | 'dtype'> {
  readonly initializer?: InitializerLike
  readonly regularizer?: RegularizerLike | null | undefined
  readonly constraint?: ConstraintLike | null | undefined
}

/** The output of a layer in a model that is being written down. */
export interface SymbolicTensor {
  readonly dtype: DType
  /** With the batch axis. */
  readonly shape: KerasShape
  readonly node: LayerNode
  /** Which output of the node. */
  readonly index: number
}

/** What a layer may be called with: tensors, lists of them, for models objects of them, plain values, and what Keras writes as an object (a slice, an array). */
export type Argument =
  | SymbolicTensor
  | Readonly<Record<string, SymbolicTensor>>
  | KerasObject
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly Argument[]

/** One application of a layer. */
export interface LayerNode {
  readonly layer: Layer
  /** All tensors among the arguments, in order. */
  readonly inputs: readonly SymbolicTensor[]
  /** The arguments under Keras's names; the first is the layer's input. */
  readonly args: Readonly<Record<string, Argument>>
  readonly outputs: readonly SymbolicTensor[]
}

/** An argument of `call` beside the inputs: values where the application had tensors. */
export type CallArgument = Value | KerasObject | number | boolean | string | null | undefined | readonly CallArgument[]

/** The arguments beside the inputs, under Keras's names. */
export type CallArguments = Readonly<Record<string, CallArgument>>

/** Whether `argument` is what layers are applied to and give. */
export const isSymbolic = (argument: Argument): argument is SymbolicTensor =>
  typeof argument === 'object' && argument !== null && 'node' in argument && 'index' in argument

/** Whether `argument` holds tensors by name. */
export const areNamed = (argument: Argument): argument is Readonly<Record<string, SymbolicTensor>> =>
  typeof argument === 'object' &&
  argument !== null &&
  !(isSymbolic(argument) || Array.isArray(argument) || isKerasObject(argument))

/** `argument` with each tensor replaced. */
function mapTensors(argument: Argument, replace: (tensor: SymbolicTensor) => CallArgument): CallArgument {
  if (isSymbolic(argument)) return replace(argument)
  return Array.isArray(argument) ? argument.map((item) => mapTensors(item, replace)) : (argument as CallArgument)
}

const tensorsOf = (argument: Argument): SymbolicTensor[] => {
  if (isSymbolic(argument)) return [argument]
  return Array.isArray(argument) ? argument.flatMap(tensorsOf) : []
}

/** The error of a layer that another copy of lanewise made. */
export const foreignLayer = (name: string): Error =>
  invalid(
    `layer '${name}' comes from another copy of lanewise: import everything from one of 'lanewise' and 'lanewise/inline', in one version`,
  )

/** Throws INVALID_ARGUMENT for tensors of another copy of lanewise. */
export function refuseForeign(tensors: readonly SymbolicTensor[]): void {
  const foreign = tensors.find(({ node }) => !(node.layer instanceof Layer))
  if (foreign) throw foreignLayer(foreign.node.layer.name)
}

const listOf = <T>(item: T | readonly T[]): readonly T[] => (Array.isArray(item) ? item : [item as T])

/** The values that stand for a node's tensors, as `Layer.write` takes them. */
export function callOf(
  node: Pick<LayerNode, 'args'>,
  find: (tensor: SymbolicTensor) => Value,
): { inputs: readonly Value[]; args: CallArguments } {
  const [first, ...others] = Object.entries(node.args)
  const inputs = first ? listOf(mapTensors(first[1], find)) : []
  return {
    inputs: inputs as readonly Value[],
    args: Object.fromEntries(others.map(([name, argument]) => [name, mapTensors(argument, find)])),
  }
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
  /** Penalty on the outputs, divided by the batch size. */
  readonly activityRegularizer?: RegularizerLike | null
}

const commonOptions = ['name', 'trainable', 'dtype', 'inputShape', 'batchInputShape', 'activityRegularizer']

/**
 * The base of layers. A layer writes its nodes in `call`, creates its weights in `build`, and names its options in
 * `static fields`, from which reading, checking and Keras's config follow; output shapes follow from shape inference
 * over what `call` writes. A layer without `fields` reads its options itself and gives them in `config`.
 */
export abstract class Layer<Options extends object = object> {
  /** The options beside those of every layer. */
  static readonly fields: Fields | undefined = undefined
  /** The dtype policies that it takes: computing is in float32 under all of them. */
  static readonly policies: readonly string[] = ['float32', 'mixed_float16', 'mixed_bfloat16']
  /** Whether the first output has the mask of the first input: Keras's `supports_masking`. */
  static readonly passesMask: boolean = false
  /** The name in Keras's form, where it is another than the class's own, which minifiers change; `registerLayer` sets it. */
  static className: string | undefined
  readonly className: string
  /** Number of spatial axes, for classes that come in several ranks. */
  readonly rank: number
  readonly options: Options
  readonly weightsHere: Weight[] = []
  /** What the layer remembers from batch to batch, which is no weight: Keras neither counts nor saves it. */
  readonly statesHere: Weight[] = []
  /** Layers within this one, by Keras's names for them; their weights follow its own. */
  readonly sublayers: Record<string, Layer> = {}
  readonly inboundNodes: LayerNode[] = []
  /** With the batch axis; undefined unless the options gave it. */
  readonly batchInputShape: KerasShape | undefined
  readonly dtype: string
  /** Penalty on the layer's output, per sample of the batch. */
  protected activityRegularizer: Regularizer | undefined
  #name: string | undefined
  readonly #named: boolean
  #trainable: boolean
  #builtFor: readonly [inputs: readonly KerasShape[], args: Readonly<Record<string, KerasShape>>] | undefined
  #parent: Layer | undefined

  constructor(options: LayerOptions = {}, className?: string, rank = 0) {
    const { fields, name } = new.target
    const registered = Object.hasOwn(new.target, 'className') ? new.target.className : undefined
    this.className = className ?? registered ?? name
    this.rank = rank
    this.options = (
      fields ? readFields(fields, options as Record<string, unknown>, this.className, commonOptions, rank) : {}
    ) as Options
    this.activityRegularizer = resolveRegularizer(options.activityRegularizer)
    this.#name = options.name
    this.#named = options.name !== undefined
    this.#trainable = options.trainable ?? true
    this.batchInputShape = options.batchInputShape ?? (options.inputShape && [null, ...[options.inputShape].flat()])
    const dtype = isKerasObject(options.dtype) ? String(options.dtype.config?.name) : (options.dtype ?? 'float32')
    const { policies } = this.constructor as typeof Layer
    if (!policies.includes(dtype))
      throw invalid(`layers compute in float32; dtype policy '${dtype}' is not supported, only ${policies.join(', ')}`)
    this.dtype = dtype
  }

  get name(): string {
    return this.#name ?? snakeCase(this.className)
  }

  /** The name, behind those of the layers that it is within. */
  get path(): string {
    return this.#parent ? `${this.#parent.path}/${this.name}` : this.name
  }

  /** False freezes the layer's parameters; it takes effect at the next `compile`. */
  get trainable(): boolean {
    return this.#trainable
  }

  set trainable(trainable: boolean) {
    this.#trainable = trainable
    for (const layer of Object.values(this.sublayers)) layer.trainable = trainable
  }

  /** The names of the arguments that a call may give in order: the inputs first. */
  get signature(): readonly string[] {
    return ['inputs']
  }

  /** Whether it stands for one of Keras's operations, which files of weights pass over. */
  get isOperation(): boolean {
    return false
  }

  /** Below what the whole numbers lie that the layer, called so, takes as its first input; undefined where it takes others. */
  indexLimit(_args: LayerNode['args']): number | undefined {
    return undefined
  }

  /** Arguments that a call may give by name alone. */
  protected get namedArguments(): readonly string[] {
    return []
  }

  /** The class's `passesMask`, unless the options decide; where it is false a mask ends here. */
  protected get passesMask(): boolean {
    return (this.constructor as typeof Layer).passesMask
  }

  /** What the layer's first application was given: a tensor, or a list. Throws INVALID_ARGUMENT before it was applied. */
  get input(): SymbolicTensor | readonly SymbolicTensor[] {
    const { inputs } = this.output.node
    return inputs.length === 1 ? inputs[0] : inputs
  }

  /** The first output of the layer's first application. Throws INVALID_ARGUMENT before it was applied. */
  get output(): SymbolicTensor {
    const [first] = this.inboundNodes
    if (!first) throw layerError(this, 'has no output yet: it was applied to nothing')
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
    const all = [
      ...this.weightsHere.filter((weight) => weight.isParameter),
      ...this.weightsHere.filter((weight) => !weight.isParameter),
      ...Object.values(this.sublayers).flatMap((layer) => layer.weights),
    ]
    return [...new Set(all)]
  }

  /** The weights that training changes. */
  get trainableWeights(): readonly Weight[] {
    return this.weights.filter((weight) => weight.trainable)
  }

  /** The other weights: frozen ones, and statistics. */
  get nonTrainableWeights(): readonly Weight[] {
    return this.weights.filter((weight) => !weight.trainable)
  }

  /** The states of this layer and of those within. */
  get states(): readonly Weight[] {
    return [...this.statesHere, ...Object.values(this.sublayers).flatMap((layer) => layer.states)]
  }

  /**
   * Copies of all weights in Keras's order. Where they lie on a GPU or, in a page, with a worker, they are at hand after
   * `fit` and after `readVariables`; after other steps it throws INVALID_ARGUMENT.
   */
  getWeights(): Tensor[] {
    return readNow(this.weights)
  }

  /** Replaces all weights, in the order of `getWeights`; the states of stateful layers may follow. Throws INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. */
  setWeights(tensors: readonly Tensor[]): void {
    const { weights, states } = this
    const variables = tensors.length === weights.length ? weights : [...weights, ...states]
    if (tensors.length !== variables.length)
      throw invalid(`${this.className} '${this.name}' has ${weights.length} weights, got ${tensors.length}`)
    variables.forEach((variable, i) => {
      variable.write(tensors[i])
    })
  }

  /** Number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((sum, weight) => sum + weight.shape.reduce((a, b) => a * b, 1), 0)
  }

  /** Creates the weights for inputs of these shapes; `argShapes` are those of tensors among the other arguments. */
  protected build(_inputShapes: readonly KerasShape[], _argShapes: Readonly<Record<string, KerasShape>>): void {}

  /** Writes the layer's nodes. One value, or a list for layers with several outputs. */
  abstract call(inputs: readonly Value[], context: CallContext, args: CallArguments): Value | readonly Value[]

  /** The options in Keras's names, without name, trainable and dtype. */
  protected config(): KerasConfig {
    const { fields } = this.constructor as typeof Layer
    return fields ? writeFields(fields, this.options as Record<string, unknown>) : {}
  }

  /** Keras's config of the layer. */
  getConfig(): KerasConfig {
    const { activityRegularizer } = this
    return {
      name: this.name,
      trainable: this.trainable,
      dtype: this.dtypeConfig(),
      ...this.config(),
      ...(activityRegularizer && { activity_regularizer: activityRegularizer.serialize() }),
    }
  }

  protected dtypeConfig(): unknown {
    return kerasObject('keras', 'DTypePolicy', { name: this.dtype })
  }

  /** Keras's serialised form. */
  serialize(): KerasObject {
    return numbered(this, () => this.form())
  }

  /** `serialize`, but for the number of a layer that is in several places. */
  protected form(): KerasObject {
    const object = kerasObject('keras.layers', this.className, this.getConfig())
    const built = this.#builtFor && this.buildConfig(...this.#builtFor)
    return built ? { ...object, build_config: built } : object
  }

  /** Whether Keras's layer has a `build` that asks for the shape, though it makes no weights. */
  protected get buildsWithoutWeights(): boolean {
    return false
  }

  /** Keras's `build_config`: the shapes that the layer was built for. */
  protected buildConfig(
    inputShapes: readonly KerasShape[],
    _argShapes: Readonly<Record<string, KerasShape>>,
  ): KerasConfig | undefined {
    if (inputShapes.length > 1) return { input_shape: inputShapes }
    return this.buildsWithoutWeights || this.weights.length > 0 ? { input_shape: inputShapes[0] } : undefined
  }

  /** Creates the weights once. */
  ensureBuilt(inputShapes: readonly KerasShape[], argShapes: Readonly<Record<string, KerasShape>> = {}): void {
    if (this.#builtFor) return
    this.build(inputShapes, argShapes)
    this.#builtFor = [inputShapes, argShapes]
  }

  /** Puts `layer` within this one; its weights are called after both. */
  protected addSublayer<L extends Layer>(key: string, layer: L): L {
    this.sublayers[key] = layer
    layer.#parent = this
    if (!this.trainable) layer.trainable = false
    return layer
  }

  /** A variable of the layer, Glorot's uniform distribution at first unless `options` say else. */
  protected addWeight(role: string, shape: readonly number[], options: WeightLike = {}): Weight {
    const { initializer = 'glorotUniform', regularizer, constraint, ...rest } = options
    const weight = new Weight(this, role, shape, {
      ...rest,
      initializer: resolveInitializer(initializer),
      regularizer: resolveRegularizer(regularizer),
      constraint: resolveConstraint(constraint),
    })
    this.weightsHere.push(weight)
    return weight
  }

  /** A state, all 0 at first. */
  protected addState(role: string, shape: readonly number[]): Weight {
    const state = new Weight(this, role, shape, { initializer: resolveInitializer('zeros'), trainable: false })
    this.statesHere.push(state)
    return state
  }

  /** A weight with the initializer, regularizer and constraint that the options have for `field`. */
  protected addOwn(role: string, shape: readonly number[], field = role): Weight {
    return this.addWeight(role, shape, weightOptions(this.options as Readonly<Record<string, unknown>>, field))
  }

  /** `call`, with node names under the layer's name, the layer's penalties, and the masks of its outputs. */
  write(inputs: readonly Value[], context: CallContext, args: CallArguments = {}): readonly Value[] {
    const { emit } = context
    const written = () => emit.scope(this.name, () => this.call(inputs, context, args))
    const { training } = args
    const outputs = listOf(
      typeof training === 'boolean' && !context.typesOnly ? context.during(training, written) : written(),
    ) as readonly Value[]
    if (this.activityRegularizer)
      for (const output of outputs) {
        const batch = output.shape[0]
        if (typeof batch === 'number') context.addLoss(emit.div(this.activityRegularizer.penalty(output, emit), batch))
      }
    const mask = this.passesMask && inputs[0] ? context.maskOf(inputs[0]) : undefined
    if (mask && !context.maskOf(outputs[0])) context.setMask(outputs[0], mask)
    return outputs
  }

  /** The shapes and dtypes of the outputs for these arguments, from shape inference. */
  inferOutputs(args: LayerNode['args']): readonly TensorType[] {
    const [first, ...others] = Object.entries(args)
    const shapes = others.flatMap(([name, argument]) =>
      tensorsOf(argument)
        .slice(0, 1)
        .map((tensor) => [name, tensor.shape] as const),
    )
    this.ensureBuilt(
      tensorsOf(first?.[1]).map((tensor) => tensor.shape),
      Object.fromEntries(shapes),
    )
    const emit = new GraphBuilder(this.name)
    const values = new Map<SymbolicTensor, Value>()
    const find = (tensor: SymbolicTensor): Value => {
      const name = `input_${values.size}`
      const value = values.get(tensor) ?? emit.input(name, tensor.dtype, graphShape(tensor.shape, name))
      values.set(tensor, value)
      return value
    }
    const call = callOf({ args }, find)
    const outputs = this.write(call.inputs, new CallContext(emit, { training: false, typesOnly: true }), call.args)
    return outputs.map((output) => ({ shape: kerasShape(output.shape), dtype: output.dtype }))
  }

  /**
   * Applies the layer to symbolic tensors, as calling a Keras layer does: `mask`, `initialState` and the like go into
   * `options`, by name. Gives the first output; `applyAll` gives all.
   */
  apply(
    inputs: SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>,
    options?: Readonly<Record<string, Argument>>,
  ): SymbolicTensor {
    return this.applyAll(inputs, options)[0]
  }

  /** `apply` for layers and models with several outputs. */
  applyAll(inputs: Argument, options: Readonly<Record<string, Argument>> = {}): readonly SymbolicTensor[] {
    if (inputs instanceof Layer || inputs instanceof Tensor || ArrayBuffer.isView(inputs) || inputs === undefined)
      throw layerError(
        this,
        `is applied to what input({ shape }) or another layer's apply gives; data go to a model's predict`,
      )
    refuseForeign(tensorsOf(inputs))
    const named = Object.entries(options).flatMap(([key, argument]) => {
      const name = snakeCase(key)
      const known = [...this.signature.slice(1), ...this.namedArguments, 'mask', 'training']
      if (!known.includes(name))
        throw layerError(this, `is called with '${key}'; it takes ${known.map(camelCase).join(', ')}`)
      return argument === null || argument === undefined ? [] : [[name, argument] as const]
    })
    const args = { ...this.positional(inputs), ...Object.fromEntries(named) }
    return this.addNode(args, this.inferOutputs(args))
  }

  /** What `apply`'s first argument stands for. Throws INVALID_ARGUMENT for tensors by name, which models take. */
  protected positional(inputs: Argument): Record<string, Argument> {
    if (areNamed(inputs)) throw layerError(this, 'takes a tensor or a list of them; only models take tensors by name')
    return { [this.signature[0]]: inputs }
  }

  /** The form in which files have the first argument of a call: as it was given to `apply`. */
  encodeInputs(inputs: Argument, encode: (argument: Argument) => unknown): unknown {
    return encode(inputs)
  }

  /** Records an application. */
  protected addNode(args: LayerNode['args'], types: readonly TensorType[]): readonly SymbolicTensor[] {
    const outputs: SymbolicTensor[] = []
    const node: LayerNode = { layer: this, inputs: Object.values(args).flatMap(tensorsOf), args, outputs }
    for (const type of types) outputs.push({ ...type, node, index: outputs.length })
    this.inboundNodes.push(node)
    return outputs
  }
}
