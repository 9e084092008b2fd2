import { bytesPerElement } from '../../../core/dtype.js'
import { LanewiseError } from '../../../core/errors.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { broadcastStrides, concrete, normalizeAxis, permute, sizeOf, stridesOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { permutationOf } from '../../../ops/movement.js'
import { concreteSlices } from '../../../ops/ranges.js'
import { gather } from '../gen/movement.js'
import type { Lowering } from './lowering.js'
import { padCalls, padModeOf } from './pad.js'
import { type CopyAxis, stridedCopy } from './strided.js'
import { cut } from './tiles.js'

/** Bytes of gathered rows in a tile. */
const GATHER_BYTES = 65536

export const bytesOf = (value: Value): number => bytesPerElement(value.dtype)
const isStored = (node: Node): boolean => node.inputs[0]!.dtype !== 'string'

/** The numbers in optional input `index`, if they are constant; undefined if the input is absent. */
function numbersAt(node: Node, index: number, constant: ConstantOf): readonly number[] | undefined {
  const input = node.inputs[index]
  return input && constant(input)?.toNumbers()
}

const areConstant = (node: Node, from: number, constant: ConstantOf): boolean =>
  node.inputs.slice(from).every((input) => input === undefined || constant(input) !== undefined)

export const axisOf = (node: Node, rank: number): number => normalizeAxis(intAttribute(node.attributes, 'axis'), rank)

/** Axes of a copy of `shape` out of (or into) a larger contiguous tensor. */
const axesOf = (shape: readonly number[], from: readonly number[], to: readonly number[]): CopyAxis[] =>
  shape.map((size, axis) => ({ size, from: from[axis], to: to[axis] }))

/** Splits a shape around `axis`: elements before, and after. */
export const around = (shape: readonly number[], axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  inner: sizeOf(shape.slice(axis + 1)),
})

/** What a Slice takes along each axis. */
const sliceOf = (node: Node, constant: ConstantOf) =>
  concreteSlices(
    concrete(node.inputs[0]!.shape),
    numbersAt(node, 1, constant)!,
    numbersAt(node, 2, constant)!,
    numbersAt(node, 3, constant),
    numbersAt(node, 4, constant),
  )

/** Throws SHAPE_MISMATCH when constant indices leave the axis; others are checked by the kernel. */
export function checkIndices(node: Node, indices: Value, axis: number, constant: ConstantOf): void {
  const bad = constant(indices)
    ?.toNumbers()
    .find((index) => index < -axis || index >= axis)
  if (bad !== undefined)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${node.op} '${node.name}': index ${bad} is out of range for an axis of ${axis}`,
    )
}

export const isIndex = (value: Value): boolean => value.dtype === 'int32' || value.dtype === 'int64'

export const movementLowerings = {
  Transpose: {
    accelerates: isStored,
    lower(node, { address }) {
      const x = node.inputs[0]!
      const y = node.outputs[0]
      const from = stridesOf(concrete(x.shape))
      const shape = concrete(y.shape)
      const source = permute(from, permutationOf(node, shape.length))
      return stridedCopy(address(x), address(y), bytesOf(x), axesOf(shape, source, stridesOf(shape)))
    },
  },

  Concat: {
    accelerates: isStored,
    lower(node, { address }) {
      const y = node.outputs[0]
      const shape = concrete(y.shape)
      const axis = axisOf(node, shape.length)
      const to = stridesOf(shape)
      let offset = 0
      return node.inputs.flatMap((input) => {
        const part = concrete(input!.shape)
        const target = address(y) + offset * to[axis] * bytesOf(y)
        offset += part[axis]
        return stridedCopy(address(input!), target, bytesOf(y), axesOf(part, stridesOf(part), to))
      })
    },
  },

  Split: {
    accelerates: isStored,
    lower(node, { address }) {
      const x = node.inputs[0]!
      const shape = concrete(x.shape)
      const axis = axisOf(node, shape.length)
      const from = stridesOf(shape)
      let offset = 0
      return node.outputs.flatMap((output) => {
        const part = concrete(output.shape)
        const source = address(x) + offset * from[axis] * bytesOf(x)
        offset += part[axis]
        return stridedCopy(source, address(output), bytesOf(x), axesOf(part, from, stridesOf(part)))
      })
    },
  },

  Slice: {
    accelerates: (node, constant) => isStored(node) && areConstant(node, 1, constant),
    lower(node, { address, constant }) {
      const x = node.inputs[0]!
      const y = node.outputs[0]
      const strides = stridesOf(concrete(x.shape))
      const slices = sliceOf(node, constant)
      const shape = concrete(y.shape)
      const source = strides.map((stride, axis) => stride * slices[axis].step)
      const first = slices.reduce((sum, { start }, axis) => sum + start * strides[axis], 0)
      const from = address(x) + first * bytesOf(x)
      return stridedCopy(from, address(y), bytesOf(x), axesOf(shape, source, stridesOf(shape)))
    },
  },

  Expand: {
    accelerates: isStored,
    lower(node, { address }) {
      const x = node.inputs[0]!
      const y = node.outputs[0]
      const shape = concrete(y.shape)
      const source = broadcastStrides(concrete(x.shape), shape)
      return stridedCopy(address(x), address(y), bytesOf(x), axesOf(shape, source, stridesOf(shape)))
    },
  },

  Tile: {
    accelerates: isStored,
    lower(node, { address }) {
      const x = node.inputs[0]!
      const y = node.outputs[0]
      const shape = concrete(x.shape)
      const [from, to] = [stridesOf(shape), stridesOf(concrete(y.shape))]
      const axes = concrete(y.shape).flatMap((size, axis) => [
        { size: size === 0 ? 0 : size / shape[axis], from: 0, to: to[axis] * shape[axis] },
        { size: shape[axis], from: from[axis], to: to[axis] },
      ])
      return stridedCopy(address(x), address(y), bytesOf(x), axes)
    },
  },

  Pad: {
    accelerates: (node, constant) =>
      isStored(node) && areConstant(node, 1, constant) && padModeOf(node, constant) !== undefined,
    lower: padCalls,
  },

  /** Constant indices out of range are refused here; others give rows of NaN (integers: -1). */
  Gather: {
    accelerates: (node) => isStored(node) && isIndex(node.inputs[1]!),
    lower(node, { address, constant }) {
      const [x, indices, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      if (sizeOf(concrete(y.shape)) === 0) return []
      const shape = concrete(x.shape)
      const axis = axisOf(node, shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const { outer, inner } = around(shape, axis)
      const count = sizeOf(concrete(indices.shape))
      const rowBytes = inner * bytesOf(x)
      const { chunk, tiles } = cut(outer * count, Math.max(1, Math.floor(GATHER_BYTES / rowBytes)))
      const p = {
        x: address(x),
        indices: address(indices),
        y: address(y),
        indexBytes: bytesOf(indices),
        axis: shape[axis],
        count,
        rowBytes,
        rows: outer * count,
        chunk,
      }
      return [gather(p, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
