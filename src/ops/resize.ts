import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { type Dim, formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { freshShape, normalizeAxes, required } from './infer.js'

/** How a Resize finds the point of the input that an element of the output shows. */
export const coordinateModes = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
] as const
export const resizeModes = ['nearest', 'linear', 'cubic'] as const
export const nearestModes = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const

/** A Resize along one axis. */
export interface AxisResize {
  readonly from: number
  readonly to: number
  /** Output size over input size, before rounding. */
  readonly scale: number
  /** Part of the axis that tf_crop_and_resize shows, in units of its length. */
  readonly roi: readonly [start: number, end: number]
  readonly coordinates: (typeof coordinateModes)[number]
  readonly mode: (typeof resizeModes)[number]
  readonly nearest: (typeof nearestModes)[number]
  readonly cubicA: number
  readonly antialias: boolean
  readonly excludeOutside: boolean
}

const policies = ['stretch', 'not_larger', 'not_smaller'] as const

function choice<T extends string>(attributes: Attributes, name: string, allowed: readonly T[]): T {
  const value = stringAttribute(attributes, name) as T
  if (!allowed.includes(value))
    throw new LanewiseError('INVALID_MODEL', `${name} '${value}' is none of ${allowed.join(', ')}`)
  return value
}

/** The contents of a Resize's inputs 1 to 3; undefined where absent, empty or not known. */
interface Operands {
  readonly roi?: readonly number[] | undefined
  readonly scales?: readonly number[] | undefined
  readonly sizes?: readonly number[] | undefined
}

/** The numbers of an operand; undefined where it is absent or empty. */
export const contentOf = (tensor: Tensor | undefined): readonly number[] | undefined =>
  tensor && tensor.size > 0 ? tensor.toNumbers() : undefined

/** The axes that a Resize changes, in the order in which its inputs speak of them. */
function resizedAxes(attributes: Attributes, rank: number): readonly number[] {
  const axes = intsAttribute(attributes, 'axes')
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis)
  normalizeAxes(axes, rank)
  return axes.map((axis) => normalizeAxis(axis, rank))
}

/** For each axis of `shape`, what a Resize does along it; undefined where the axis stays. Throws INVALID_MODEL or SHAPE_MISMATCH. */
export function resizesOf(
  attributes: Attributes,
  shape: readonly number[],
  { roi, scales, sizes }: Operands,
): (AxisResize | undefined)[] {
  const axes = resizedAxes(attributes, shape.length)
  const factors = sizes ?? scales
  if (factors === undefined || (scales && sizes))
    throw new LanewiseError('INVALID_MODEL', 'needs scales or sizes, and not both')
  if (factors.length !== axes.length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${sizes ? 'sizes' : 'scales'} ${formatShape(factors)} must have one entry for each of ${axes.length} axes`,
    )
  if (factors.some((factor) => !(factor > 0)))
    throw new LanewiseError('INVALID_MODEL', `${formatShape(factors)} must be positive`)
  const coordinates = choice(attributes, 'coordinate_transformation_mode', coordinateModes)
  const crops = coordinates === 'tf_crop_and_resize'
  if (crops && roi?.length !== 2 * axes.length)
    throw new LanewiseError('INVALID_MODEL', `tf_crop_and_resize needs a roi of ${2 * axes.length} numbers`)
  const policy = choice(attributes, 'keep_aspect_ratio_policy', policies)
  const ratios = axes.map((axis, index) => (sizes ? sizes[index] / shape[axis] : factors[index]))
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  const keeps = sizes !== undefined && policy !== 'stretch'
  const result: (AxisResize | undefined)[] = shape.map(() => undefined)
  axes.forEach((axis, index) => {
    const from = shape[axis]
    const scale = keeps ? common : ratios[index]
    const range: readonly [number, number] = crops ? [roi![index], roi![axes.length + index]] : [0, 1]
    const to = keeps
      ? Math.floor(scale * from + 0.5)
      : (sizes?.[index] ?? Math.floor(Math.fround(from * (range[1] - range[0]) * scale)))
    if (to === from && Math.abs(scale - 1) < 1e-9 && range[0] === 0 && range[1] === 1) return
    result[axis] = {
      from,
      to,
      scale,
      roi: range,
      coordinates,
      mode: choice(attributes, 'mode', resizeModes),
      nearest: choice(attributes, 'nearest_mode', nearestModes),
      cubicA: attributes['cubic_coeff_a'] as number,
      antialias: intAttribute(attributes, 'antialias') === 1,
      excludeOutside: intAttribute(attributes, 'exclude_outside') === 1,
    }
  })
  return result
}

function inferResize(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const [roi, scales, sizes] = [1, 2, 3].map((index) => contentOf(context.constant(index)))
  const isKnown = (index: number) => !context.inputs[index] || context.constant(index) !== undefined
  if (isKnown(1) && isKnown(2) && isKnown(3)) {
    if (shape.every((dim) => typeof dim === 'number')) {
      const resizes = resizesOf(context.attributes, shape, { roi, scales, sizes })
      return [{ dtype, shape: shape.map((dim, axis) => resizes[axis]?.to ?? dim) }]
    }
    const symbolic = symbolicSizes(context, shape, scales, sizes)
    if (symbolic) return [{ dtype, shape: symbolic }]
  }
  const axes = resizedAxes(context.attributes, shape.length)
  const fresh = freshShape(context, shape.length)
  return [{ dtype, shape: shape.map((dim, axis) => (axes.includes(axis) ? fresh[axis] : dim)) }]
}

/** The output shape where some dimensions are symbols; undefined where it depends on them all. */
function symbolicSizes(
  context: InferenceContext,
  shape: Shape,
  scales: readonly number[] | undefined,
  sizes: readonly number[] | undefined,
): Dim[] | undefined {
  const { attributes } = context
  if (stringAttribute(attributes, 'coordinate_transformation_mode') === 'tf_crop_and_resize') return undefined
  if (sizes && stringAttribute(attributes, 'keep_aspect_ratio_policy') !== 'stretch') return undefined
  const axes = resizedAxes(attributes, shape.length)
  const fresh = freshShape(context, shape.length)
  return shape.map((dim, axis) => {
    const index = axes.indexOf(axis)
    const scale = scales?.[index]
    if (index < 0 || scale === 1) return dim
    if (sizes) return sizes[index] ?? fresh[axis]
    return typeof dim === 'number' && scale !== undefined ? Math.floor(Math.fround(dim * scale)) : fresh[axis]
  })
}

/** Resizing of images and signals. */
export const resize = {
  /** X, roi, scales, sizes -> X with the sizes of `axes` (all axes if absent) changed, sampled as `mode` says. */
  Resize: {
    since: 13,
    inputs: [1, 4],
    outputs: [1, 1],
    attributes: {
      antialias: { type: 'int', default: 0, since: 18 },
      axes: { type: 'ints', since: 18 },
      coordinate_transformation_mode: { type: 'string', default: 'half_pixel' },
      cubic_coeff_a: { type: 'float', default: -0.75 },
      exclude_outside: { type: 'int', default: 0 },
      extrapolation_value: { type: 'float', default: 0 },
      keep_aspect_ratio_policy: { type: 'string', default: 'stretch', since: 18 },
      mode: { type: 'string', default: 'nearest' },
      nearest_mode: { type: 'string', default: 'round_prefer_floor' },
    },
    infer: inferResize,
  },
} as const satisfies Record<string, OpDefinition>
