import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { epsilon, type LossFunction, type LossOptions } from './loss.js'

export interface CrossentropyOptions extends LossOptions {
  /** Whether predictions are logits, rather than probabilities. */
  readonly fromLogits?: boolean
  readonly labelSmoothing?: number
  /** The axis of the classes; the last unless given. */
  readonly axis?: number
}

const normalized = (axis: number, x: Value) => (axis < 0 ? axis + x.shape.length : axis)

/** The input of the node that writes `value`, if that is a `op` over `axis`. */
export function beforeActivation(value: Value, op: 'Softmax' | 'Sigmoid', axis: number, emit: GraphBuilder) {
  const node = emit.producer(value)
  if (node?.op !== op) return undefined
  if (op === 'Softmax' && normalized(Number(node.attributes.axis), value) !== normalized(axis, value)) return undefined
  return node.inputs[0]
}

/** `x` with `axis` moved to the end. */
export function toLast(x: Value, axis: number, emit: GraphBuilder): Value {
  const place = normalized(axis, x)
  const axes = x.shape.map((_, i) => i)
  return place === axes.length - 1 ? x : emit.transpose(x, [...axes.filter((i) => i !== place), place])
}

/** Targets of `classes` classes, moved towards the same share for each. */
export const smoothed = (target: Value, share: number, classes: number, emit: GraphBuilder): Value =>
  share ? emit.add(emit.mul(target, 1 - share), share / classes) : target

/** Probabilities that add up to 1 over the last axis, kept off 0 and 1. */
export const shares = (p: Value, emit: GraphBuilder) =>
  emit.clip(emit.div(p, emit.sum(p, [-1], true)), epsilon, 1 - epsilon)

/** Class numbers to rows with a single 1, in float32; numbers that are no class give rows of 0. */
export function oneHot(labels: Value, classes: number, emit: GraphBuilder): Value {
  const column = emit.reshape(labels, [...(labels.shape as readonly number[]), 1])
  const numbers = emit.constant(new Tensor('int32', [...Array(classes).keys()], [classes]))
  return emit.cast(emit.equal(emit.cast(column, 'int32'), numbers), 'float32')
}

export function binary({ fromLogits = false, labelSmoothing = 0 }: CrossentropyOptions): LossFunction {
  return (yTrue, yPred, emit) => {
    const target = smoothed(yTrue, labelSmoothing, 2, emit)
    const logits = fromLogits ? yPred : beforeActivation(yPred, 'Sigmoid', -1, emit)
    if (logits) return emit.sub(emit.softplus(logits), emit.mul(target, logits))
    const p = emit.clip(yPred, epsilon, 1 - epsilon)
    const hit = emit.mul(target, emit.log(p))
    return emit.neg(emit.add(hit, emit.mul(emit.sub(1, target), emit.log(emit.sub(1, p)))))
  }
}
