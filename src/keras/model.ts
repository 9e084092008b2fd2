/// <reference lib="esnext.disposable" preserve="true" />

import { evaluateLoaded, evaluate as evaluateNode } from '../backend/reference/evaluate.js'
import { addFoldingKernels } from '../backend/reference/folding.js'
import type { Graph, Value, Variable } from '../core/ir.js'
import { checkOptions } from '../core/options.js'
import type { Tensor } from '../core/tensor.js'
import { GraphBuilder } from '../graph/builder.js'
import type { Evaluate } from '../graph/fold.js'
import { bakeVariables, type ExportOptions, exportModel } from '../onnx/export.js'
import { simplify } from '../optimise/simplify.js'
import { withOperators } from '../packs/index.js'
import type { History } from './callbacks/history.js'
import { invalid, isKerasObject, type KerasConfig, type KerasObject, kerasObject } from './config.js'
import { type Ends, type Form, inForm, readEnds } from './ends.js'
import type { SaveOptions } from './files/save.js'
import type { Files, KerasSource } from './files/source.js'
import { CallContext } from './layers/context.js'
import { InputLayer } from './layers/core.js'
import {
  type Argument,
  areNamed,
  Layer,
  type LayerNode,
  type LayerOptions,
  refuseForeign,
  type SymbolicTensor,
} from './layers/layer.js'
import { graphShape } from './layers/shapes.js'
import { readNow, type Weight } from './layers/weight.js'
import { cutOut, type Network, nameLayers, tensorNames, traceNetwork, writeNetwork } from './network.js'
import type { Optimizer } from './optimizers/index.js'
import { formatSummary } from './summary.js'
import type { BatchSource, InputSource } from './training/batch.js'
import type { CompileOptions } from './training/compiled.js'
import type { DataLike } from './training/data.js'
import { type EvaluateOptions, evaluate, type FitOptions, fit, onBatch } from './training/fit.js'
import type { Logs } from './training/logs.js'
import { type PredictOptions, predict } from './training/predict.js'
import type { SampleWeightOptions } from './training/samples.js'
import type { TrainingState } from './training/state.js'
import { Trainer } from './training/trainer.js'

/** What `model` takes: tensors between which layers were applied. */
export interface ModelOptions {
  readonly inputs: Ends
  readonly outputs: Ends
  readonly name?: string
  readonly trainable?: boolean
}

/** What a model with one output gives, with several, and with outputs by name. */
export type Predictions = Tensor | Tensor[] | Record<string, Tensor>

/** Has logs given as a list of numbers. */
type ListedLogs = EvaluateOptions & { readonly returnDict: false }

/**
 * Layers between inputs and outputs, with Keras's ways to train and use them. A model is a layer too. Its weights
 * live in the default backend from the first fit, evaluate or predict on, until `dispose`.
 */
export class Model extends Layer {
  override readonly className: string = 'Functional'
  /** Set true in a callback, `fit` ends after the running batch, or epoch. */
  stopTraining = false
  readonly #trainer: Trainer
  #network: Network | undefined
  #forms: { readonly inputs: Form; readonly outputs: Form } = { inputs: 'one', outputs: 'one' }

  constructor(options: LayerOptions & Partial<ModelOptions>) {
    super(options)
    if (!this.hasAssignedName) this.assignName('functional')
    this.#trainer = new Trainer(this)
    if (options.inputs && options.outputs) this.connect(options.inputs, options.outputs)
    if (options.trainable === false) this.trainable = false
  }

  /** Sets what the model computes. */
  protected connect(inputs: ModelOptions['inputs'], outputs: ModelOptions['outputs']): void {
    const [from, to] = [readEnds(inputs, 'inputs'), readEnds(outputs, 'outputs')]
    refuseForeign([...from.tensors, ...to.tensors])
    const cut = cutOut(from.tensors, to.tensors)
    this.#network = traceNetwork(cut.inputs, cut.outputs)
    this.#forms = { inputs: from.form, outputs: to.form }
    nameLayers(this.#network.layers)
  }

  /** The applications of layers. Throws INVALID_ARGUMENT while the input shape is not known. */
  get network(): Network {
    if (!this.#network)
      throw invalid(
        `model '${this.name}' does not know its input shape; give the first layer inputShape, or call build()`,
      )
    return this.#network
  }

  /** Gives a model without an input shape that of the data. */
  protected connectFor(_x: DataLike | InputSource): void {}

  get isConnected(): boolean {
    return this.#network !== undefined
  }

  /** Keras's order: from the inputs to the outputs. */
  get layers(): readonly Layer[] {
    return this.network.layers
  }

  get inputs(): readonly SymbolicTensor[] {
    return this.network.inputs
  }

  get outputs(): readonly SymbolicTensor[] {
    return this.network.outputs
  }

  /** The input of the model, or all of several. */
  override get input(): SymbolicTensor | readonly SymbolicTensor[] {
    return this.inputs.length === 1 ? this.inputs[0] : this.inputs
  }

  /** The output of a model with one. Throws INVALID_ARGUMENT for others, which have `outputs`. */
  override get output(): SymbolicTensor {
    if (this.outputs.length > 1) throw invalid(`model '${this.name}' has ${this.outputs.length} outputs: take .outputs`)
    return this.outputs[0]
  }

  get inputNames(): readonly string[] {
    return namesOf(this.network.inputs, this.#forms.inputs)
  }

  get outputNames(): readonly string[] {
    return namesOf(this.network.outputs, this.#forms.outputs)
  }

  /** The layer of that name, or at that place. Throws INVALID_ARGUMENT. */
  getLayer(nameOrIndex: string | number): Layer {
    const layer =
      typeof nameOrIndex === 'number'
        ? this.layers.at(nameOrIndex)
        : this.layers.find((candidate) => candidate.name === nameOrIndex)
    if (!layer)
      throw invalid(
        `model '${this.name}' has no layer ${nameOrIndex}; layers: ${this.layers.map((l) => l.name).join(', ')}`,
      )
    return layer
  }

  override get weights(): readonly Weight[] {
    return this.#network ? [...new Set(this.#network.layers.flatMap((layer) => layer.weights))] : []
  }

  override get states(): readonly Weight[] {
    return this.#network ? [...new Set(this.#network.layers.flatMap((layer) => layer.states))] : []
  }

  override get trainable(): boolean {
    return super.trainable
  }

  override set trainable(trainable: boolean) {
    super.trainable = trainable
    for (const layer of this.#network?.layers ?? []) layer.trainable = trainable
  }

  /** What of the steps that have run is slower than it could be, and why: nodes without a kernel of the backend. */
  get notes(): readonly string[] {
    return this.#trainer.notes
  }

  /** What `compile` was given; undefined before it. */
  get compileOptions(): CompileOptions | undefined {
    return this.#trainer.compileOptions
  }

  get optimizer(): Optimizer {
    return this.#trainer.compiled.optimizer
  }

  /** Inputs by name, in the model's order. */
  protected override positional(inputs: Argument): Record<string, Argument> {
    if (!areNamed(inputs)) return super.positional(inputs)
    const { inputNames } = this
    const missing = inputNames.find((name) => !Object.hasOwn(inputs, name))
    if (missing !== undefined) throw invalid(`model '${this.name}' is applied to no '${missing}'`)
    const unknown = Object.keys(inputs).find((name) => !inputNames.includes(name))
    if (unknown !== undefined)
      throw invalid(`model '${this.name}' has no input '${unknown}'; it has ${inputNames.join(', ')}`)
    return super.positional(inputNames.map((name) => inputs[name]))
  }

  call(inputs: readonly Value[], context: CallContext): readonly Value[] {
    return writeNetwork(this.network, inputs, context)
  }

  /** Chooses optimizer, loss and metrics. Optimizer state starts anew. Throws INVALID_ARGUMENT. */
  compile(options: CompileOptions): void {
    this.#trainer.compile(options)
  }

  /**
   * Trains for a number of epochs. Each step is one call into the backend; the event loop gets a turn about every
   * 50 ms. A dataset (async iterable of batches) takes the place of x and y. Throws SHAPE_MISMATCH where data and model do not fit, before anything runs.
   */
  async fit(x: DataLike | BatchSource, y?: DataLike | null, options?: FitOptions): Promise<History> {
    this.connectFor(x)
    return fit(this.#trainer, this, x, y, options)
  }

  /** Loss and metrics over all samples, under Keras's log names; with `returnDict: false` their values alone, in order. */
  async evaluate(x: DataLike | BatchSource, y: DataLike | null | undefined, options: ListedLogs): Promise<number[]>
  async evaluate(x: DataLike | BatchSource, y?: DataLike | null, options?: EvaluateOptions): Promise<Logs>
  async evaluate(
    x: DataLike | BatchSource,
    y?: DataLike | null,
    { returnDict = true, ...options }: EvaluateOptions & { readonly returnDict?: boolean } = {},
  ): Promise<Logs | number[]> {
    this.connectFor(x)
    const logs = await evaluate(this.#trainer, this, x, y, options)
    return returnDict ? logs : Object.values(logs)
  }

  /**
   * The outputs for all samples of arrays or of a dataset: a Tensor, a list for models with several, an object where they have names.
   * Predictions of arrays that are asked for side by side come one after the other.
   */
  async predict(x: DataLike | InputSource, options?: PredictOptions): Promise<Tensor>
  async predict<T extends Predictions>(x: DataLike | InputSource, options?: PredictOptions): Promise<T>
  async predict(x: DataLike | InputSource, options?: PredictOptions): Promise<Predictions> {
    this.connectFor(x)
    return this.#formed(await predict(this.#trainer, this, x, options))
  }

  /** One training step; gives the logs of this batch alone, from before the update. */
  async trainOnBatch(x: DataLike, y: DataLike, options?: SampleWeightOptions): Promise<Logs> {
    this.connectFor(x)
    return onBatch(this.#trainer, true, x, y, options)
  }

  /** Loss and metrics of one batch. */
  async testOnBatch(x: DataLike, y: DataLike, options?: SampleWeightOptions): Promise<Logs> {
    this.connectFor(x)
    return onBatch(this.#trainer, false, x, y, options)
  }

  /** `predict` with all samples as one batch. */
  async predictOnBatch(x: DataLike): Promise<Tensor>
  async predictOnBatch<T extends Predictions>(x: DataLike): Promise<T>
  async predictOnBatch(x: DataLike): Promise<Predictions> {
    this.connectFor(x)
    const trainer = this.#trainer
    const outputs = await trainer.inTurn(async (store) => {
      await trainer.ready()
      return trainer.predictBatch(store, trainer.inputs(x))
    })
    return this.#formed(outputs)
  }

  #formed(outputs: Tensor[]): Predictions {
    return inForm(outputs, this.#forms.outputs) as Predictions
  }

  /**
   * Replaces all weights by those of a file: .weights.h5, .keras, .h5, .safetensors, or a TensorFlow.js layers model; a path,
   * a URL, bytes, a Blob, or files by name. Nothing changes unless all fit. Throws DATA_NOT_FOUND, IO_ERROR, INVALID_DATA,
   * SHAPE_MISMATCH, TYPE_MISMATCH, naming the place in the file.
   */
  async loadWeights(source: KerasSource): Promise<void> {
    const { loadWeights } = await import('./files/load-weights.js')
    return loadWeights(this, source)
  }

  /**
   * The model as files, by the ending of `name`: .keras and .h5 (which Keras 3 opens), .weights.h5, .safetensors, .onnx, or
   * .json for a TensorFlow.js layers model, which comes with the shards of its weights. A .keras or .h5 file of a compiled
   * model holds its optimizer's state. Throws INVALID_ARGUMENT.
   */
  async toFiles(name: string, options?: SaveOptions): Promise<Files> {
    const { modelFiles } = await import('./files/save.js')
    return modelFiles(this, name, options)
  }

  /** `toFiles`, written to `path`, each to a temporary name that is then renamed. A path ending in `/` is a TensorFlow.js folder. Throws IO_ERROR. */
  async save(path: string, options?: SaveOptions): Promise<void> {
    const { saveModel } = await import('./files/save.js')
    return saveModel(this, path, options)
  }

  /** The current content of every weight. */
  readVariables(): Promise<Map<Variable, Tensor>> {
    return this.#contents(this.weights)
  }

  async #contents(variables: readonly Weight[]): Promise<Map<Variable, Tensor>> {
    const contents = new Map<Variable, Tensor>()
    for (const variable of variables) contents.set(variable, await variable.read())
    return contents
  }

  /** The contents of weights and states, which `setWeights` takes. */
  async weightContents(): Promise<readonly Tensor[]> {
    return [...(await this.#contents([...this.weights, ...this.states])).values()]
  }

  /** Whether the moving averages of the weights are in the weights, as `swapAverages` leaves them. */
  get usesAverages(): boolean {
    return this.#trainer.usesAverages
  }

  /** Exchanges the weights with their moving averages (`useEma`); callbacks may do it. Throws INVALID_ARGUMENT where there are none. */
  swapAverages(): Promise<void> {
    return this.#trainer.swapAverages()
  }

  /** `setWeights` and `setTrainingState`; in a callback's `onTrainBegin`, `fit` goes on from where the state stands. */
  async resume(weights: readonly Tensor[], state: TrainingState): Promise<void> {
    this.setWeights(weights)
    await this.#trainer.writeState(state)
  }

  /**
   * What training carries from step to step beside the weights. With `getWeights` before and `setWeights` after, a model
   * that is built and compiled alike goes on to the same bits as without a break. May be called in callbacks.
   */
  trainingState(): Promise<TrainingState> {
    return this.#trainer.readState()
  }

  /** Goes on from a state that `trainingState` gave. Throws INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. */
  setTrainingState(state: TrainingState): Promise<void> {
    return this.#trainer.writeState(state)
  }

  /** The forward pass with a symbolic batch, inputs and outputs named after their layers; weights are variables. */
  inferenceGraph(): Graph {
    const builder = new GraphBuilder(this.name)
    const { inputs } = this.network
    const values = inputs.map(({ shape, dtype }, i) =>
      builder.input(this.inputNames[i], dtype, graphShape(shape, this.inputNames[i])),
    )
    const results = writeNetwork(this.network, values, new CallContext(builder, { training: false }))
    results.forEach((result, i) => {
      builder.output(result, this.outputNames[i])
    })
    return builder.build()
  }

  /**
   * The model as ONNX, with the current weights and standard ops only. Where `getWeights` throws, and before what writes the nodes
   * of layers on images has come (`loadLayers`), `exportOnnx` does it.
   */
  toOnnx(options?: ExportOptions): Uint8Array {
    const variables = [...this.weights, ...this.states]
    const contents = readNow(variables)
    return this.#export(new Map(variables.map((variable, i) => [variable, contents[i]])), evaluateLoaded, options)
  }

  /** As `toOnnx`, on every backend: in a page, too, where weights lie with a worker. */
  async exportOnnx(options?: ExportOptions): Promise<Uint8Array> {
    const contents = await this.#contents([...this.weights, ...this.states])
    return withOperators(() => this.#export(contents, evaluateNode, options))
  }

  /** `evaluate` folds what is constant. */
  #export(contents: ReadonlyMap<Variable, Tensor>, evaluate: Evaluate, options: ExportOptions = {}): Uint8Array {
    addFoldingKernels()
    const graph = simplify(bakeVariables(this.inferenceGraph(), contents), { evaluate })
    return exportModel(graph, { ...options, metadata: { ...this.exportedMetadata, ...options.metadata } })
  }

  /** What an exported file says besides. */
  protected get exportedMetadata(): Readonly<Record<string, string>> {
    return {}
  }

  /** Keras's table of layers, shapes and parameter counts; also given to `print` (console.log unless given). */
  summary(print: ((text: string) => void) | null = console.log): string {
    const network = this.#network
    const chain =
      network?.inputs.length === 1 &&
      network.nodes.every((node) => node.inputs.length <= 1) &&
      network.nodes.length === network.layers.length
    const text = formatSummary({
      name: this.name,
      layers: this.summaryLayers(),
      weights: this.weights,
      network,
      connected: !chain && network !== undefined && this.className !== 'Sequential',
    })
    print?.(text)
    return text
  }

  protected summaryLayers(): readonly Layer[] {
    return this.layers
  }

  /** In the form of the model's inputs. */
  override encodeInputs(inputs: Argument, encode: (argument: Argument) => unknown): unknown {
    const form = this.#forms.inputs
    return typeof form === 'string' ? encode(inputs) : inForm((inputs as readonly Argument[]).map(encode), form)
  }

  protected override config(): KerasConfig {
    const { network } = this
    const nodesOf = (layer: Layer) => layer.inboundNodes.filter((node) => network.nodes.includes(node))
    const history = ({ node, index }: SymbolicTensor) => [node.layer.name, nodesOf(node.layer).indexOf(node), index]
    // Here, unlike in calls, a functional model within another counts the node that it is itself.
    const place = (tensor: SymbolicTensor) => {
      const [name, node, index] = history(tensor)
      return [name, tensor.node.layer.className === 'Functional' ? Number(node) + 1 : node, index]
    }
    const encode = (argument: Argument): unknown => {
      if (Array.isArray(argument)) return argument.map(encode)
      if (typeof argument !== 'object' || argument === null) return argument
      if (isKerasObject(argument)) return argument
      const tensor = argument as SymbolicTensor
      return {
        class_name: '__keras_tensor__',
        config: { shape: tensor.shape, dtype: tensor.dtype, keras_history: history(tensor) },
      }
    }
    const encodeCall = ({ layer, args }: LayerNode) => {
      const positional = layer.signature.findIndex((name) => !(name in args))
      const names = positional < 0 ? layer.signature : layer.signature.slice(0, positional)
      const others = Object.entries(args).filter(([name]) => !names.includes(name))
      return {
        args: names.map((name, i) => (i === 0 ? layer.encodeInputs(args[name], encode) : encode(args[name]))),
        kwargs: Object.fromEntries(others.map(([name, argument]) => [name, encode(argument)])),
      }
    }
    return {
      layers: network.layers.map((layer) => ({
        ...layer.serialize(),
        name: layer.name,
        inbound_nodes: layer instanceof InputLayer ? [] : nodesOf(layer).map(encodeCall),
      })),
      input_layers: inForm(network.inputs.map(place), this.#forms.inputs),
      output_layers: inForm(network.outputs.map(place), this.#forms.outputs),
    }
  }

  override getConfig(): KerasConfig {
    return { name: this.name, trainable: this.trainable, ...this.config() }
  }

  protected override form(): KerasObject {
    const module = this.className === 'Functional' ? 'keras.src.models.functional' : 'keras'
    if (!this.isConnected) return kerasObject(module, this.className, this.getConfig())
    const shape = this.className === 'Functional' ? null : this.network.inputs[0].shape
    return {
      ...kerasObject(module, this.className, this.getConfig()),
      registered_name: this.className === 'Functional' ? 'Functional' : null,
      build_config: { input_shape: shape },
      compile_config: {},
    }
  }

  /** Keras 3's model JSON, as an object: `JSON.stringify(model)` gives the text. */
  toJSON(): KerasObject {
    return this.serialize()
  }

  /** Frees backend memory; the model cannot be used afterwards. */
  dispose(): void {
    this.#trainer.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** A model from symbolic tensors. */
export function model(options: ModelOptions): Model {
  checkOptions('model', options, { inputs: true, outputs: true, name: true, trainable: true } satisfies Record<
    keyof ModelOptions,
    true
  >)
  if (!options.inputs || !options.outputs)
    throw invalid('model needs inputs and outputs: what input({ shape }) and apply give')
  return new Model(options)
}

const namesOf = (tensors: readonly SymbolicTensor[], form: Form): readonly string[] =>
  typeof form === 'string' ? tensorNames(tensors) : form
