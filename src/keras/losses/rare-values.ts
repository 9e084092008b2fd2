import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { binary, oneHot, shares, smoothed, toLast } from './classes.js'
import type { BinaryFocalOptions, CategoricalFocalOptions } from './crossentropy.js'
import { epsilon, type LossFunction } from './loss.js'
import type { CircleOptions, OverlapOptions, TverskyOptions } from './structured.js'

/** Targets of 0 and 1 become -1 and 1, if there are no others. */
function signs(yTrue: Value, emit: GraphBuilder): Value {
  const binaryOnly = emit.min(emit.cast(emit.or(emit.equal(yTrue, 0), emit.equal(yTrue, 1)), 'float32'))
  return emit.where(emit.greater(binaryOnly, 0), emit.sub(emit.mul(yTrue, 2), 1), yTrue)
}

const hingeValues: LossFunction = (yTrue, yPred, emit) => emit.relu(emit.sub(1, emit.mul(signs(yTrue, emit), yPred)))

const logarithm = (x: Value, emit: GraphBuilder) => emit.log(emit.add(emit.maximum(x, epsilon), 1))

const unit = (x: Value, axis: number, emit: GraphBuilder) =>
  emit.div(x, emit.maximum(emit.sqrt(emit.sum(emit.square(x), [axis], true)), epsilon))

/** Loss functions by name; the last two sum over the last axis themselves, the others are to be averaged over it. */
export const values = {
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
  kl_divergence: (t, p, emit) => {
    const target = emit.clip(t, epsilon, 1)
    return emit.sum(emit.mul(target, emit.log(emit.div(target, emit.clip(p, epsilon, 1)))), [-1])
  },
  categorical_hinge: (t, p, emit) => {
    const positive = emit.sum(emit.mul(t, p), [-1])
    const negative = emit.max(emit.mul(emit.sub(1, t), p), [-1])
    return emit.relu(emit.add(emit.sub(negative, positive), 1))
  },
} as const satisfies Record<string, LossFunction>
export type RareValues = keyof typeof values

/** -1 for vectors of one direction. */
export const cosine = (t: Value, p: Value, axis: number, emit: GraphBuilder): Value =>
  emit.neg(emit.sum(emit.mul(unit(t, axis, emit), unit(p, axis, emit)), [axis]))

const overlapSums = (axis: OverlapOptions['axis'], emit: GraphBuilder) => (x: Value) =>
  emit.sum(x, typeof axis === 'number' ? [axis] : (axis ?? undefined))

/** 1 - 2 |A B| / (|A| + |B|). */
export const dice =
  (axis: OverlapOptions['axis']): LossFunction =>
  (yTrue, yPred, emit) => {
    const sum = overlapSums(axis, emit)
    const sizes = emit.add(sum(yTrue), sum(yPred))
    return emit.sub(1, emit.div(emit.mul(sum(emit.mul(yTrue, yPred)), 2), emit.add(sizes, epsilon)))
  }

/** Salehi et al., 2017, with `alpha` and `beta` as Keras 3.15 has them: Keras documents them the other way round. */
export const tversky =
  ({ alpha = 0.5, beta = 0.5, axis }: TverskyOptions): LossFunction =>
  (yTrue, yPred, emit) => {
    const sum = overlapSums(axis, emit)
    const hits = sum(emit.mul(yPred, yTrue))
    const falsePositives = sum(emit.mul(emit.sub(1, yTrue), yPred))
    const falseNegatives = sum(emit.mul(yTrue, emit.sub(1, yPred)))
    const misses = emit.add(emit.mul(falseNegatives, alpha), emit.mul(falsePositives, beta))
    return emit.sub(1, emit.div(hits, emit.add(emit.add(hits, misses), epsilon)))
  }

/** Low enough to vanish beside any logarithm of a probability, finite for gradients' sake. */
const never = -1e30

/** Sun et al., 2020: labels [batch] and normalized embeddings [batch, size] to [batch]. */
export const circle =
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
export const ctc: LossFunction = (yTrue, yPred, emit) => {
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

/** Lin et al., 2017, for several classes. */
export function categoricalFocal(options: CategoricalFocalOptions): LossFunction {
  const { fromLogits = false, labelSmoothing = 0, axis = -1, alpha = 0.25, gamma = 2 } = options
  return (yTrue, yPred, emit) => {
    const target = smoothed(toLast(yTrue, axis, emit), labelSmoothing, yPred.shape.at(axis) as number, emit)
    const p = shares(toLast(fromLogits ? emit.softmax(yPred, axis) : yPred, axis, emit), emit)
    const focus = emit.mul(emit.pow(emit.sub(1, p), gamma), emit.mul(target, emit.log(p)))
    const factor = typeof alpha === 'number' ? alpha : emit.constant(new Tensor('float32', alpha, [alpha.length]))
    return emit.neg(emit.sum(emit.mul(focus, factor), [-1]))
  }
}

/** Lin et al., 2017. */
export function binaryFocal(options: BinaryFocalOptions): LossFunction {
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
export const generalized =
  (q: number): LossFunction =>
  (yTrue, yPred, emit) => {
    const p = emit.sum(emit.mul(yPred, oneHot(yTrue, yPred.shape.at(-1) as number, emit)), [-1])
    return emit.div(emit.sub(1, emit.pow(p, q)), q)
  }
