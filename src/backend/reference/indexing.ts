import { allocate, isBigInt } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { concrete, normalizeAxis, sizeOf, stridesOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { type indexing, type ScatterReduction, scatterReduction } from '../../ops/indexing.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** `index` counted from the start of an axis. Throws SHAPE_MISMATCH when it is out of range. */
function resolve(index: number, size: number): number {
  if (index < -size || index >= size)
    throw new LanewiseError('SHAPE_MISMATCH', `index ${index} is out of range for an axis of size ${size}`)
  return index < 0 ? index + size : index
}

/** For each element of `indices`, the offset in `dims` of the element that it names along `axis`. */
function elementOffsets(indices: Tensor, dims: readonly number[], axis: number): Float64Array {
  const strides = stridesOf(dims)
  const inner = stridesOf(indices.dims)
  return numbersOf(indices).map((index, at) =>
    indices.dims.reduce((offset, size, other) => {
      const place = other === axis ? resolve(index, dims[axis]) : Math.floor(at / inner[other]) % size
      return offset + place * strides[other]
    }, 0),
  )
}

/** For each row of `indices`, the offset in `dims` of the slice that it names; batch axes name themselves. */
function rowOffsets(indices: Tensor, dims: readonly number[], batchDims: number): Float64Array {
  const depth = indices.dims[indices.dims.length - 1]
  const strides = stridesOf(dims)
  const places = numbersOf(indices)
  const rows = sizeOf(indices.dims.slice(0, -1))
  const perBatch = sizeOf(indices.dims.slice(batchDims, -1))
  const batchSize = sizeOf(dims.slice(batchDims))
  return Float64Array.from({ length: rows }, (_, row) => {
    let offset = Math.floor(row / perBatch) * batchSize
    for (let i = 0; i < depth; i++)
      offset += resolve(places[row * depth + i], dims[batchDims + i]) * strides[batchDims + i]
    return offset
  })
}

/** Runs of `length` elements of `data`, one from each offset, under `dims`. */
function gatherRuns(data: Tensor, offsets: Float64Array, length: number, dims: readonly number[]): Tensor {
  const result = allocate(data.type, offsets.length * length) as unknown[]
  const source = data.data as unknown as readonly unknown[]
  offsets.forEach((offset, row) => {
    for (let i = 0; i < length; i++) result[row * length + i] = source[offset + i]
  })
  return new Tensor(data.type, result as never, dims)
}

const combine: Readonly<Record<ScatterReduction, <T extends number | bigint>(old: T, update: T) => T>> = {
  none: (_, update) => update,
  add: (old, update) => ((old as number) + (update as number)) as typeof old,
  mul: (old, update) => ((old as number) * (update as number)) as typeof old,
  max: (old, update) => (Number.isNaN(old) || old > update ? old : update),
  min: (old, update) => (Number.isNaN(old) || old < update ? old : update),
}

/** `data` with runs of `length` updates combined into it at each offset, in order. */
function scatterRuns(
  data: Tensor,
  offsets: Float64Array,
  length: number,
  updates: Tensor,
  reduction: ScatterReduction,
): Tensor {
  const write = <T>(into: T[], from: ArrayLike<T>, apply: (old: T, update: T) => T) =>
    offsets.forEach((offset, row) => {
      for (let i = 0; i < length; i++) into[offset + i] = apply(into[offset + i], from[row * length + i])
    })
  if (data.type === 'string') {
    if (reduction !== 'none')
      throw new LanewiseError('TYPE_MISMATCH', `reduction '${reduction}' has no meaning for strings`)
    const strings = [...(data.data as string[])]
    write(strings, updates.data as string[], (_, update) => update)
    return new Tensor('string', strings, data.dims)
  }
  if (isBigInt(data.type)) {
    const integers = Array.from(data.data as BigInt64Array)
    write(integers, updates.data as BigInt64Array, combine[reduction])
    return tensorOfBigInts(data.type, integers, data.dims)
  }
  const numbers = Array.from(numbersOf(data))
  write(numbers, numbersOf(updates), combine[reduction])
  return tensorOf(data.type, numbers, data.dims)
}

export const indexingKernels = {
  GatherElements: ({ inputs: [data, indices], attributes }) => {
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), data!.dims.length)
    return [gatherRuns(data!, elementOffsets(indices!, data!.dims, axis), 1, indices!.dims)]
  },
  ScatterElements: ({ inputs: [data, indices, updates], attributes }) => {
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), data!.dims.length)
    const offsets = elementOffsets(indices!, data!.dims, axis)
    return [scatterRuns(data!, offsets, 1, updates!, scatterReduction({ attributes }))]
  },
  GatherND: ({ inputs: [data, indices], outputs: [{ shape }], attributes }) => {
    const batchDims = intAttribute(attributes, 'batch_dims')
    const length = sizeOf(data!.dims.slice(batchDims + indices!.dims[indices!.dims.length - 1]))
    return [gatherRuns(data!, rowOffsets(indices!, data!.dims, batchDims), length, concrete(shape))]
  },
  ScatterND: ({ inputs: [data, indices, updates], attributes }) => {
    const length = sizeOf(data!.dims.slice(indices!.dims[indices!.dims.length - 1]))
    return [scatterRuns(data!, rowOffsets(indices!, data!.dims, 0), length, updates!, scatterReduction({ attributes }))]
  },
} as const satisfies Record<keyof typeof indexing, ReferenceKernel>
