import { concrete, sizeOf } from '../../core/shape.js'
import { intAttribute } from '../../ops/definition.js'
import { type signal, transformAxis, transformLength } from '../../ops/signal.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

type Signal = readonly [real: Float64Array, imaginary: Float64Array]

/** Odd lengths up to this one are transformed by definition. */
const longestDirect = 64

/** A transform of any length as a convolution, by transforms whose length is a power of two (Bluestein, 1970). */
function chirpTransform([real, imaginary]: Signal, sign: number): Signal {
  const length = real.length
  const size = 2 ** Math.ceil(Math.log2(2 * length - 1))
  const chirp = Array.from({ length }, (_, k) => {
    const angle = (sign * Math.PI * ((k * k) % (2 * length))) / length
    return [Math.cos(angle), Math.sin(angle)] as const
  })
  const empty = (): Signal => [new Float64Array(size), new Float64Array(size)]
  const [a, b] = [empty(), empty()]
  chirp.forEach(([cos, sin], k) => {
    a[0][k] = real[k] * cos - imaginary[k] * sin
    a[1][k] = real[k] * sin + imaginary[k] * cos
    for (const at of [k, (size - k) % size]) {
      b[0][at] = cos
      b[1][at] = -sin
    }
  })
  const [fa, fb] = [transform(a, -1), transform(b, -1)]
  const product: Signal = [
    fa[0].map((x, i) => x * fb[0][i] - fa[1][i] * fb[1][i]),
    fa[0].map((x, i) => x * fb[1][i] + fa[1][i] * fb[0][i]),
  ]
  const [re, im] = transform(product, 1)
  return [
    Float64Array.from(chirp, ([cos, sin], k) => (re[k] * cos - im[k] * sin) / size),
    Float64Array.from(chirp, ([cos, sin], k) => (re[k] * sin + im[k] * cos) / size),
  ]
}

/** The sums over n of x[n] e^(sign 2πi k n / N): halves of even lengths apart. */
function transform([real, imaginary]: Signal, sign: number): Signal {
  const length = real.length
  const [re, im] = [new Float64Array(length), new Float64Array(length)]
  if (length % 2 === 0 && length > 2) {
    const half = length / 2
    const part = (from: Float64Array, offset: number) =>
      Float64Array.from({ length: half }, (_, i) => from[2 * i + offset])
    const even = transform([part(real, 0), part(imaginary, 0)], sign)
    const odd = transform([part(real, 1), part(imaginary, 1)], sign)
    for (let k = 0; k < half; k++) {
      const angle = (sign * 2 * Math.PI * k) / length
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
      const x = odd[0][k] * cos - odd[1][k] * sin
      const y = odd[0][k] * sin + odd[1][k] * cos
      re[k] = even[0][k] + x
      im[k] = even[1][k] + y
      re[k + half] = even[0][k] - x
      im[k + half] = even[1][k] - y
    }
    return [re, im]
  }
  if (length > longestDirect) return chirpTransform([real, imaginary], sign)
  for (let k = 0; k < length; k++)
    for (let n = 0; n < length; n++) {
      const angle = (sign * 2 * Math.PI * ((k * n) % length)) / length
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
      re[k] += real[n] * cos - imaginary[n] * sin
      im[k] += real[n] * sin + imaginary[n] * cos
    }
  return [re, im]
}

const dft: ReferenceKernel = ({ inputs: [x, lengthInput, axisInput], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = transformAxis(axisInput?.toNumbers()[0] ?? -2, dims.length)
  const oneSided = intAttribute(attributes, 'onesided') === 1
  const inverse = intAttribute(attributes, 'inverse') === 1
  const length = lengthInput?.toNumbers()[0] ?? transformLength(x!.dims[axis], oneSided && inverse)!
  const [from, to] = [x!.dims[axis], dims[axis]]
  const [partsIn, partsOut] = [x!.dims[dims.length - 1], dims[dims.length - 1]]
  const inner = sizeOf(dims.slice(axis + 1, -1))
  const xs = numbersOf(x!)
  const ys = new Float64Array(sizeOf(dims))
  for (let line = 0; line < sizeOf(dims.slice(0, axis)) * inner; line++) {
    const [outer, column] = [Math.floor(line / inner), line % inner]
    const [real, imaginary] = [new Float64Array(length), new Float64Array(length)]
    for (let n = 0; n < Math.min(from, length); n++) {
      const at = ((outer * from + n) * inner + column) * partsIn
      real[n] = xs[at]
      imaginary[n] = partsIn === 2 ? xs[at + 1] : 0
    }
    if (oneSided && inverse) mirror(real, imaginary)
    const [re, im] = transform([real, imaginary], inverse ? 1 : -1)
    for (let k = 0; k < to; k++) {
      const at = ((outer * to + k) * inner + column) * partsOut
      ys[at] = inverse ? re[k] / length : re[k]
      if (partsOut === 2) ys[at + 1] = inverse ? im[k] / length : im[k]
    }
  }
  return [tensorOf(dtype, ys, dims)]
}

/** Fills the upper half of the spectrum of a real signal: X[N - k] is the conjugate of X[k]. */
function mirror(real: Float64Array, imaginary: Float64Array): void {
  const length = real.length
  imaginary[0] = 0
  if (length % 2 === 0) imaginary[length / 2] = 0
  for (let k = Math.floor(length / 2) + 1; k < length; k++) {
    real[k] = real[length - k]
    imaginary[k] = -imaginary[length - k]
  }
}

/** a0 - a1 cos(2πn / N) + a2 cos(4πn / N), N the size of a periodic window, one less of a symmetric one. */
const window =
  (a0: number, a1: number, a2 = 0): ReferenceKernel =>
  ({ outputs: [{ dtype, shape }], attributes }) => {
    const [size] = concrete(shape)
    const period = intAttribute(attributes, 'periodic') === 1 ? size : size - 1
    const elements = Float64Array.from({ length: size }, (_, n) => {
      const angle = (2 * Math.PI * n) / period
      return period === 0 ? 1 : a0 - a1 * Math.cos(angle) + a2 * Math.cos(2 * angle)
    })
    return [tensorOf(dtype, elements, shape)]
  }

const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700)
const hertz = (mels: number): number => 700 * (10 ** (mels / 2595) - 1)

const melWeightMatrix: ReferenceKernel = ({ inputs, outputs: [{ dtype, shape }] }) => {
  const [bins, length, rate, lower, upper] = inputs.map((input) => numbersOf(input!)[0])
  const dims = concrete(shape)
  const step = (mel(upper) - mel(lower)) / (bins + 2)
  const edges = Array.from({ length: bins + 2 }, (_, i) =>
    Math.floor(((length + 1) * hertz(i * step + mel(lower))) / rate),
  )
  const weights = new Float64Array(sizeOf(dims))
  const put = (row: number, bin: number, weight: number) => {
    if (row >= 0 && row < dims[0]) weights[row * bins + bin] = weight
  }
  for (let bin = 0; bin < bins; bin++) {
    const [low, centre, high] = edges.slice(bin, bin + 3)
    if (centre === low) put(centre, bin, 1)
    else for (let row = low; row <= centre; row++) put(row, bin, (row - low) / (centre - low))
    for (let row = centre; row < high; row++) put(row, bin, (high - row) / (high - centre))
  }
  return [tensorOf(dtype, weights, dims)]
}

export const signalKernels = {
  DFT: dft,
  HannWindow: window(0.5, 0.5),
  HammingWindow: window(25 / 46, 21 / 46),
  BlackmanWindow: window(0.42, 0.5, 0.08),
  MelWeightMatrix: melWeightMatrix,
} as const satisfies Record<Exclude<keyof typeof signal, 'STFT'>, ReferenceKernel>
