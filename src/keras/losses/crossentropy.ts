import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid, type KerasConfig } from '../config.js'
import { rareValues } from '../parts.js'
import { beforeActivation, binary, type CrossentropyOptions, oneHot, shares, smoothed, toLast } from './classes.js'
import { epsilon, Loss, type LossFunction, type LossOptions } from './loss.js'

const softmaxCrossentropy = (target: Value, logits: Value, emit: GraphBuilder): Value =>
  emit.emit('lanewise.SoftmaxCrossEntropy', [logits, target], {}, 2)[0]

function categorical({ fromLogits = false, labelSmoothing = 0, axis = -1 }: CrossentropyOptions): LossFunction {
  return (yTrue, yPred, emit) => {
    const target = smoothed(toLast(yTrue, axis, emit), labelSmoothing, yPred.shape.at(axis) as number, emit)
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Softmax', axis, emit)
    if (logits) return softmaxCrossentropy(target, toLast(logits, axis, emit), emit)
    return emit.neg(emit.sum(emit.mul(target, emit.log(shares(toLast(yPred, axis, emit), emit))), [-1]))
  }
}

export interface CategoricalFocalOptions extends CrossentropyOptions {
  /** One factor, or one for each class. */
  readonly alpha?: number | readonly number[]
  readonly gamma?: number
}

export interface SparseCrossentropyOptions extends Omit<CrossentropyOptions, 'labelSmoothing'> {
  /** A class number whose samples count neither in the sum nor in the mean. */
  readonly ignoreClass?: number | null
}

function sparse({ fromLogits = false, axis = -1 }: SparseCrossentropyOptions): LossFunction {
  return (yTrue, yPred, emit) => {
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Softmax', axis, emit)
    const target = oneHot(yTrue, yPred.shape.at(axis) as number, emit)
    const scores = logits ?? emit.log(emit.clip(yPred, epsilon, 1 - epsilon))
    return softmaxCrossentropy(target, toLast(scores, axis, emit), emit)
  }
}

export interface BinaryFocalOptions extends CrossentropyOptions {
  readonly applyClassBalancing?: boolean
  readonly alpha?: number
  readonly gamma?: number
}

const configOf = ({ fromLogits = false, labelSmoothing = 0, axis = -1 }: CrossentropyOptions): KerasConfig => ({
  from_logits: fromLogits,
  label_smoothing: labelSmoothing,
  axis,
})

export const crossentropies = {
  /** Targets as rows of probabilities. After a softmax it is computed from the logits, as TensorFlow does. */
  categoricalCrossentropy: (options: CrossentropyOptions = {}) =>
    new Loss('CategoricalCrossentropy', options.name ?? 'categorical_crossentropy', categorical(options), options, {
      config: configOf(options),
    }),
  categoricalFocalCrossentropy: (options: CategoricalFocalOptions = {}) =>
    new Loss(
      'CategoricalFocalCrossentropy',
      options.name ?? 'categorical_focal_crossentropy',
      (...batch) => rareValues().categoricalFocal(options)(...batch),
      options,
      { config: { ...configOf(options), alpha: options.alpha ?? 0.25, gamma: options.gamma ?? 2 } },
    ),
  /** Targets as class numbers. */
  sparseCategoricalCrossentropy: (options: SparseCrossentropyOptions = {}) => {
    const { axis = -1, fromLogits = false, ignoreClass } = options
    const ignored = ignoreClass ?? undefined
    return new Loss(
      'SparseCategoricalCrossentropy',
      options.name ?? 'sparse_categorical_crossentropy',
      sparse(options),
      options,
      {
        sparse: true,
        classAxis: axis,
        ignoredClass: ignored,
        mask:
          ignored === undefined
            ? undefined
            : (yTrue, _, emit) => emit.cast(emit.not(emit.equal(yTrue, ignored)), 'float32'),
        config: { from_logits: fromLogits, ignore_class: ignoreClass ?? null, axis },
      },
    )
  },
  /** After a sigmoid it is computed from the logits, as TensorFlow does. */
  binaryCrossentropy: (options: CrossentropyOptions = {}) =>
    new Loss('BinaryCrossentropy', options.name ?? 'binary_crossentropy', binary(options), options, {
      averaged: [options.axis ?? -1],
      config: configOf(options),
    }),
  binaryFocalCrossentropy: (options: BinaryFocalOptions = {}) =>
    new Loss(
      'BinaryFocalCrossentropy',
      options.name ?? 'binary_focal_crossentropy',
      (...batch) => rareValues().binaryFocal(options)(...batch),
      options,
      {
        averaged: [options.axis ?? -1],
        config: {
          ...configOf(options),
          apply_class_balancing: options.applyClassBalancing ?? false,
          alpha: options.alpha ?? 0.25,
          gamma: options.gamma ?? 2,
        },
      },
    ),
  /** Targets as class numbers, robust against wrong ones; `q` in (0, 1) leads from crossentropy to absolute error. */
  categoricalGeneralizedCrossEntropy: (options: LossOptions & { readonly q?: number } = {}) => {
    const { q = 0.5, name = 'categorical_generalized_cross_entropy' } = options
    if (!(q > 0 && q < 1)) throw invalid(`loss '${name}': q must lie between 0 and 1, got ${q}`)
    return new Loss(
      'CategoricalGeneralizedCrossEntropy',
      name,
      (...batch) => rareValues().generalized(q)(...batch),
      options,
      {
        sparse: true,
        config: { q },
      },
    )
  },
} as const
