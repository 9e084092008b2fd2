import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { oneHot } from './crossentropy.js'
import { epsilon, Loss, type LossFunction, type LossOptions } from './loss.js'

export interface OverlapOptions extends LossOptions {
  /** The axes that are summed over; all unless given, for one number a batch. */
  readonly axis?: number | readonly number[] | null
}

const overlapSums = (axis: OverlapOptions['axis'], emit: GraphBuilder) => (x: Value) =>
  emit.sum(x, typeof axis === 'number' ? [axis] : (axis ?? undefined))

/** 1 - 2 |A B| / (|A| + |B|). */
const dice =
  (axis: OverlapOptions['axis']): LossFunction =>
  (yTrue, yPred, emit) => {
    const sum = overlapSums(axis, emit)
    const sizes = emit.add(sum(yTrue), sum(yPred))
    return emit.sub(1, emit.div(emit.mul(sum(emit.mul(yTrue, yPred)), 2), emit.add(sizes, epsilon)))
  }

export interface TverskyOptions extends OverlapOptions {
  /** What false negatives cost. */
  readonly alpha?: number
  /** What false positives cost. */
  readonly beta?: number
}

/** Salehi et al., 2017, with `alpha` and `beta` as Keras 3.15 has them: Keras documents them the other way round. */
const tversky =
  ({ alpha = 0.5, beta = 0.5, axis }: TverskyOptions): LossFunction =>
  (yTrue, yPred, emit) => {
    const sum = overlapSums(axis, emit)
    const hits = sum(emit.mul(yPred, yTrue))
    const falsePositives = sum(emit.mul(emit.sub(1, yTrue), yPred))
    const falseNegatives = sum(emit.mul(yTrue, emit.sub(1, yPred)))
    const misses = emit.add(emit.mul(falseNegatives, alpha), emit.mul(falsePositives, beta))
    return emit.sub(1, emit.div(hits, emit.add(emit.add(hits, misses), epsilon)))
  }

export interface CircleOptions extends LossOptions {
  readonly gamma?: number
  readonly margin?: number
  /** Whether a sample is left out of its own class. */
  readonly removeDiagonal?: boolean
}

/** Low enough to vanish beside any logarithm of a probability, finite for gradients' sake. */
const never = -1e30

/** Sun et al., 2020: labels [batch] and normalized embeddings [batch, size] to [batch]. */
const circle =
  ({ gamma = 80, margin = 0.4, removeDiagonal = true }: CircleOptions): LossFunction =>
  (yTrue, yPred, emit) => {
    const batch = yPred.shape[0] as number
    if (yPred.shape.length !== 2 || yTrue.shape.slice(1).some((dim) => dim !== 1))
      throw invalid('circle takes class numbers [batch] and embeddings [batch, size]')
    const same = emit.equal(emit.reshape(yTrue, [batch, 1]), emit.reshape(yTrue, [1, batch]))
    const diagonal = new Tensor(
      'bool',
      [...Array(batch ** 2).keys()].map((i) => (i % (batch + 1) ? 0 : 1)),
      [batch, batch],
    )
    const positive = removeDiagonal ? emit.and(same, emit.not(emit.constant(diagonal))) : same
    const distance = emit.relu(emit.sub(1, emit.matMul(yPred, emit.transpose(yPred, [1, 0]))))
    const score = (mask: Value, weight: Value, offset: Value, factor: number) =>
      emit.reduce(
        'ReduceLogSumExp',
        emit.where(mask, emit.mul(emit.mul(emit.relu(weight), offset), factor), never),
        [1],
      )
    const near = score(positive, emit.add(distance, margin), emit.sub(margin, distance), -gamma)
    const far = score(emit.not(same), emit.sub(1 + margin, distance), emit.sub(1 - margin, distance), gamma)
    return emit.softplus(emit.add(near, far))
  }

/**
 * Connectionist temporal classification (Graves et al., 2006): labels [batch, length], 0 being the blank and the padding,
 * and logits [batch, time, classes] to [batch]. The graph grows with the number of time steps.
 */
const ctc: LossFunction = (yTrue, yPred, emit) => {
  if (yTrue.shape.length !== 2 || yPred.shape.length !== 3)
    throw invalid('ctc takes class numbers [batch, length] and logits [batch, time, classes]')
  const [batch, length] = yTrue.shape as readonly number[]
  const [, time, classes] = yPred.shape as readonly number[]
  const states = 2 * length + 1
  const labels = emit.reshape(emit.cast(yTrue, 'int32'), [batch, length, 1])
  const blanks = (shape: readonly number[]) => emit.constant(Tensor.zeros('int32', shape))
  // Blanks around each label: blank, label, blank, label, …, blank.
  const pairs = emit.reshape(emit.concat([blanks([batch, length, 1]), labels], 2), [batch, states - 1])
  const path = emit.concat([pairs, blanks([batch, 1])], 1)
  const logProbabilities = emit.matMul(emit.logSoftmax(yPred), emit.transpose(oneHot(path, classes, emit), [0, 2, 1]))
  const at = (step: number) => emit.gather(logProbabilities, emit.scalar(step, 'int64'), 1)
  const slice = (x: Value, to: number) => emit.op('Slice', [x, emit.ints([0]), emit.ints([to]), emit.ints([1])])
  const later = (x: Value, by: number, fill: Value) => emit.concat([fill, slice(x, states - by)], 1)
  const unreachable = (width: number) => emit.constant(Tensor.full('float32', [batch, width], never))
  const repeats = later(path, Math.min(2, states), blanks([batch, Math.min(2, states)]))
  const skips = emit.not(emit.or(emit.equal(path, 0), emit.equal(path, repeats)))
  const started = emit.constant(
    new Tensor(
      'bool',
      [...Array(states).keys()].map((state) => (state < 2 ? 1 : 0)),
      [1, states],
    ),
  )
  let reached = emit.where(started, at(0), never)
  for (let step = 1; step < time; step++) {
    const skipping = emit.where(skips, later(reached, 2, unreachable(2)), never)
    const ways = [reached, later(reached, 1, unreachable(1)), skipping]
    const stacked = emit.concat(
      ways.map((way) => emit.reshape(way, [batch, states, 1])),
      2,
    )
    reached = emit.add(emit.reduce('ReduceLogSumExp', stacked, [2]), at(step))
  }
  const count = emit.sum(emit.cast(emit.not(emit.equal(emit.cast(yTrue, 'int32'), 0)), 'float32'), [1], true)
  const last = emit.cast(emit.mul(count, 2), 'int32')
  const place = emit.constant(new Tensor('int32', [...Array(states).keys()], [1, states]))
  const ends = emit.or(emit.equal(place, last), emit.equal(place, emit.sub(last, 1)))
  return emit.neg(emit.reduce('ReduceLogSumExp', emit.where(ends, reached, never), [1]))
}

export const structured = {
  dice: (options: OverlapOptions = {}) =>
    new Loss('Dice', options.name ?? 'dice', dice(options.axis), options, { config: { axis: options.axis ?? null } }),
  tversky: (options: TverskyOptions = {}) =>
    new Loss('Tversky', options.name ?? 'tversky', tversky(options), options, {
      config: { alpha: options.alpha ?? 0.5, beta: options.beta ?? 0.5, axis: options.axis ?? null },
    }),
  circle: (options: CircleOptions = {}) =>
    new Loss('Circle', options.name ?? 'circle', circle(options), options, {
      asGiven: true,
      mask: (_, values, emit) => emit.cast(emit.greater(values, 0), 'float32'),
      config: {
        gamma: options.gamma ?? 80,
        margin: options.margin ?? 0.4,
        remove_diagonal: options.removeDiagonal ?? true,
      },
    }),
  ctc: (options: LossOptions = {}) => new Loss('CTC', options.name ?? 'ctc', ctc, options, { asGiven: true }),
} as const
