import type { DType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { type ActivationFunction, resolveActivation } from '../activations.js'
import { type KerasConfig, positiveInteger, snakeCase } from '../config.js'
import { type Constraint, type ConstraintLike, resolveConstraint } from '../constraints.js'
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js'
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js'
import type { CallContext } from './context.js'
import { type KerasShape, knownDim, Layer, type LayerOptions, type SymbolicTensor } from './layer.js'

export interface InputOptions {
  readonly name?: string
  /** Shape of one sample. */
  readonly shape?: KerasShape
  readonly batchShape?: KerasShape
  readonly dtype?: DType
}

/** The entry of a model. */
export class InputLayer extends Layer {
  readonly className = 'InputLayer'
  readonly inputDType: DType

  constructor(options: InputOptions) {
    super({ name: options.name })
    const shape = options.batchShape ?? [null, ...(options.shape ?? [])]
    this.inputDType = options.dtype ?? 'float32'
    this.addNode([], false, [{ shape, dtype: this.inputDType }])
  }

  call(inputs: readonly Value[]): Value {
    return inputs[0]
  }

  protected config(): KerasConfig {
    return {}
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
export interface KernelOptions extends LayerOptions {
  readonly activation?: string | null
  readonly useBias?: boolean
  readonly kernelInitializer?: InitializerLike
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike | null
  readonly biasRegularizer?: RegularizerLike | null
  readonly activityRegularizer?: RegularizerLike | null
  readonly kernelConstraint?: ConstraintLike | null
  readonly biasConstraint?: ConstraintLike | null
}

/** A layer with a kernel, a bias and an activation. */
export abstract class KernelLayer extends Layer {
  readonly useBias: boolean
  readonly activationName: string
  protected readonly activation: ActivationFunction
  protected readonly kernelInitializer: Initializer
  protected readonly biasInitializer: Initializer
  protected readonly kernelRegularizer: Regularizer | undefined
  protected readonly biasRegularizer: Regularizer | undefined
  protected readonly kernelConstraint: Constraint | undefined
  protected readonly biasConstraint: Constraint | undefined

  constructor(options: KernelOptions) {
    super(options)
    this.useBias = options.useBias ?? true
    this.activationName = snakeCase(options.activation ?? 'linear')
    this.activation = resolveActivation(options.activation)
    this.kernelInitializer = resolveInitializer(options.kernelInitializer ?? 'glorotUniform')
    this.biasInitializer = resolveInitializer(options.biasInitializer ?? 'zeros')
    this.kernelRegularizer = resolveRegularizer(options.kernelRegularizer)
    this.biasRegularizer = resolveRegularizer(options.biasRegularizer)
    this.activityRegularizer = resolveRegularizer(options.activityRegularizer)
    this.kernelConstraint = resolveConstraint(options.kernelConstraint)
    this.biasConstraint = resolveConstraint(options.biasConstraint)
  }

  protected addKernel(shape: readonly number[], role = 'kernel') {
    return this.addWeight(role, shape, {
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    })
  }

  protected addBias(size: number) {
    return this.addWeight('bias', [size], {
      initializer: this.biasInitializer,
      regularizer: this.biasRegularizer,
      constraint: this.biasConstraint,
    })
  }

  /** The shared options under Keras's names, kernel entries prefixed with `kernel`. */
  protected kernelConfig(kernel = 'kernel'): KerasConfig {
    return {
      activation: this.activationName,
      use_bias: this.useBias,
      [`${kernel}_initializer`]: this.kernelInitializer.serialize(),
      bias_initializer: this.biasInitializer.serialize(),
      [`${kernel}_regularizer`]: this.kernelRegularizer?.serialize() ?? null,
      bias_regularizer: this.biasRegularizer?.serialize() ?? null,
      ...(this.activityRegularizer && { activity_regularizer: this.activityRegularizer.serialize() }),
      [`${kernel}_constraint`]: this.kernelConstraint?.serialize() ?? null,
      bias_constraint: this.biasConstraint?.serialize() ?? null,
    }
  }
}

export interface DenseOptions extends KernelOptions {
  readonly units: number
}

/** activation(x · kernel + bias) over the last axis. */
export class Dense extends KernelLayer {
  readonly className = 'Dense'
  readonly units: number

  constructor(options: DenseOptions) {
    super(options)
    this.units = positiveInteger(options.units, 'Dense: units')
  }

  protected override build([shape]: readonly KerasShape[]): void {
    this.addKernel([knownDim(this, shape, -1), this.units])
    if (this.useBias) this.addBias(this.units)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const product = emit.matMul(x, kernel)
    return this.activation(bias ? emit.add(product, bias) : product, emit)
  }

  protected config(): KerasConfig {
    return { units: this.units, ...this.kernelConfig() }
  }
}
