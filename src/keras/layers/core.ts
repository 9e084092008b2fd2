import type { DType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { checkOptions } from '../../core/options.js'
import { unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid, type KerasConfig } from '../config.js'
import { l1l2 } from '../regularizers.js'
import type { CallContext } from './context.js'
import {
  absent,
  activation,
  constraint,
  flag,
  initializer,
  neededAny,
  neededCount,
  number,
  only,
  regularizer,
  unwritten,
  type ValuesOf,
} from './fields.js'
import { Layer, type LayerNode, type LayerOptions, type SymbolicTensor } from './layer.js'
import { type KerasShape, knownDim, layerError, requireRank } from './shapes.js'

export interface InputOptions {
  readonly name?: string
  /** Shape of one sample. */
  readonly shape?: KerasShape
  readonly batchShape?: KerasShape
  readonly dtype?: DType
  readonly sparse?: boolean
  readonly ragged?: boolean
  readonly optional?: boolean
}

const inputOptions: Readonly<Record<keyof InputOptions | 'batchInputShape' | 'trainable', true>> = {
  name: true,
  shape: true,
  batchShape: true,
  batchInputShape: true,
  dtype: true,
  sparse: true,
  ragged: true,
  optional: true,
  trainable: true,
}

/** The entry of a model. */
export class InputLayer extends Layer {
  override readonly className = 'InputLayer'
  readonly inputDType: DType

  constructor(options: InputOptions) {
    checkOptions('input', options, inputOptions)
    if (options.sparse || options.ragged || options.optional)
      throw invalid('inputs are dense and needed: sparse, ragged and optional ones are not supported')
    super({ name: options.name })
    const shape = options.batchShape ?? [null, ...[options.shape ?? []].flat()]
    if (!Array.isArray(shape) || shape.some((dim) => dim !== null && !(Number.isInteger(dim) && dim > 0)))
      throw invalid(
        `the shape of an input is a list of sizes, null for those that vary, as [28, 28, 1], got ${JSON.stringify(options.batchShape ?? options.shape)}`,
      )
    this.inputDType = options.dtype ?? 'float32'
    this.addNode({}, [{ shape, dtype: this.inputDType }])
  }

  call(inputs: readonly Value[]): Value {
    return inputs[0]
  }

  override getConfig(): KerasConfig {
    return {
      batch_shape: this.output.shape,
      dtype: this.inputDType,
      sparse: false,
      ragged: false,
      name: this.name,
      optional: false,
    }
  }
}

/** A symbolic tensor that a functional model starts from. */
export const input = (options: InputOptions): SymbolicTensor => new InputLayer(options).output

/** Options of layers with a kernel, a bias and an activation. */
export const kernelFields = {
  activation: activation('linear'),
  useBias: flag(true),
  kernelInitializer: initializer('glorotUniform'),
  biasInitializer: initializer('zeros'),
  kernelRegularizer: regularizer,
  biasRegularizer: regularizer,
  kernelConstraint: constraint,
  biasConstraint: constraint,
}

const denseFields = { units: neededCount, ...kernelFields, quantizationConfig: only(null), loraRank: absent }

/** activation(x · kernel + bias) over the last axis. */
export class Dense extends Layer<ValuesOf<typeof denseFields>> {
  static override readonly fields = denseFields
  static override readonly passesMask: boolean = true

  protected override build([shape]: readonly KerasShape[]): void {
    const { units, useBias } = this.options
    this.addOwn('kernel', [knownDim(this, shape, -1), units])
    if (useBias) this.addOwn('bias', [units])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const product = emit.matMul(x, kernel)
    return this.options.activation.function(bias ? emit.add(product, bias) : product, emit)
  }
}

export const embeddingFields = {
  inputDim: neededCount,
  outputDim: neededCount,
  embeddingsInitializer: initializer('randomUniform'),
  embeddingsRegularizer: regularizer,
  activityRegularizer: regularizer,
  embeddingsConstraint: constraint,
  maskZero: flag(false),
  inputLength: unwritten<number | null>(null),
  quantizationConfig: only(null),
  loraRank: absent,
}

/** Class numbers to rows of a table; with `maskZero`, number 0 is padding that later layers leave out. */
export class Embedding extends Layer<ValuesOf<typeof embeddingFields>> {
  static override readonly fields = embeddingFields

  protected override build(): void {
    this.addOwn('embeddings', [this.options.inputDim, this.options.outputDim])
  }

  override indexLimit(_args: LayerNode['args']): number | undefined {
    return this.options.inputDim
  }

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const indices = emit.cast(x, 'int32')
    const rows = emit.gather(emit.variable(this.weightsHere[0]), indices)
    if (this.options.maskZero) context.setMask(rows, emit.not(emit.equal(indices, 0)))
    return rows
  }
}

const maskingFields = { maskValue: number(0) }

/** Masks the steps of a sequence all of whose features are `maskValue`, and sets them to 0. */
export class Masking extends Layer<ValuesOf<typeof maskingFields>> {
  static override readonly fields = maskingFields

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const differs = emit.cast(emit.not(emit.equal(x, this.options.maskValue)), 'float32')
    const kept = emit.max(differs, [-1], true)
    const y = emit.mul(x, kept)
    context.setMask(y, emit.greater(emit.max(differs, [-1]), 0))
    return y
  }
}

/** What a Lambda layer computes: one value of one (or of a list), written with the emitter. */
export type LambdaFunction = (x: Value, emit: Emitter, inputs: readonly Value[]) => Value

const lambdaFields = {
  function: neededAny<LambdaFunction>(),
  outputShape: unwritten<unknown>(null),
  mask: unwritten<unknown>(null),
  arguments: unwritten<unknown>(null),
}

/** A function over graph values as a layer. Keras writes the code of its functions, which JSON here does not hold. */
export class Lambda extends Layer<ValuesOf<typeof lambdaFields>> {
  static override readonly fields = lambdaFields

  constructor(options: LayerOptions & { readonly function: LambdaFunction }, className?: string) {
    if (typeof options.function !== 'function')
      throw invalid(
        "a Lambda layer needs a function (x, emit) => value; one from a file holds Python's code: give it in TypeScript with registerLayer('Lambda', class)",
      )
    super(options, className)
  }

  call(inputs: readonly Value[], { emit }: CallContext): Value {
    return this.options.function(inputs[0], emit, inputs)
  }

  protected override config(): KerasConfig {
    throw layerError(this, 'is a Lambda: a function has no JSON form; write a layer class and registerLayer it')
  }
}

export class Identity extends Layer {
  static override readonly fields = {}
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[]): Value {
    return x
  }
}

const repeatFields = { n: neededCount }

/** [batch, features] to [batch, n, features]. */
export class RepeatVector extends Layer<ValuesOf<typeof repeatFields>> {
  static override readonly fields = repeatFields

  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 2)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.expand(unsqueeze(emit, x, 1), [1, this.options.n, 1])
  }
}

const penaltyFields = { l1: number(0), l2: number(0) }

/** A penalty on what passes through: l1 Σ|x| + l2 Σx², divided by the batch size. */
export class ActivityRegularization extends Layer<ValuesOf<typeof penaltyFields>> {
  static override readonly fields = penaltyFields
  static override readonly passesMask: boolean = true

  constructor(options: LayerOptions & { readonly l1?: number; readonly l2?: number } = {}, className?: string) {
    super(options, className)
    this.activityRegularizer = l1l2(this.options)
  }

  call([x]: readonly Value[]): Value {
    return x
  }

  override getConfig(): KerasConfig {
    const { activity_regularizer: _, ...config } = super.getConfig()
    return config
  }
}
