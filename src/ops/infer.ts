import { type DType, isFloat, isInteger } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import {
  broadcastShapes,
  type Dim,
  formatShape,
  highestRank,
  isConcrete,
  isUnranked,
  normalizeAxis,
  type Shape,
  sizeOf,
  unranked,
} from '../core/shape.js'
import type { InferenceContext } from './definition.js'

type Infer = (context: InferenceContext) => readonly TensorType[]

/** Input `index`, which the schema requires. Throws INVALID_MODEL when it is left out. */
export function required({ inputs }: InferenceContext, index: number): TensorType {
  const type = inputs[index]
  if (!type) throw new LanewiseError('INVALID_MODEL', `input ${index} is required`)
  return type
}

/** One output, of input 0's dtype and shape. */
export const sameAsInput: Infer = (context) => {
  const { dtype, shape, container } = required(context, 0)
  return [{ dtype, shape, container }]
}

/** As `sameAsInput`. Throws TYPE_MISMATCH unless input 0 is of a float type. */
export const sameAsFloatInput: Infer = (context) => [requireFloat(required(context, 0))]

/** The type itself. Throws TYPE_MISMATCH unless it is a float type. */
export function requireFloat(type: TensorType): TensorType {
  if (!isFloat(type.dtype))
    throw new LanewiseError('TYPE_MISMATCH', `takes float tensors, got ${type.dtype}; cast the input first`)
  return { dtype: type.dtype, shape: type.shape }
}

/** The dtype that all `types` have. Throws TYPE_MISMATCH. */
export function sameDType(types: readonly TensorType[]): DType {
  const other = types.find((type) => type.dtype !== types[0].dtype)
  if (other)
    throw new LanewiseError(
      'TYPE_MISMATCH',
      `operands must have one dtype, got ${types[0].dtype} and ${other.dtype}; cast one of them`,
    )
  return types[0].dtype
}

/** One output: the broadcast shape of all inputs, in their common dtype or in `dtype`. */
export const broadcastOf =
  (dtype?: DType): Infer =>
  (context) => {
    const types = context.inputs.map((_, index) => required(context, index))
    const common = sameDType(types)
    return [{ dtype: dtype ?? common, shape: broadcastShapes(...types.map((type) => type.shape)) }]
  }

/** A shape of known rank whose sizes are not known yet: symbols named after the node's output `output`. Throws INVALID_MODEL. */
export function freshShape({ node }: InferenceContext, rank: number, output = 0): Dim[] {
  if (rank > highestRank)
    throw new LanewiseError('INVALID_MODEL', `output ${output} would have ${rank} dimensions, more than ${highestRank}`)
  return Array.from({ length: rank }, (_, axis) => `${node.name}:${output}.${axis}`)
}

/** Whether a dimension is one that `freshShape` made up, or a formula of such: nothing is known of its size. */
export const isComputed = (dim: Dim): boolean => typeof dim === 'string' && /:\d+\.\d+/.test(dim)

/** Thrown by `lengthOf`: the rank of an output follows from the length of input `index`, which is not known yet. */
export class UnknownLength extends LanewiseError {
  readonly index: number

  constructor(index: number, what: string, shape: Shape) {
    super('SHAPE_MISMATCH', `${what} must be a 1-D tensor of known length, got ${formatShape(shape)}`)
    this.index = index
  }
}

/**
 * The length of 1-D input `index`, which says the rank of the output. Throws SHAPE_MISMATCH when it is not 1-D,
 * UnknownLength when its length is not known, INVALID_MODEL when it is beyond `most`.
 */
export function lengthOf(context: InferenceContext, index: number, what: string, most = highestRank): number {
  const { shape } = required(context, index)
  if (shape.length > 1)
    throw new LanewiseError('SHAPE_MISMATCH', `${what} must be a 1-D tensor, got ${formatShape(shape)}`)
  if (!isConcrete(shape)) throw new UnknownLength(index, what, shape)
  const length = sizeOf(shape)
  if (length > most)
    throw new LanewiseError('INVALID_MODEL', `${what} has ${length} entries, ${most} at most make sense`)
  return length
}

/**
 * The type of output `output` where several values may end up in it: what they agree on, and new symbols for the rest.
 * Throws TYPE_MISMATCH when dtypes or containers differ.
 */
export function commonType(context: InferenceContext, types: readonly TensorType[], output: number): TensorType {
  const dtype = sameDType(types)
  const containers = new Set(types.map((type) => type.container))
  const container = [...containers].find((item) => item?.startsWith('optional')) ?? types[0].container
  if (containers.size > 1 && !container?.startsWith('optional'))
    throw new LanewiseError('TYPE_MISMATCH', 'one value is a sequence, the other a tensor')
  const [first] = types
  const ranked = types.every(({ shape }) => !isUnranked(shape) && shape.length === first.shape.length)
  const symbols = ranked ? freshShape(context, first.shape.length, output) : unranked
  const shape = ranked
    ? first.shape.map((dim, axis) =>
        typeof dim === 'number' && types.every((type) => type.shape[axis] === dim) ? dim : symbols[axis],
      )
    : unranked
  return { dtype, shape, container }
}

/** The content of input `index` as numbers; undefined when it is absent or not known while compiling. */
export const knownNumbers = (context: InferenceContext, index: number): readonly number[] | undefined =>
  context.constant(index)?.toNumbers()

/** As knownNumbers, of an input that holds axes, sizes or places. Throws TYPE_MISMATCH unless it is of an integer type. */
export function knownInts(context: InferenceContext, index: number): readonly number[] | undefined {
  const type = context.inputs[index]
  if (type && !isInteger(type.dtype))
    throw new LanewiseError('TYPE_MISMATCH', `input ${index} must be of an integer type, got ${type.dtype}`)
  return knownNumbers(context, index)
}

/** Axes normalised to [0, rank), ascending. Throws SHAPE_MISMATCH on an axis out of range or given twice. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const normalized = axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b)
  if (normalized.some((axis, index) => axis === normalized[index - 1]))
    throw new LanewiseError('SHAPE_MISMATCH', `an axis is given twice in [${axes.join(', ')}]`)
  return normalized
}
