import type { NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { inputShape } from './compose.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat } from './infer.js'

const generator = {
  seed: { type: 'int', default: 0 },
  stream: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

function checkStep({ dtype, shape }: TensorType): void {
  if (dtype !== 'int32' || shape.length !== 0)
    throw new LanewiseError('TYPE_MISMATCH', 'the step must be an int32 scalar')
}

function inferDropout(context: InferenceContext): TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0))
  return [
    { dtype, shape },
    { dtype: 'bool', shape },
  ]
}

/** A number for a name: nodes that differ in name draw different random numbers. */
const streamOf = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 1
}

/** Where the random numbers of a Dropout come from: a step (int32 scalar), and what holds for all steps. */
export interface DropoutDraw {
  readonly step: Value
  readonly seed: number
  readonly stream: number
}

/**
 * A Dropout as other ops: elements whose random number is below the ratio become 0 where training_mode is true, the
 * others grow by 1 / (1 - ratio). Without `draw` the same elements drop out in every run.
 */
export function dropoutBody(emit: Emitter, node: Node, draw?: DropoutDraw): readonly Value[] {
  const [x, ratio, mode] = node.inputs as [Value, Value | undefined, Value | undefined]
  const shape = inputShape(node)
  const keepAll = emit.constant(new Tensor('bool', new Uint8Array(sizeOf(shape)).fill(1), shape))
  const known = mode && emit.constantOf(mode)?.toNumbers()[0]
  if (!mode || known === 0) return [emit.op('Identity', [x]), keepAll]
  const rate = ratio ? emit.cast(ratio, 'float32') : emit.scalar(0.5)
  const seed = node.attributes['seed'] as number | undefined
  const numbers = emit.op('lanewise.RandomUniform', [draw?.step ?? emit.scalar(0, 'int32')], {
    shape,
    seed: seed ?? draw?.seed ?? 0,
    stream: draw?.stream ?? (seed === undefined ? streamOf(node.name) : 0),
  })
  const drawn = emit.greaterOrEqual(numbers, rate)
  const mask = known === undefined ? emit.or(drawn, emit.not(mode)) : drawn
  const grown = emit.div(1, emit.sub(1, rate))
  const scale = emit.cast(known === undefined ? emit.where(mode, grown, 1) : grown, x.dtype as NumericDType)
  return [emit.where(mask, emit.mul(x, scale), 0), mask]
}

export const random = {
  /**
   * x, ratio? (0.5), training_mode? (false) -> y, mask. In training, the same elements drop out in every run, as the seed
   * says (one of the node's own without it); lanewise.Dropout takes a step to draw anew, and so does `dropoutBody`.
   */
  Dropout: {
    since: 13,
    inputs: [1, 3],
    outputs: [1, 2],
    attributes: { seed: { type: 'int' } },
    infer: inferDropout,
    decompose: (emit, node) => dropoutBody(emit, node),
  },

  /** x, step (int32 scalar) -> x / (1 - rate) where an element's random number is >= rate, else 0. */
  'lanewise.Dropout': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { rate: { type: 'float', required: true }, ...generator },
    traits: { random: true, inPlace: [0] },
    infer: (context) => {
      const { dtype, shape } = requireFloat(required(context, 0))
      checkStep(required(context, 1))
      const rate = context.attributes['rate'] as number
      if (!(rate >= 0 && rate < 1)) throw new LanewiseError('INVALID_ARGUMENT', `rate ${rate} is not in [0, 1)`)
      return [{ dtype, shape }]
    },
  },

  /** step (int32 scalar) -> float32 in [0, 1), of the attribute `shape`. */
  'lanewise.RandomUniform': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { shape: { type: 'ints', required: true }, ...generator },
    traits: { random: true },
    infer: (context) => {
      checkStep(required(context, 0))
      return [{ dtype: 'float32', shape: intsAttribute(context.attributes, 'shape')! }]
    },
  },
} as const satisfies Record<string, OpDefinition>
