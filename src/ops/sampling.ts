import { type DType, dtypeOfCode, isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition } from './definition.js'
import { required, requireFloat } from './infer.js'

const seed = { type: 'float' } as const
const normal = { mean: { type: 'float', default: 0 }, scale: { type: 'float', default: 1 } } as const
const uniform = { low: { type: 'float', default: 0 }, high: { type: 'float', default: 1 } } as const

/** The dtype of attribute `dtype`, or `otherwise`. Throws UNSUPPORTED_OP. */
function chosenDType({ attributes }: InferenceContext, otherwise: DType): DType {
  const code = attributes['dtype'] as number | undefined
  if (code === undefined) return otherwise
  const dtype = dtypeOfCode(code)
  if (!dtype) throw new LanewiseError('UNSUPPORTED_OP', `element type ${code} is not held by lanewise`)
  return dtype
}

/** A draw of attribute `shape`. */
const ofShape = <const A extends OpDefinition['attributes']>(parameters: A) =>
  ({
    since: 1,
    inputs: [0, 0],
    outputs: [1, 1],
    attributes: { ...parameters, seed, dtype: { type: 'int', default: 1 }, shape: { type: 'ints', required: true } },
    traits: { random: true },
    infer: (context) => {
      const shape = intsAttribute(context.attributes, 'shape')
      if (!shape || shape.some((dim) => dim < 0))
        throw new LanewiseError('INVALID_MODEL', `${formatShape(shape ?? [])} is no shape`)
      return [{ dtype: chosenDType(context, 'float32'), shape }]
    },
  }) as const satisfies OpDefinition

/** A draw of the input's shape, and dtype unless told. */
const like = <const A extends OpDefinition['attributes']>(since: number, parameters: A) =>
  ({
    since,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { ...parameters, seed, dtype: { type: 'int' } },
    traits: { random: true },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      return [{ dtype: chosenDType(context, dtype), shape }]
    },
  }) as const satisfies OpDefinition

/**
 * Random draws. With `seed` a node draws the same numbers in every run, on every machine; without, other ones in each.
 */
export const sampling = {
  RandomNormal: ofShape(normal),
  RandomUniform: ofShape(uniform),
  RandomNormalLike: like(1, normal),
  RandomUniformLike: like(1, uniform),
  /** Probabilities -> 1 with that probability, else 0. */
  Bernoulli: like(15, {}),
  /** Unnormalised log-probabilities [N, classes] -> `sample_size` classes drawn for each row. */
  Multinomial: {
    since: 7,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { dtype: { type: 'int', default: 6 }, sample_size: { type: 'int', default: 1 }, seed },
    traits: { random: true },
    infer: (context) => {
      const { shape } = requireFloat(required(context, 0))
      if (shape.length !== 2) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, classes], got ${formatShape(shape)}`)
      const dtype = chosenDType(context, 'int32')
      if (isFloat(dtype)) throw new LanewiseError('TYPE_MISMATCH', `classes are int32 or int64, not ${dtype}`)
      const samples = intAttribute(context.attributes, 'sample_size')
      if (samples < 1) throw new LanewiseError('INVALID_MODEL', `sample_size ${samples} must be positive`)
      return [{ dtype, shape: [shape[0], samples] }]
    },
  },
} as const satisfies Record<string, OpDefinition>
