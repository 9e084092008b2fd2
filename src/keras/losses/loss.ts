import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { formatShape, sameShape, sizeOf } from '../../core/shape.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid, type KerasConfig, type KerasObject, kerasObject } from '../config.js'

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

export const epsilon = 1e-7

export interface LossDetails {
  /** Axes of the values that are still to be averaged. */
  readonly averaged?: readonly number[]
  /** Targets are class numbers, without the axis `classAxis` (the last unless given) of the predictions. */
  readonly sparse?: boolean
  readonly classAxis?: number
  /** A class number that does not count. */
  readonly ignoredClass?: number
  /** Targets are taken as they are, whatever their shape. */
  readonly asGiven?: boolean
  /** Which values count, as 0 or 1; all unless given. */
  readonly mask?: (yTrue: Value, values: Value, emit: GraphBuilder) => Value
  readonly custom?: boolean
  readonly config?: KerasConfig
}

/** `weights` of the first axes of `values`, to be multiplied with these. Throws SHAPE_MISMATCH where they are of other sizes. */
export function spread(weights: Value, values: Value, emit: GraphBuilder): Value {
  const { shape } = weights
  if (!sameShape(shape, values.shape.slice(0, shape.length)))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `weights (or a mask) of shape ${formatShape(shape)} do not fit values of shape ${formatShape(values.shape)}: they need its first axes`,
    )
  return emit.reshape(weights, [...shape, ...values.shape.slice(shape.length).map(() => 1)] as readonly number[])
}

/** The product of what is there. */
const product = (a: Value | undefined, b: Value | undefined, emit: GraphBuilder): Value | undefined =>
  a && b ? emit.mul(a, b) : (a ?? b)

/** The values of a batch, how much each of them counts, and which count at all, as 0 or 1; undefined: all alike. */
export interface WeighedValues {
  readonly values: Value
  readonly counts: Value | undefined
  readonly valid: Value | undefined
}

/** What the values of a batch are weighed by. */
export interface Weights {
  /** float32, of the values' first axes. */
  readonly weights?: Value | undefined
  /** Which predictions count: bool, of their first axes. */
  readonly mask?: Value | undefined
}

/** A loss with its options. */
export class Loss {
  readonly reduction: Reduction

  constructor(
    readonly className: string,
    readonly name: string,
    readonly values: LossFunction,
    options: LossOptions,
    readonly details: LossDetails = {},
  ) {
    this.reduction = options.reduction ?? 'sum_over_batch_size'
    const known: Reduction[] = ['sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight']
    if (!known.includes(this.reduction))
      throw invalid(`loss '${name}': reduction must be one of ${known.join(', ')}, got '${this.reduction}'`)
  }

  /** Values for each sample (and more axes), targets having been given the predictions' rank. */
  perSample(yTrue: Value, yPred: Value, emit: GraphBuilder): Value {
    const { averaged } = this.details
    const values = this.values(this.align(yTrue, yPred, emit), yPred, emit)
    return averaged ? emit.mean(values, averaged) : values
  }

  /** Throws INVALID_ARGUMENT, SHAPE_MISMATCH. */
  weighed(yTrue: Value, yPred: Value, { weights, mask }: Weights, emit: GraphBuilder): WeighedValues {
    const { mask: ownMask } = this.details
    const aligned = this.align(yTrue, yPred, emit)
    // What is averaged anyway need not be averaged over the last axis first.
    if (!weights && !mask && !ownMask)
      return { values: this.values(aligned, yPred, emit), counts: undefined, valid: undefined }
    const values = this.perSample(yTrue, yPred, emit)
    const isOne = values.shape.length === 0
    if (weights && isOne)
      throw invalid(`loss '${this.name}' gives one number a batch; sample and class weights need one a sample`)
    const given = mask && !isOne ? spread(emit.cast(mask, 'float32'), values, emit) : undefined
    const valid = product(ownMask?.(aligned, values, emit), given, emit)
    return { values, valid, counts: product(valid, weights && spread(weights, values, emit), emit) }
  }

  /** The loss of a batch as a scalar. Throws INVALID_ARGUMENT, SHAPE_MISMATCH. */
  reduce(yTrue: Value, yPred: Value, weights: Weights, emit: GraphBuilder): Value {
    const { averaged } = this.details
    const { values, counts, valid } = this.weighed(yTrue, yPred, weights, emit)
    if (!counts) {
      if (values.shape.length === 0) return values
      if (this.reduction !== 'sum') return emit.mean(values)
      return emit.sum(averaged ? emit.mean(values, averaged) : values)
    }
    const total = emit.sum(emit.mul(values, counts))
    if (this.reduction === 'sum') return total
    const sumOf = (each: Value) => {
      const repeats = sizeOf(values.shape as readonly number[]) / sizeOf(each.shape as readonly number[])
      return repeats === 1 ? emit.sum(each) : emit.mul(emit.sum(each), repeats)
    }
    if (this.reduction === 'mean_with_sample_weight') return emit.div(total, emit.maximum(sumOf(counts), 1e-30))
    if (!valid) return emit.div(total, sizeOf(values.shape as readonly number[]))
    return emit.div(total, emit.maximum(sumOf(valid), 1))
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
    const { asGiven, sparse, classAxis = -1 } = this.details
    if (asGiven) return yTrue
    const rank = yPred.shape.length
    const wanted = sparse ? yPred.shape.filter((_, axis) => axis !== (classAxis + rank) % rank) : yPred.shape
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
