import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { Emitter } from '../../ops/emitter.js'
import { declareOperators } from '../../ops/index.js'
import { resize } from '../../ops/resize.js'
import type { Interpolation } from './image-fields.js'
import { toChannelsFirst, toChannelsLast } from './windows.js'

type Smooth = Exclude<Interpolation, 'nearest'>

/**
 * Resize's attributes for TensorFlow 2's half-pixel centres, to enlarge with. It has no Lanczos; to make images smaller,
 * it antialiases by another rule for edges, and onnxruntime has no bicubic one for every layout.
 */
const resizeAttributes: Partial<Record<Smooth, Readonly<Record<string, string | number>>>> = {
  bilinear: { mode: 'linear' },
  bicubic: { mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 },
}

interface Kernel {
  readonly radius: number
  /** For 0 <= x < radius. */
  readonly at: (x: number) => number
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))
const lanczos = (radius: number): Kernel => ({ radius, at: (x) => sinc(x) * sinc(x / radius) })
const kernels: Readonly<Record<Smooth, Kernel>> = {
  bilinear: { radius: 1, at: (x) => 1 - x },
  /** Keys, 1981, with a = -1/2. */
  bicubic: {
    radius: 2,
    at: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2),
  },
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
}

/** What each of `from` elements adds to each of `to`, [to, from]; rows sum to 1. */
function weightsOf({ radius, at }: Kernel, from: number, to: number, antialias: boolean): Tensor {
  const scale = from / to
  const wide = antialias ? Math.max(scale, 1) : 1
  const rows = Array.from({ length: to }, (_, i) => {
    const row = Array.from({ length: from }, (_, k) => {
      const x = Math.abs(k + 0.5 - (i + 0.5) * scale) / wide
      return x < radius ? at(x) : 0
    })
    const sum = row.reduce((a, b) => a + b, 0)
    return row.map((weight) => weight / sum)
  })
  return new Tensor('float32', rows.flat(), [to, from])
}

/** The smallest float32 s with floor(from * s) = to. */
function scaleOf(from: number, to: number): number {
  const scale = Math.fround(to / from)
  return scale * from >= to ? scale : Math.fround(scale * (1 + 2 ** -23))
}

/** The nearest elements along one axis. */
function takeNearest(emit: Emitter, x: Value, axis: number, to: number): Value {
  const from = Number(x.shape[axis])
  const places = Array.from({ length: to }, (_, i) => Math.floor(((i + 0.5) * from) / to))
  return emit.gather(x, emit.constant(new Tensor('int32', places, [to])), axis)
}

/** Resizes the spatial axes of x (float32, of known sizes) to `sizes`, as TensorFlow 2 does; to weigh by windows, there are two. */
export function resizeTo(
  emit: Emitter,
  x: Value,
  sizes: readonly number[],
  channelsLast: boolean,
  interpolation: Interpolation,
  antialias = false,
): Value {
  declareOperators(resize)
  if (interpolation === 'nearest')
    return sizes.reduce((y, size, i) => takeNearest(emit, y, i + (channelsLast ? 1 : 2), size), x)
  const rank = sizes.length
  const first = channelsLast ? emit.transpose(x, toChannelsFirst(rank)) : x
  const from = first.shape.slice(2).map(Number)
  const enlarges = sizes.every((size, i) => size >= from[i])
  const attributes = enlarges ? resizeAttributes[interpolation] : undefined
  let y: Value
  if (attributes) {
    const scales = [1, 1, ...sizes.map((size, i) => scaleOf(from[i], size))]
    y = emit.op('Resize', [first, undefined, emit.constant(new Tensor('float32', scales, [rank + 2]))], attributes)
  } else {
    const [rows, columns] = sizes.map((size, i) =>
      emit.constant(weightsOf(kernels[interpolation], from[i], size, antialias)),
    )
    y = emit.matMul(emit.matMul(rows, first), emit.transpose(columns, [1, 0]))
  }
  return channelsLast ? emit.transpose(y, toChannelsLast(rank)) : y
}
