import { LanewiseError } from '../../core/errors.js'
import { concrete, normalizeAxis, sizeOf } from '../../core/shape.js'
import { intAttribute } from '../../ops/definition.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

const resample: ReferenceKernel = ({ inputs: [x, indices, weights], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
  const taps = indices!.dims[1]
  const [from, to] = [x!.dims[axis], dims[axis]]
  const inner = sizeOf(dims.slice(axis + 1))
  const [xs, at, by] = [x!, indices!, weights!].map(numbersOf)
  const outside = at.find((index) => index < 0 || index >= from)
  if (outside !== undefined)
    throw new LanewiseError('SHAPE_MISMATCH', `index ${outside} is out of range for an axis of size ${from}`)
  const ys = Float64Array.from({ length: sizeOf(dims) }, (_, i) => {
    const row = Math.floor(i / inner)
    const place = row % to
    const start = ((row - place) / to) * from
    let sum = 0
    for (let tap = place * taps; tap < (place + 1) * taps; tap++)
      sum += by[tap] * xs[(start + at[tap]) * inner + (i % inner)]
    return sum
  })
  return [tensorOf(dtype, ys, dims)]
}

export const resizeKernels = { 'lanewise.Resample': resample } as const satisfies Record<string, ReferenceKernel>
