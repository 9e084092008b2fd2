import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { type Dim, formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { inputShape } from './compose.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition, stringAttribute } from './definition.js'
import type { Emitter } from './emitter.js'
import { decomposeGridSample } from './grid-sample.js'
import { freshShape, knownInts, lengthOf, normalizeAxes, required, requireFloat } from './infer.js'

/** The block size. Throws INVALID_MODEL. */
function blockSize({ attributes }: Pick<Node, 'attributes'>): number {
  const size = intAttribute(attributes, 'blocksize')
  if (!(size >= 1)) throw new LanewiseError('INVALID_MODEL', `blocksize ${size} must be positive`)
  return size
}

/** A dimension divided by `divisor`; `fresh` where it is a symbol. Throws SHAPE_MISMATCH when it does not divide. */
function divided(dim: Dim, divisor: number, fresh: Dim, what: string): Dim {
  if (typeof dim === 'string') return divisor === 1 ? dim : fresh
  if (dim % divisor !== 0) throw new LanewiseError('SHAPE_MISMATCH', `${what} ${dim} is no multiple of ${divisor}`)
  return dim / divisor
}

const multiplied = (dim: Dim, factor: number, fresh: Dim): Dim =>
  typeof dim === 'number' ? dim * factor : factor === 1 ? dim : fresh

/** The shape [N, C, H, W] of input 0. Throws SHAPE_MISMATCH. */
function imageShape(context: InferenceContext): Shape {
  const { shape } = required(context, 0)
  if (shape.length !== 4) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, H, W], got ${formatShape(shape)}`)
  return shape
}

/** The target size along each axis of a CenterCropPad; undefined where the axis stays. Throws SHAPE_MISMATCH. */
function centredSizes(node: Pick<Node, 'attributes'>, rank: number, sizes: readonly number[]): (number | undefined)[] {
  const axes = intsAttribute(node.attributes, 'axes') ?? Array.from({ length: rank }, (_, axis) => axis)
  normalizeAxes(axes, rank)
  if (sizes.length !== axes.length || sizes.some((size) => size < 0))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the shape ${formatShape(sizes)} must have one size for each of ${axes.length} axes`,
    )
  const result = new Array<number | undefined>(rank).fill(undefined)
  axes.forEach((axis, index) => {
    result[normalizeAxis(axis, rank)] = sizes[index]
  })
  return result
}

function inferCenterCropPad(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const sizes = knownInts(context, 1)
  if (sizes) {
    const targets = centredSizes(context, shape.length, sizes)
    return [{ dtype, shape: shape.map((dim, axis) => targets[axis] ?? dim) }]
  }
  const axes = intsAttribute(context.attributes, 'axes')?.map((axis) => normalizeAxis(axis, shape.length))
  const fresh = freshShape(context, shape.length)
  return [{ dtype, shape: shape.map((dim, axis) => (!axes || axes.includes(axis) ? fresh[axis] : dim)) }]
}

function decomposeCenterCropPad(emit: Emitter, node: Node): Value[] {
  const [x, sizes] = node.inputs as readonly Value[]
  const shape = inputShape(node)
  const known = emit.constantOf(sizes)
  if (!known)
    throw new LanewiseError('SHAPE_MISMATCH', `the target shape of '${node.name}' must be known while compiling`)
  const targets = centredSizes(node, shape.length, known.toNumbers()).map((target, axis) => target ?? shape[axis])
  const starts = shape.map((dim, axis) => Math.max(0, Math.floor((dim - targets[axis]) / 2)))
  const kept = shape.map((dim, axis) => Math.min(dim, targets[axis]))
  const cropped = emit.op('Slice', [x, emit.ints(starts), emit.ints(starts.map((start, axis) => start + kept[axis]))])
  const before = targets.map((target, axis) => Math.floor((target - kept[axis]) / 2))
  const after = targets.map((target, axis) => target - kept[axis] - before[axis])
  return [emit.op('Pad', [cropped, emit.ints([...before, ...after])])]
}

function inferAffineGrid(context: InferenceContext): TensorType[] {
  const theta = requireFloat(required(context, 0))
  const rank = knownInts(context, 1)?.length ?? lengthOf(context, 1, 'size')
  if (rank !== 4 && rank !== 5)
    throw new LanewiseError('SHAPE_MISMATCH', `size must be [N, C, H, W] or [N, C, D, H, W], got ${rank} numbers`)
  const expected: Shape = [theta.shape[0], rank - 2, rank - 1]
  if (theta.shape.length !== 3 || theta.shape.some((dim, axis) => typeof dim === 'number' && dim !== expected[axis]))
    throw new LanewiseError('SHAPE_MISMATCH', `theta ${formatShape(theta.shape)} must be [N, ${rank - 2}, ${rank - 1}]`)
  const sizes: Shape = knownInts(context, 1)?.slice(2) ?? freshShape(context, rank - 2)
  return [{ dtype: theta.dtype, shape: [theta.shape[0], ...sizes, rank - 2] }]
}

/** The homogeneous positions [x, y, (z,) 1] of a grid's points, in [-1, 1]: a matrix of one row a point. */
function gridPositions(sizes: readonly number[], alignCorners: boolean): number[][] {
  const place = (at: number, size: number) => {
    if (alignCorners) return size === 1 ? 0 : -1 + (2 * at) / (size - 1)
    return (2 * at + 1) / size - 1
  }
  return sizes
    .reduce<number[][]>(
      (points, size) => points.flatMap((point) => Array.from({ length: size }, (_, at) => [place(at, size), ...point])),
      [[]],
    )
    .map((point) => [...point, 1])
}

function decomposeAffineGrid(emit: Emitter, node: Node): Value[] {
  const [theta, size] = node.inputs as readonly Value[]
  const sizes = emit.constantOf(size)?.toNumbers().slice(2)
  if (!sizes) throw new LanewiseError('SHAPE_MISMATCH', `the size of '${node.name}' must be known while compiling`)
  const [batch, axes] = inputShape(node)
  const points = gridPositions(sizes, intAttribute(node.attributes, 'align_corners') === 1)
  const positions = emit.constant(new Tensor(theta.dtype, points.flat(), [points.length, axes + 1]))
  const grid = emit.matMul(positions, emit.transpose(theta, [0, 2, 1]))
  return [emit.reshape(grid, [batch, ...sizes, axes])]
}

export type SampleMode = 'nearest' | 'linear' | 'cubic'
export type SamplePadding = 'zeros' | 'border' | 'reflection'

function inferGridSample(context: InferenceContext): TensorType[] {
  const [x, grid] = [required(context, 0), requireFloat(required(context, 1))]
  const mode = stringAttribute(context.attributes, 'mode')
  const padding = stringAttribute(context.attributes, 'padding_mode')
  if (!['nearest', 'linear', 'cubic'].includes(mode))
    throw new LanewiseError('INVALID_MODEL', `mode '${mode}' is none of nearest, linear, cubic`)
  if (!['zeros', 'border', 'reflection'].includes(padding))
    throw new LanewiseError('INVALID_MODEL', `padding_mode '${padding}' is none of zeros, border, reflection`)
  const axes = x.shape.length - 2
  const last = grid.shape.at(-1)
  if (axes < 1 || grid.shape.length !== axes + 2 || (typeof last === 'number' && last !== axes))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a grid for ${formatShape(x.shape)} must be [N, ${'D, '.repeat(Math.max(axes, 0))}${axes}], got ${formatShape(grid.shape)}`,
    )
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)] }]
}

/** Ops on images that move blocks of pixels or sample them. */
export const layout = {
  /** [N, C, H, W] -> [N, C / b², H b, W b]: b² channels become a block of b x b pixels. */
  DepthToSpace: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { blocksize: { type: 'int', required: true }, mode: { type: 'string', default: 'DCR' } },
    infer: (context) => {
      const [batch, channels, height, width] = imageShape(context)
      const size = blockSize(context)
      const mode = stringAttribute(context.attributes, 'mode')
      if (mode !== 'DCR' && mode !== 'CRD')
        throw new LanewiseError('INVALID_MODEL', `mode '${mode}' is neither DCR nor CRD`)
      const fresh = freshShape(context, 4)
      return [
        {
          dtype: required(context, 0).dtype,
          shape: [
            batch,
            divided(channels, size * size, fresh[1], 'the number of channels'),
            multiplied(height, size, fresh[2]),
            multiplied(width, size, fresh[3]),
          ],
        },
      ]
    },
    decompose: (emit, node) => {
      const [batch, channels, height, width] = inputShape(node)
      const size = blockSize(node)
      const depth = channels / (size * size)
      const blocks = stringAttribute(node.attributes, 'mode') === 'DCR'
      const apart = blocks ? [size, size, depth] : [depth, size, size]
      const perm = blocks ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]
      const split = emit.reshape(node.inputs[0]!, [batch, ...apart, height, width])
      return [emit.reshape(emit.transpose(split, perm), [batch, depth, height * size, width * size])]
    },
  },

  /** [N, C, H, W] -> [N, C b², H / b, W / b]: a block of b x b pixels becomes b² channels. */
  SpaceToDepth: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { blocksize: { type: 'int', required: true } },
    infer: (context) => {
      const [batch, channels, height, width] = imageShape(context)
      const size = blockSize(context)
      const fresh = freshShape(context, 4)
      return [
        {
          dtype: required(context, 0).dtype,
          shape: [
            batch,
            multiplied(channels, size * size, fresh[1]),
            divided(height, size, fresh[2], 'the height'),
            divided(width, size, fresh[3], 'the width'),
          ],
        },
      ]
    },
    decompose: (emit, node) => {
      const [batch, channels, height, width] = inputShape(node)
      const size = blockSize(node)
      const split = emit.reshape(node.inputs[0]!, [batch, channels, height / size, size, width / size, size])
      const moved = emit.transpose(split, [0, 3, 5, 1, 2, 4])
      return [emit.reshape(moved, [batch, channels * size * size, height / size, width / size])]
    },
  },

  /** x, shape -> x cropped or padded with zeros on both sides to the sizes of `axes` (all axes if absent). */
  CenterCropPad: {
    since: 18,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axes: { type: 'ints' } },
    infer: inferCenterCropPad,
    decompose: decomposeCenterCropPad,
  },

  /** theta [N, 2, 3] or [N, 3, 4], size -> the points that an affine map gives to a grid, for GridSample. */
  AffineGrid: {
    since: 20,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { align_corners: { type: 'int', default: 0 } },
    infer: inferAffineGrid,
    decompose: decomposeAffineGrid,
  },

  /** X [N, C, D1 …], grid [N, E1 …, r] of points in [-1, 1], innermost axis first -> [N, C, E1 …]. */
  GridSample: {
    since: 20,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: {
      align_corners: { type: 'int', default: 0 },
      mode: { type: 'string', default: 'linear' },
      padding_mode: { type: 'string', default: 'zeros' },
    },
    infer: inferGridSample,
    decompose: decomposeGridSample,
  },
} as const satisfies Record<string, OpDefinition>
