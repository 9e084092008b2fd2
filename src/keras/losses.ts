import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import { formatShape, sameShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { GraphBuilder } from '../graph/builder.js'
import {
  camelKeys,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  snakeCase,
} from './config.js'

/**
 * A loss over graph values: targets and predictions to values of shape [batch, …] (one for each sample, or more),
 * or to a scalar. Written with the emitter's operations, which are differentiated.
 */
export type LossFunction = (yTrue: Value, yPred: Value, emit: GraphBuilder) => Value

/** How the values become one number: their sum over their count, their sum, or weighted by the weights' sum. */
export type Reduction = 'sum_over_batch_size' | 'sum' | 'mean' | 'mean_with_sample_weight'

export interface LossOptions {
  readonly name?: string
  readonly reduction?: Reduction
}

export interface CrossentropyOptions extends LossOptions {
  /** Whether predictions are logits, rather than probabilities. */
  readonly fromLogits?: boolean
  readonly labelSmoothing?: number
  readonly axis?: number
}

const epsilon = 1e-7

/** A loss with its options. */
export class Loss {
  readonly reduction: Reduction

  constructor(
    readonly className: string,
    readonly name: string,
    readonly values: LossFunction,
    options: LossOptions,
    readonly details: {
      /** The values' last axis is still to be averaged. */
      readonly averaged?: boolean
      /** Targets are class numbers, without the last axis of the predictions. */
      readonly sparse?: boolean
      readonly custom?: boolean
      readonly config?: KerasConfig
    } = {},
  ) {
    this.reduction = options.reduction ?? 'sum_over_batch_size'
    const known: Reduction[] = ['sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight']
    if (!known.includes(this.reduction))
      throw invalid(`loss '${name}': reduction must be one of ${known.join(', ')}, got '${this.reduction}'`)
  }

  /** Values for each sample (and more axes), targets having been given the predictions' rank. */
  perSample(yTrue: Value, yPred: Value, emit: GraphBuilder): Value {
    const values = this.values(this.align(yTrue, yPred, emit), yPred, emit)
    return this.details.averaged ? emit.mean(values, [-1]) : values
  }

  /** The loss of a batch as a scalar; `weights` is [batch]. Throws SHAPE_MISMATCH. */
  reduce(yTrue: Value, yPred: Value, weights: Value | undefined, emit: GraphBuilder): Value {
    if (!weights) {
      const values = this.values(this.align(yTrue, yPred, emit), yPred, emit)
      if (values.shape.length === 0) return values
      if (this.reduction !== 'sum') return emit.mean(values)
      return emit.sum(this.details.averaged ? emit.mean(values, [-1]) : values)
    }
    const values = this.perSample(yTrue, yPred, emit)
    if (values.shape.length === 0)
      throw invalid(`loss '${this.name}' gives one number a batch; sample and class weights need one a sample`)
    const spread = emit.reshape(weights, [values.shape[0] as number, ...values.shape.slice(1).map(() => 1)])
    const weighted = emit.mul(values, spread)
    if (this.reduction === 'mean_with_sample_weight') {
      const repeats = sizeOf(values.shape.slice(1) as readonly number[])
      return emit.div(emit.sum(weighted), emit.mul(emit.sum(weights), repeats))
    }
    return this.reduction === 'sum' ? emit.sum(weighted) : emit.mean(weighted)
  }

  serialize(): KerasObject | undefined {
    if (this.details.custom) return undefined
    return kerasObject('keras.losses', this.className, {
      name: this.name,
      reduction: this.reduction,
      ...this.details.config,
    })
  }

  /** Targets with the rank of the predictions, in float32 (class numbers: their own rank, int32). */
  align(yTrue: Value, yPred: Value, emit: GraphBuilder): Value {
    const { custom, sparse } = this.details
    if (custom) return yTrue
    const wanted = sparse ? yPred.shape.slice(0, -1) : yPred.shape
    const trailing = (a: readonly unknown[], b: readonly unknown[]) => a.length === b.length + 1 && a[b.length] === 1
    let aligned = yTrue
    if (trailing(yTrue.shape, wanted) || trailing(wanted, yTrue.shape))
      aligned = emit.reshape(yTrue, wanted as readonly number[])
    if (!sameShape(aligned.shape, wanted))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `loss '${this.name}' needs targets of shape ${formatShape(wanted)} for predictions of shape ${formatShape(yPred.shape)}, got ${formatShape(yTrue.shape)}${
          !sparse && this.className === 'CategoricalCrossentropy' && yTrue.shape.length < yPred.shape.length
            ? '; class numbers go with sparseCategoricalCrossentropy'
            : ''
        }`,
      )
    return emit.cast(aligned, sparse ? 'int32' : 'float32')
  }
}

/** The input of the node that writes `value`, if that is a `op` over the last axis. */
function beforeActivation(value: Value, op: 'Softmax' | 'Sigmoid', emit: GraphBuilder): Value | undefined {
  const node = emit.producer(value)
  if (node?.op !== op) return undefined
  const axis = node.attributes.axis
  if (op === 'Softmax' && axis !== -1 && axis !== value.shape.length - 1) return undefined
  return node.inputs[0]
}

const softmaxCrossentropy = (target: Value, logits: Value, emit: GraphBuilder): Value =>
  emit.emit('lanewise.SoftmaxCrossEntropy', [logits, target], {}, 2)[0]

const lastAxisOnly = ({ axis = -1, name }: CrossentropyOptions) => {
  if (axis !== -1)
    throw invalid(`loss '${name ?? 'crossentropy'}' works over the last axis; axis ${axis} is not supported`)
}

function categorical(options: CrossentropyOptions): LossFunction {
  const { fromLogits = false, labelSmoothing = 0 } = options
  lastAxisOnly(options)
  return (yTrue, yPred, emit) => {
    const classes = yPred.shape[yPred.shape.length - 1] as number
    const target = labelSmoothing ? emit.add(emit.mul(yTrue, 1 - labelSmoothing), labelSmoothing / classes) : yTrue
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Softmax', emit)
    if (logits) return softmaxCrossentropy(target, logits, emit)
    const share = emit.div(yPred, emit.sum(yPred, [-1], true))
    return emit.neg(emit.sum(emit.mul(target, emit.log(emit.clip(share, epsilon, 1 - epsilon))), [-1]))
  }
}

/** Class numbers to rows with a single 1. */
export function oneHot(labels: Value, classes: number, emit: GraphBuilder): Value {
  const column = emit.reshape(labels, [...(labels.shape as readonly number[]), 1])
  const numbers = emit.constant(
    new Tensor(
      'int32',
      Int32Array.from({ length: classes }, (_, i) => i),
      [classes],
    ),
  )
  return emit.cast(emit.equal(emit.cast(column, 'int32'), numbers), 'float32')
}

function sparse(options: CrossentropyOptions): LossFunction {
  lastAxisOnly(options)
  return (yTrue, yPred, emit) => {
    const target = oneHot(yTrue, yPred.shape[yPred.shape.length - 1] as number, emit)
    const logits = options.fromLogits ? yPred : beforeActivation(yPred, 'Softmax', emit)
    return softmaxCrossentropy(target, logits ?? emit.log(emit.clip(yPred, epsilon, 1 - epsilon)), emit)
  }
}

const smoothed = (target: Value, labelSmoothing: number, emit: GraphBuilder) =>
  labelSmoothing ? emit.add(emit.mul(target, 1 - labelSmoothing), labelSmoothing / 2) : target

function binary({ fromLogits = false, labelSmoothing = 0, axis = -1 }: CrossentropyOptions): LossFunction {
  if (axis !== -1) throw invalid(`binaryCrossentropy averages over the last axis; axis ${axis} is not supported`)
  return (yTrue, yPred, emit) => {
    const target = smoothed(yTrue, labelSmoothing, emit)
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Sigmoid', emit)
    if (logits) return emit.sub(emit.softplus(logits), emit.mul(target, logits))
    const p = emit.clip(yPred, epsilon, 1 - epsilon)
    const hit = emit.mul(target, emit.log(p))
    return emit.neg(emit.add(hit, emit.mul(emit.sub(1, target), emit.log(emit.sub(1, p)))))
  }
}

export interface BinaryFocalOptions extends CrossentropyOptions {
  readonly applyClassBalancing?: boolean
  readonly alpha?: number
  readonly gamma?: number
}

/** Lin et al., 2017. */
function binaryFocal(options: BinaryFocalOptions): LossFunction {
  const { fromLogits = false, labelSmoothing = 0, applyClassBalancing = false, alpha = 0.25, gamma = 2 } = options
  return (yTrue, yPred, emit) => {
    const target = smoothed(yTrue, labelSmoothing, emit)
    const p = fromLogits ? emit.sigmoid(yPred) : yPred
    const entropy = binary({})(target, p, emit)
    const blend = (one: Value | number, zero: Value | number) =>
      emit.add(emit.mul(target, one), emit.mul(emit.sub(1, target), zero))
    const focal = emit.mul(emit.pow(emit.sub(1, blend(p, emit.sub(1, p))), gamma), entropy)
    return applyClassBalancing ? emit.mul(focal, blend(alpha, 1 - alpha)) : focal
  }
}

/** Targets of 0 and 1 become -1 and 1, if there are no others. */
function signs(yTrue: Value, emit: GraphBuilder): Value {
  const binaryOnly = emit.min(emit.cast(emit.or(emit.equal(yTrue, 0), emit.equal(yTrue, 1)), 'float32'))
  return emit.where(emit.greater(binaryOnly, 0), emit.sub(emit.mul(yTrue, 2), 1), yTrue)
}

const hingeValues: LossFunction = (yTrue, yPred, emit) => emit.relu(emit.sub(1, emit.mul(signs(yTrue, emit), yPred)))

function huberValues(delta: number): LossFunction {
  return (yTrue, yPred, emit) => {
    const size = emit.abs(emit.sub(yTrue, yPred))
    const quadratic = emit.minimum(size, delta)
    return emit.add(emit.mul(emit.square(quadratic), 0.5), emit.mul(emit.sub(size, quadratic), delta))
  }
}

const logarithm = (x: Value, emit: GraphBuilder) => emit.log(emit.add(emit.maximum(x, epsilon), 1))

const unit = (x: Value, emit: GraphBuilder) =>
  emit.div(x, emit.maximum(emit.sqrt(emit.sum(emit.square(x), [-1], true)), epsilon))

/** The loss functions whose values are averaged over the last axis. */
const averaged = {
  mean_squared_error: (t, p, emit) => emit.square(emit.sub(p, t)),
  mean_absolute_error: (t, p, emit) => emit.abs(emit.sub(p, t)),
  mean_absolute_percentage_error: (t, p, emit) =>
    emit.mul(emit.abs(emit.div(emit.sub(t, p), emit.maximum(emit.abs(t), epsilon))), 100),
  mean_squared_logarithmic_error: (t, p, emit) => emit.square(emit.sub(logarithm(p, emit), logarithm(t, emit))),
  log_cosh: (t, p, emit) => {
    const x = emit.sub(p, t)
    return emit.sub(emit.add(x, emit.softplus(emit.mul(x, -2))), Math.LN2)
  },
  poisson: (t, p, emit) => emit.sub(p, emit.mul(t, emit.log(emit.add(p, epsilon)))),
  hinge: hingeValues,
  squared_hinge: (t, p, emit) => emit.square(hingeValues(t, p, emit)),
} as const satisfies Record<string, LossFunction>

/** The loss functions that sum over the last axis themselves. */
const summed = {
  kl_divergence: (t, p, emit) => {
    const target = emit.clip(t, epsilon, 1)
    return emit.sum(emit.mul(target, emit.log(emit.div(target, emit.clip(p, epsilon, 1)))), [-1])
  },
  categorical_hinge: (t, p, emit) => {
    const positive = emit.sum(emit.mul(t, p), [-1])
    const negative = emit.max(emit.mul(emit.sub(1, t), p), [-1])
    return emit.relu(emit.add(emit.sub(negative, positive), 1))
  },
  cosine_similarity: (t, p, emit) => emit.neg(emit.sum(emit.mul(unit(t, emit), unit(p, emit)), [-1])),
} as const satisfies Record<string, LossFunction>

const simple =
  (className: string, name: keyof typeof averaged | keyof typeof summed) =>
  (options: LossOptions = {}): Loss =>
    name in averaged
      ? new Loss(className, options.name ?? name, averaged[name as keyof typeof averaged], options, { averaged: true })
      : new Loss(className, options.name ?? name, summed[name as keyof typeof summed], options)

const crossentropyConfig = ({
  fromLogits = false,
  labelSmoothing = 0,
  axis = -1,
}: CrossentropyOptions): KerasConfig => ({
  from_logits: fromLogits,
  label_smoothing: labelSmoothing,
  axis,
})

/** Losses by their names in camelCase. */
export const losses = {
  meanSquaredError: simple('MeanSquaredError', 'mean_squared_error'),
  meanAbsoluteError: simple('MeanAbsoluteError', 'mean_absolute_error'),
  meanAbsolutePercentageError: simple('MeanAbsolutePercentageError', 'mean_absolute_percentage_error'),
  meanSquaredLogarithmicError: simple('MeanSquaredLogarithmicError', 'mean_squared_logarithmic_error'),
  logCosh: simple('LogCosh', 'log_cosh'),
  poisson: simple('Poisson', 'poisson'),
  hinge: simple('Hinge', 'hinge'),
  squaredHinge: simple('SquaredHinge', 'squared_hinge'),
  categoricalHinge: simple('CategoricalHinge', 'categorical_hinge'),
  klDivergence: simple('KLDivergence', 'kl_divergence'),
  cosineSimilarity: simple('CosineSimilarity', 'cosine_similarity'),
  huber: (options: LossOptions & { delta?: number } = {}) =>
    new Loss('Huber', options.name ?? 'huber_loss', huberValues(options.delta ?? 1), options, {
      averaged: true,
      config: { delta: options.delta ?? 1 },
    }),
  /** Targets as rows of probabilities. After a softmax it is computed from the logits, as TensorFlow does. */
  categoricalCrossentropy: (options: CrossentropyOptions = {}) =>
    new Loss('CategoricalCrossentropy', options.name ?? 'categorical_crossentropy', categorical(options), options, {
      config: crossentropyConfig(options),
    }),
  /** Targets as class numbers. */
  sparseCategoricalCrossentropy: (options: Omit<CrossentropyOptions, 'labelSmoothing'> = {}) =>
    new Loss(
      'SparseCategoricalCrossentropy',
      options.name ?? 'sparse_categorical_crossentropy',
      sparse(options),
      options,
      {
        sparse: true,
        config: { from_logits: options.fromLogits ?? false, ignore_class: null, axis: -1 },
      },
    ),
  /** After a sigmoid it is computed from the logits, as TensorFlow does. */
  binaryCrossentropy: (options: CrossentropyOptions = {}) =>
    new Loss('BinaryCrossentropy', options.name ?? 'binary_crossentropy', binary(options), options, {
      averaged: true,
      config: crossentropyConfig(options),
    }),
  binaryFocalCrossentropy: (options: BinaryFocalOptions = {}) =>
    new Loss('BinaryFocalCrossentropy', options.name ?? 'binary_focal_crossentropy', binaryFocal(options), options, {
      averaged: true,
      config: {
        ...crossentropyConfig(options),
        apply_class_balancing: options.applyClassBalancing ?? false,
        alpha: options.alpha ?? 0.25,
        gamma: options.gamma ?? 2,
      },
    }),
} as const

const table = new Map<string, (options: never) => Loss>(
  Object.entries(losses).map(([name, create]) => [snakeCase(name), create]),
)
for (const [alias, name] of [
  ['mse', 'mean_squared_error'],
  ['mae', 'mean_absolute_error'],
  ['mape', 'mean_absolute_percentage_error'],
  ['msle', 'mean_squared_logarithmic_error'],
  ['logcosh', 'log_cosh'],
  ['kld', 'kl_divergence'],
  ['kullback_leibler_divergence', 'kl_divergence'],
  ['bce', 'binary_crossentropy'],
])
  table.set(alias, table.get(name)!)

/** A name, a Loss, a function over graph values, or Keras's serialised form. */
export type LossLike = string | Loss | LossFunction | KerasObject

/** Whether there is a loss called `name`. */
export const isLossName = (name: string): boolean => table.has(snakeCase(name))

/** The loss, with an error where it does not give a value of the graph. */
const checked =
  (loss: LossFunction): LossFunction =>
  (yTrue, yPred, emit) => {
    const result: unknown = loss(yTrue, yPred, emit)
    if (typeof result === 'object' && result !== null && 'shape' in result) return result as Value
    throw invalid(
      `loss '${loss.name || 'custom'}' gave ${typeof result}; it must give a value that the emitter's operations made`,
    )
  }

/** Resolves a name, a function, or a serialised loss. Throws INVALID_ARGUMENT. */
export function resolveLoss(like: LossLike): Loss {
  if (like instanceof Loss) return like
  if (typeof like === 'function')
    return new Loss(like.name || 'custom', like.name || 'loss', checked(like), {}, { custom: true })
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  const create = table.get(snakeCase(name))
  if (!create) throw invalid(`unknown loss '${name}'; known: ${[...table.keys()].join(', ')}`)
  if (config.ignore_class !== undefined && config.ignore_class !== null)
    throw invalid(`loss '${name}': ignore_class is not supported`)
  return create(camelKeys(config) as never)
}
