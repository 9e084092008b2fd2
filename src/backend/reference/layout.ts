import { concrete, sizeOf, stridesOf } from '../../core/shape.js'
import { intAttribute, stringAttribute } from '../../ops/definition.js'
import type { SampleMode, SamplePadding } from '../../ops/layout.js'
import { roundHalfToEven } from './elementwise.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)

/** `x` mirrored at the borders until it lies between them. */
function reflect(x: number, low: number, high: number): number {
  const range = high - low
  if (range <= 0) return low
  const distance = x < low ? low - x : x > high ? x - high : undefined
  if (distance === undefined) return x
  const rest = distance % range
  const even = Math.floor(distance / range) % 2 === 0
  return x < low === even ? low + rest : high - rest
}

/** The weights of the elements around a point that lies `t` beyond the one before it. */
function weightsOf(mode: SampleMode, t: number): readonly number[] {
  if (mode === 'nearest') return [1]
  if (mode === 'linear') return [1 - t, t]
  const a = -0.75
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
  return [far(t + 1), near(t), near(1 - t), far(2 - t)]
}

interface Axis {
  readonly size: number
  readonly stride: number
}

/** The offsets along one axis of what a point at `coordinate` (in [-1, 1]) is made of, and their weights. */
function tapsOf(axis: Axis, coordinate: number, mode: SampleMode, padding: SamplePadding, alignCorners: boolean) {
  const { size, stride } = axis
  const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5]
  const into = (x: number) =>
    padding === 'border' ? clamp(x, 0, size - 1) : padding === 'reflection' ? reflect(x, low, high) : x
  const exact = alignCorners ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2
  const rounded = mode === 'nearest' ? roundHalfToEven(exact) : exact
  const x = rounded < low || rounded > high ? into(rounded) : rounded
  const base = Math.floor(x)
  return weightsOf(mode, x - base).map((weight, tap) => {
    const at = Math.trunc(into(base + tap - (mode === 'cubic' ? 1 : 0)))
    return { weight, offset: at >= 0 && at < size ? at * stride : undefined }
  })
}

const gridSample: ReferenceKernel = ({ inputs: [x, grid], outputs: [{ dtype, shape }], attributes }) => {
  const mode = stringAttribute(attributes, 'mode') as SampleMode
  const padding = stringAttribute(attributes, 'padding_mode') as SamplePadding
  const alignCorners = intAttribute(attributes, 'align_corners') === 1
  const dims = concrete(shape)
  const [batch, channels, ...spatial] = x!.dims
  const strides = stridesOf(spatial)
  const plane = sizeOf(spatial)
  const points = sizeOf(dims.slice(2))
  const rank = spatial.length
  const [xs, places] = [numbersOf(x!), numbersOf(grid!)]
  const ys = new Float64Array(sizeOf(dims))
  for (let point = 0; point < batch * points; point++) {
    const image = Math.floor(point / points)
    let taps: { readonly weight: number; readonly offset: number }[] = [{ weight: 1, offset: 0 }]
    for (let axis = 0; axis < rank; axis++) {
      const along = { size: spatial[axis], stride: strides[axis] }
      const next = tapsOf(along, places[(point + 1) * rank - 1 - axis], mode, padding, alignCorners)
      taps = taps.flatMap(({ weight, offset }) =>
        next.flatMap((tap) =>
          tap.offset === undefined ? [] : [{ weight: weight * tap.weight, offset: offset + tap.offset }],
        ),
      )
    }
    for (let channel = 0; channel < channels; channel++) {
      const start = (image * channels + channel) * plane
      let sum = 0
      for (const { weight, offset } of taps) sum += weight * xs[start + offset]
      ys[(image * channels + channel) * points + (point % points)] = sum
    }
  }
  return [tensorOf(dtype, ys, dims)]
}

export const layoutKernels = { GridSample: gridSample } as const satisfies Record<string, ReferenceKernel>
