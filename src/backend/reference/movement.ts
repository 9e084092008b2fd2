import { allocate } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { concrete, formatShape, normalizeAxis, sizeOf, stridesOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute, stringAttribute } from '../../ops/definition.js'
import { type movement, permutationOf } from '../../ops/movement.js'
import { concreteSlices, type PadMode, padIndices, padsOf } from '../../ops/ranges.js'
import type { views } from '../../ops/views.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf } from './numbers.js'
import { expandTo, offsetsOf, remap } from './remap.js'

const view: ReferenceKernel = ({ inputs: [x], outputs: [{ shape }] }) => [
  new Tensor(x!.type, x!.data.slice(), concrete(shape)),
]

const transpose: ReferenceKernel = ({ inputs: [x], attributes }) => {
  const offsets = offsetsOf(x!.dims)
  return [
    remap(
      x!,
      permutationOf({ attributes }, x!.dims.length).map((axis) => offsets[axis]),
    ),
  ]
}

const concat: ReferenceKernel = ({ inputs, outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
  const outer = sizeOf(dims.slice(0, axis))
  const row = sizeOf(dims.slice(axis))
  const data = allocate(dtype, outer * row) as unknown[]
  let column = 0
  for (const input of inputs) {
    const width = sizeOf(input!.dims.slice(axis))
    const source = input!.data as unknown as readonly unknown[]
    for (let i = 0; i < outer; i++) for (let j = 0; j < width; j++) data[i * row + column + j] = source[i * width + j]
    column += width
  }
  return [new Tensor(dtype, data as never, dims)]
}

const split: ReferenceKernel = ({ inputs: [x], outputs, attributes }) => {
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), x!.dims.length)
  const offsets = offsetsOf(x!.dims)
  let from = 0
  return outputs.map(({ shape }) => {
    const to = from + concrete(shape)[axis]
    const part = remap(x!, offsets.with(axis, offsets[axis].slice(from, to)))
    from = to
    return part
  })
}

const slice: ReferenceKernel = ({ inputs: [x, ...ranges] }) => {
  const [starts, ends, axes, strides] = ranges.map((range) => range?.toNumbers())
  const offsets = offsetsOf(x!.dims)
  const slices = concreteSlices(x!.dims, starts!, ends!, axes, strides)
  return [
    remap(
      x!,
      slices.map(({ start, step, count }, axis) =>
        Int32Array.from({ length: count }, (_, i) => offsets[axis][start + i * step]),
      ),
    ),
  ]
}

/** Indices counted from the start. Throws SHAPE_MISMATCH on one out of range. */
export function rows(indices: Tensor, size: number): Int32Array {
  return Int32Array.from(numbersOf(indices), (index) => {
    if (index < -size || index >= size)
      throw new LanewiseError('SHAPE_MISMATCH', `index ${index} is out of range for an axis of size ${size}`)
    return index < 0 ? index + size : index
  })
}

const gather: ReferenceKernel = ({ inputs: [x, indices], outputs: [{ shape }], attributes }) => {
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), x!.dims.length)
  const offsets = offsetsOf(x!.dims)
  const chosen = rows(indices!, x!.dims[axis]).map((index) => offsets[axis][index])
  return [remap(x!, offsets.with(axis, chosen)).reshape(concrete(shape))]
}

const expand: ReferenceKernel = ({ inputs: [x], outputs: [{ shape }] }) => [expandTo(x!, concrete(shape))]

const tile: ReferenceKernel = ({ inputs: [x], outputs: [{ shape }] }) => {
  const dims = concrete(shape)
  const strides = stridesOf(x!.dims)
  return [
    remap(
      x!,
      dims.map((size, axis) => Int32Array.from({ length: size }, (_, i) => (i % x!.dims[axis]) * strides[axis])),
    ),
  ]
}

const pad: ReferenceKernel = ({ inputs: [x, pads, fill, axes], attributes }) => {
  const { begin, end } = padsOf(x!.dims.length, pads!.toNumbers(), axes?.toNumbers())
  const strides = stridesOf(x!.dims)
  const mode = stringAttribute(attributes, 'mode') as PadMode
  const offsets = x!.dims.map((size, axis) => {
    if (size === 0 && mode !== 'constant' && begin[axis] + end[axis] > 0)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `mode ${mode} cannot pad the empty axis ${axis} of ${formatShape(x!.dims)}`,
      )
    return padIndices(size, begin[axis], end[axis], mode).map((index) => (index < 0 ? -1 : index * strides[axis]))
  })
  return [remap(x!, offsets, fill)]
}

export const viewKernels = {
  Reshape: view,
  Flatten: view,
  Squeeze: view,
  Unsqueeze: view,
} as const satisfies Record<keyof typeof views, ReferenceKernel>

export const movementKernels = {
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Expand: expand,
  Tile: tile,
  Pad: pad,
} as const satisfies Record<keyof typeof movement, ReferenceKernel>
