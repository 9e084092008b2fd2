import { dtypeOfCode, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { formatShape, normalizeAxis } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { alongChannels, axesFrom, inputShape } from './compose.js'
import {
  type AttributeSchema,
  floatAttribute,
  type InferenceContext,
  intAttribute,
  intsAttribute,
  type OpDefinition,
} from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat, sameAsFloatInput } from './infer.js'

const epsilon = { type: 'float', default: 1e-5 } as const satisfies AttributeSchema
const stashType = { type: 'int', default: 1 } as const satisfies AttributeSchema

/** (x - mean) / sqrt(variance + epsilon) over `axes`; without axes, each element is its own mean. */
function standardized(emit: Emitter, x: Value, axes: readonly number[], epsilon: number): Value {
  if (axes.length === 0) return emit.sub(x, x)
  const centred = emit.sub(x, emit.mean(x, axes, true))
  const variance = emit.mean(emit.square(centred), axes, true)
  return emit.div(centred, emit.sqrt(emit.add(variance, epsilon)))
}

/** Runs `body` on the input in the precision that stash_type names, and casts back. Throws INVALID_MODEL. */
function stashed(emit: Emitter, node: Node, body: (x: Value) => Value): Value {
  const x = node.inputs[0]!
  const stash = dtypeOfCode(intAttribute(node.attributes, 'stash_type'))
  if (stash !== 'float32' && stash !== 'float64' && stash !== 'float16' && stash !== 'bfloat16')
    throw new LanewiseError('INVALID_MODEL', `stash_type ${node.attributes['stash_type']} is no float type`)
  // A type wider than the stash type keeps its precision.
  const widened = x.dtype === 'float64' ? x : emit.cast(x, stash)
  return emit.cast(body(widened), x.dtype as NumericDType)
}

function channelVectors(context: InferenceContext, sizes: (channels: number) => readonly number[]): TensorType[] {
  const x = requireFloat(required(context, 0))
  if (x.shape.length < 2) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …], got ${formatShape(x.shape)}`)
  const channels = x.shape[1]
  for (const index of [1, 2]) {
    const { shape } = required(context, index)
    const [length] = shape
    if (
      shape.length !== 1 ||
      (typeof channels === 'number' && typeof length === 'number' && !sizes(channels).includes(length))
    )
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `${index === 1 ? 'scale' : 'bias'} ${formatShape(shape)} must be a vector along the ${channels} channels`,
      )
  }
  return [x]
}

/** Normalizations without batch statistics, written as compositions. */
export const norms = {
  /** x [N, C, …], scale [C], bias [C] -> y: each plane of each image on its own. */
  InstanceNormalization: {
    since: 6,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { epsilon },
    traits: { weights: [1, 2] },
    infer: (context) => channelVectors(context, (channels) => [channels]),
    decompose: (emit, node) => {
      const [x, scale, bias] = node.inputs as Value[]
      const rank = x.shape.length
      const normalized = standardized(emit, x, axesFrom(2, rank), floatAttribute(node.attributes, 'epsilon'))
      const scaled = emit.mul(normalized, alongChannels(emit, scale, rank))
      return [emit.add(scaled, alongChannels(emit, bias, rank))]
    },
  },

  /** x [N, C, …], scale and bias [C], or [num_groups] as before opset 21 -> y: each group of channels on its own. */
  GroupNormalization: {
    since: 21,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { epsilon, num_groups: { type: 'int', required: true }, stash_type: stashType },
    traits: { weights: [1, 2] },
    infer: (context) => {
      const groups = intAttribute(context.attributes, 'num_groups')
      const [x] = channelVectors(context, (channels) => [channels, groups])
      const channels = x.shape[1]
      if (groups < 1 || (typeof channels === 'number' && channels % groups !== 0))
        throw new LanewiseError('SHAPE_MISMATCH', `num_groups ${groups} does not divide ${channels} channels`)
      return [x]
    },
    decompose: (emit, node) => {
      const shape = inputShape(node)
      const groups = intAttribute(node.attributes, 'num_groups')
      const width = shape[1] / groups
      const [scale, bias] = node.inputs.slice(1).map((vector) => {
        if (vector!.shape[0] === shape[1] || width === 1) return vector!
        return emit.reshape(emit.expand(emit.reshape(vector!, [groups, 1]), [groups, width]), [-1])
      })
      return [
        stashed(emit, node, (x) => {
          const grouped = emit.reshape(x, [shape[0], groups, -1])
          const [one, zero] = [1, 0].map((value) =>
            emit.constant(new Tensor(x.dtype, new Array<number>(groups).fill(value), [groups])),
          )
          const epsilon = floatAttribute(node.attributes, 'epsilon')
          const normalized = emit.reshape(emit.op('InstanceNormalization', [grouped, one, zero], { epsilon }), shape)
          const vector = (value: Value) => alongChannels(emit, emit.cast(value, x.dtype as NumericDType), shape.length)
          return emit.add(emit.mul(normalized, vector(scale)), vector(bias))
        }),
      ]
    },
  },

  /** x, scale -> x / sqrt(mean(x²) + epsilon) scale over the axes from `axis` on. */
  RMSNormalization: {
    since: 23,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: -1 }, epsilon, stash_type: stashType },
    traits: { weights: [1] },
    infer: (context) => {
      const x = requireFloat(required(context, 0))
      normalizeAxis(intAttribute(context.attributes, 'axis'), x.shape.length)
      const scale = requireFloat(required(context, 1))
      if (scale.shape.length > x.shape.length)
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `the scale ${formatShape(scale.shape)} must broadcast to ${formatShape(x.shape)}`,
        )
      return [{ dtype: scale.dtype, shape: x.shape }]
    },
    decompose: (emit, node) => {
      const rank = node.inputs[0]!.shape.length
      const axes = axesFrom(normalizeAxis(intAttribute(node.attributes, 'axis'), rank), rank)
      const normalized = stashed(emit, node, (x) => {
        const mean = emit.mean(emit.square(x), axes, true)
        return emit.div(x, emit.sqrt(emit.add(mean, floatAttribute(node.attributes, 'epsilon'))))
      })
      const scale = node.inputs[1]!
      return [emit.mul(emit.cast(normalized, scale.dtype as NumericDType), scale)]
    },
  },

  /** x divided by its p-norm (p is 1 or 2) along `axis`; lines of zeros stay. */
  LpNormalization: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: -1 }, p: { type: 'int', default: 2 } },
    infer: (context) => {
      const p = intAttribute(context.attributes, 'p')
      if (p !== 1 && p !== 2) throw new LanewiseError('INVALID_MODEL', `p must be 1 or 2, got ${p}`)
      normalizeAxis(intAttribute(context.attributes, 'axis'), required(context, 0).shape.length)
      return sameAsFloatInput(context)
    },
    decompose: (emit, { inputs: [x], attributes }) => {
      const axes = [normalizeAxis(intAttribute(attributes, 'axis'), x!.shape.length)]
      const norm = emit.reduce(intAttribute(attributes, 'p') === 1 ? 'ReduceL1' : 'ReduceL2', x!, axes, true)
      return [emit.div(x!, emit.where(emit.equal(norm, 0), 1, norm))]
    },
  },

  /** (x - mean) / (deviation + 1e-9) over `axes`. */
  MeanVarianceNormalization: {
    since: 9,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { axes: { type: 'ints', default: [0, 2, 3] } },
    infer: sameAsFloatInput,
    decompose: (emit, { inputs: [x], attributes }) => {
      const axes = intsAttribute(attributes, 'axes')!
      const centred = emit.sub(x!, emit.mean(x!, axes, true))
      const deviation = emit.sqrt(emit.mean(emit.square(centred), axes, true))
      return [emit.div(centred, emit.add(deviation, 1e-9))]
    },
  },

  /** x / (bias + alpha / size Σx²)^beta, the sum over `size` neighbouring channels (Krizhevsky et al., 2012). */
  LRN: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      alpha: { type: 'float', default: 1e-4 },
      beta: { type: 'float', default: 0.75 },
      bias: { type: 'float', default: 1 },
      size: { type: 'int', required: true },
    },
    infer: (context) => {
      const { shape } = required(context, 0)
      const size = intAttribute(context.attributes, 'size')
      if (shape.length < 2) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …], got ${formatShape(shape)}`)
      if (!(size >= 1)) throw new LanewiseError('INVALID_MODEL', `size must be positive, got ${size}`)
      return sameAsFloatInput(context)
    },
    decompose: (emit, node) => {
      const x = node.inputs[0]!
      const shape = inputShape(node)
      if (shape.includes(0)) return [emit.op('Identity', [x])]
      const [size, alpha, beta, bias] = ['size', 'alpha', 'beta', 'bias'].map((name) =>
        floatAttribute(node.attributes, name),
      )
      const before = Math.floor((size - 1) / 2)
      const planes = emit.reshape(emit.square(x), [shape[0], 1, shape[1], -1])
      const means = emit.op('AveragePool', [planes], {
        kernel_shape: [size, 1],
        pads: [before, 0, size - 1 - before, 0],
        count_include_pad: 1,
      })
      const base = emit.add(emit.mul(emit.reshape(means, shape), alpha), bias)
      return [emit.div(x, emit.pow(base, beta))]
    },
  },
} as const satisfies Record<string, OpDefinition>
