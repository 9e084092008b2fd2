import type { NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { type Dim, formatShape, type Shape } from '../core/shape.js'
import { alongChannels } from './compose.js'
import { floatAttribute, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat } from './infer.js'

/** Throws SHAPE_MISMATCH unless `shape` is [channels]. */
function checkChannels(shape: Shape, channels: Dim, what: string): void {
  if (shape.length !== 1 || (typeof shape[0] === 'number' && typeof channels === 'number' && shape[0] !== channels))
    throw new LanewiseError('SHAPE_MISMATCH', `${what} ${formatShape(shape)} must be [${channels}]`)
}

function inferBatchNormalization(context: InferenceContext): TensorType[] {
  const x = requireFloat(required(context, 0))
  if (x.shape.length < 2) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …], got ${formatShape(x.shape)}`)
  for (const [index, what] of ['scale', 'bias', 'mean', 'variance'].entries())
    checkChannels(required(context, index + 1).shape, x.shape[1], what)
  if (intAttribute(context.attributes, 'training_mode') !== 1) return [x]
  const [mean, variance] = [required(context, 3), required(context, 4)]
  return [x, { dtype: mean.dtype, shape: [x.shape[1]] }, { dtype: variance.dtype, shape: [x.shape[1]] }]
}

/** x factor + offset by channels, so that constants leave one Mul and one Add. In training, the batch's own statistics count. */
function batchNormalizationBody(emit: Emitter, { inputs, attributes }: Node): readonly Value[] {
  const [x, scale, bias, mean, variance] = inputs as Value[]
  const dtype = x.dtype as NumericDType
  const rank = x.shape.length
  const training = intAttribute(attributes, 'training_mode') === 1
  const others = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1)
  const batchMean = training ? emit.mean(x, others) : emit.cast(mean, dtype)
  const centred = () => emit.sub(x, alongChannels(emit, batchMean, rank))
  const batchVariance = training ? emit.mean(emit.square(centred()), others) : emit.cast(variance, dtype)
  const deviation = emit.sqrt(emit.add(batchVariance, floatAttribute(attributes, 'epsilon')))
  const factor = emit.div(emit.cast(scale, dtype), deviation)
  const shift = emit.cast(bias, dtype)
  if (!training) {
    const offset = emit.sub(shift, emit.mul(batchMean, factor))
    return [emit.add(emit.mul(x, alongChannels(emit, factor, rank)), alongChannels(emit, offset, rank))]
  }
  const momentum = floatAttribute(attributes, 'momentum')
  const running = (old: Value, batch: Value) =>
    emit.add(emit.mul(old, momentum), emit.mul(emit.cast(batch, old.dtype as NumericDType), 1 - momentum))
  const scaled = emit.mul(centred(), alongChannels(emit, factor, rank))
  return [
    emit.add(scaled, alongChannels(emit, shift, rank)),
    running(mean, batchMean),
    running(variance, batchVariance),
  ]
}

export const normalization = {
  /**
   * x [N, C, …], scale [C], bias [C], mean [C], variance [C] -> y. With training_mode 1, y is normalised by the batch's
   * statistics, and two more outputs hold the running ones: old momentum + batch (1 - momentum).
   */
  BatchNormalization: {
    since: 15,
    inputs: [5, 5],
    outputs: [1, 3],
    attributes: {
      epsilon: { type: 'float', default: 1e-5 },
      momentum: { type: 'float', default: 0.9 },
      training_mode: { type: 'int', default: 0 },
    },
    traits: { weights: [1, 2] },
    infer: inferBatchNormalization,
    decompose: batchNormalizationBody,
  },
} as const satisfies Record<string, OpDefinition>
