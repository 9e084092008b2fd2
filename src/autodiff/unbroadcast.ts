import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import { formatShape, sameShape } from '../core/shape.js'
import type { Emitter } from '../ops/emitter.js'

/**
 * `gradient` summed over the axes along which `operand` was broadcast, so that it has the operand's shape.
 * Throws SHAPE_MISMATCH if it cannot be the gradient of such a broadcast.
 */
export function unbroadcast(emit: Emitter, gradient: Value, operand: Value): Value {
  if (sameShape(gradient.shape, operand.shape)) return gradient
  const extra = gradient.shape.length - operand.shape.length
  const leading = Array.from({ length: Math.max(extra, 0) }, (_, axis) => axis)
  const summed = leading.length ? emit.sum(gradient, leading) : gradient
  const repeated = operand.shape.flatMap((dim, axis) => (dim === 1 && summed.shape[axis] !== 1 ? [axis] : []))
  const result = repeated.length ? emit.sum(summed, repeated, true) : summed
  const fits = operand.shape.every(
    (dim, axis) => dim === result.shape[axis] || typeof dim === 'string' || typeof result.shape[axis] === 'string',
  )
  if (extra < 0 || !fits)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the gradient of '${operand.name}' has the shape ${formatShape(gradient.shape)}, which its shape ${formatShape(operand.shape)} does not broadcast to`,
    )
  return result
}
