import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid, type KerasConfig } from '../config.js'
import { epsilon, Loss, type LossFunction, type LossOptions } from './loss.js'

export interface CrossentropyOptions extends LossOptions {
  /** Whether predictions are logits, rather than probabilities. */
  readonly fromLogits?: boolean
  readonly labelSmoothing?: number
  /** The axis of the classes; the last unless given. */
  readonly axis?: number
}

const normalized = (axis: number, x: Value) => (axis < 0 ? axis + x.shape.length : axis)

/** The input of the node that writes `value`, if that is a `op` over `axis`. */
function beforeActivation(value: Value, op: 'Softmax' | 'Sigmoid', axis: number, emit: GraphBuilder) {
  const node = emit.producer(value)
  if (node?.op !== op) return undefined
  if (op === 'Softmax' && normalized(Number(node.attributes.axis), value) !== normalized(axis, value)) return undefined
  return node.inputs[0]
}

/** `x` with `axis` moved to the end. */
function toLast(x: Value, axis: number, emit: GraphBuilder): Value {
  const place = normalized(axis, x)
  const axes = x.shape.map((_, i) => i)
  return place === axes.length - 1 ? x : emit.transpose(x, [...axes.filter((i) => i !== place), place])
}

const softmaxCrossentropy = (target: Value, logits: Value, emit: GraphBuilder): Value =>
  emit.emit('lanewise.SoftmaxCrossEntropy', [logits, target], {}, 2)[0]

/** Targets of `classes` classes, moved towards the same share for each. */
const smoothed = (target: Value, share: number, classes: number, emit: GraphBuilder): Value =>
  share ? emit.add(emit.mul(target, 1 - share), share / classes) : target

/** Probabilities that add up to 1 over the last axis, kept off 0 and 1. */
const shares = (p: Value, emit: GraphBuilder) => emit.clip(emit.div(p, emit.sum(p, [-1], true)), epsilon, 1 - epsilon)

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

/** Lin et al., 2017, for several classes. */
function categoricalFocal(options: CategoricalFocalOptions): LossFunction {
  const { fromLogits = false, labelSmoothing = 0, axis = -1, alpha = 0.25, gamma = 2 } = options
  return (yTrue, yPred, emit) => {
    const target = smoothed(toLast(yTrue, axis, emit), labelSmoothing, yPred.shape.at(axis) as number, emit)
    const p = shares(toLast(fromLogits ? emit.softmax(yPred, axis) : yPred, axis, emit), emit)
    const focus = emit.mul(emit.pow(emit.sub(1, p), gamma), emit.mul(target, emit.log(p)))
    const factor = typeof alpha === 'number' ? alpha : emit.constant(new Tensor('float32', alpha, [alpha.length]))
    return emit.neg(emit.sum(emit.mul(focus, factor), [-1]))
  }
}

/** Class numbers to rows with a single 1, in float32; numbers that are no class give rows of 0. */
export function oneHot(labels: Value, classes: number, emit: GraphBuilder): Value {
  const column = emit.reshape(labels, [...(labels.shape as readonly number[]), 1])
  const numbers = emit.constant(new Tensor('int32', [...Array(classes).keys()], [classes]))
  return emit.cast(emit.equal(emit.cast(column, 'int32'), numbers), 'float32')
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

function binary({ fromLogits = false, labelSmoothing = 0 }: CrossentropyOptions): LossFunction {
  return (yTrue, yPred, emit) => {
    const target = smoothed(yTrue, labelSmoothing, 2, emit)
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Sigmoid', -1, emit)
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
    const target = smoothed(yTrue, labelSmoothing, 2, emit)
    const p = fromLogits ? emit.sigmoid(yPred) : yPred
    const entropy = binary({})(target, p, emit)
    const blend = (one: Value | number, zero: Value | number) =>
      emit.add(emit.mul(target, one), emit.mul(emit.sub(1, target), zero))
    const focal = emit.mul(emit.pow(emit.sub(1, blend(p, emit.sub(1, p))), gamma), entropy)
    return applyClassBalancing ? emit.mul(focal, blend(alpha, 1 - alpha)) : focal
  }
}

/** Zhang and Sabuncu, 2018. */
const generalized =
  (q: number): LossFunction =>
  (yTrue, yPred, emit) => {
    const p = emit.sum(emit.mul(yPred, oneHot(yTrue, yPred.shape.at(-1) as number, emit)), [-1])
    return emit.div(emit.sub(1, emit.pow(p, q)), q)
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
      categoricalFocal(options),
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
    new Loss('BinaryFocalCrossentropy', options.name ?? 'binary_focal_crossentropy', binaryFocal(options), options, {
      averaged: [options.axis ?? -1],
      config: {
        ...configOf(options),
        apply_class_balancing: options.applyClassBalancing ?? false,
        alpha: options.alpha ?? 0.25,
        gamma: options.gamma ?? 2,
      },
    }),
  /** Targets as class numbers, robust against wrong ones; `q` in (0, 1) leads from crossentropy to absolute error. */
  categoricalGeneralizedCrossEntropy: (options: LossOptions & { readonly q?: number } = {}) => {
    const { q = 0.5, name = 'categorical_generalized_cross_entropy' } = options
    if (!(q > 0 && q < 1)) throw invalid(`loss '${name}': q must lie between 0 and 1, got ${q}`)
    return new Loss('CategoricalGeneralizedCrossEntropy', name, generalized(q), options, {
      sparse: true,
      config: { q },
    })
  },
} as const
