import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { Emitter } from '../../ops/emitter.js'
import { pack as arithmetic } from '../../packs/arithmetic.js'
import { addPack } from '../../packs/pack.js'
import { pack as signal } from '../../packs/signal.js'
import type { CallContext } from './context.js'
import { any, choice, count, dataFormat, flag, maybe, number, type OptionsOf, type ValuesOf } from './fields.js'
import { Layer, type LayerOptions } from './layer.js'
import { type KerasShape, knownDim, layerError, requireRank } from './shapes.js'
import { stft, type WindowLike, windowOf } from './stft.js'
import { paddingAttributes } from './windows.js'

const modes = ['log', 'magnitude', 'psd', 'real', 'imag', 'angle', 'stft'] as const
const epsilon = 1e-7

const stftFields = {
  mode: choice(modes, 'log'),
  frameLength: count(256),
  /** Half a frame unless given. */
  frameStep: maybe(count(1)),
  /** The next power of two unless given. */
  fftLength: maybe(count(1)),
  window: any<WindowLike>('hann'),
  periodic: flag(false),
  scaling: any<'density' | 'spectrum' | null>('density'),
  padding: choice(['valid', 'same'], 'valid'),
  expandDims: flag(false),
  dataFormat,
}

/** Fourier transforms of frames, by convolutions whose kernels begin as its waves and may be trained. */
export class STFTSpectrogram extends Layer<ValuesOf<typeof stftFields>> {
  static override readonly fields = stftFields

  constructor(options: LayerOptions & OptionsOf<typeof stftFields>, className?: string) {
    super(options, className)
    const { frameLength, frameStep, fftLength, window, periodic } = this.options
    if (frameStep !== null && frameStep > frameLength)
      throw layerError(this, `frameStep ${frameStep} is more than frameLength ${frameLength}`)
    if (fftLength !== null && fftLength < frameLength)
      throw layerError(this, `fftLength ${fftLength} is less than frameLength ${frameLength}`)
    windowOf(window, frameLength, periodic)
    if (this.options.mode === 'angle') addPack(arithmetic)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 3)
    knownDim(this, shape, this.options.dataFormat ? 2 : 1)
    const { mode, frameLength, fftLength, window, scaling, periodic } = this.options
    const size = fftLength ?? 2 ** Math.ceil(Math.log2(frameLength))
    for (const side of ['real', 'imag'] as const)
      if (mode !== (side === 'real' ? 'imag' : 'real'))
        this.addWeight(`${side}_kernel`, [frameLength, 1, Math.floor(size / 2) + 1], {
          initializer: stft({ side, window, scaling, periodic }),
        })
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { mode, frameLength, frameStep, padding, dataFormat } = this.options
    const first = dataFormat ? emit.transpose(x, [0, 2, 1]) : x
    const channels = Number(first.shape[1])
    const lines = emit.reshape(first, [-1, 1, sizeOr(first.shape[2])])
    const strides = [frameStep ?? Math.floor(frameLength / 2)]
    /** [batch, channels, frequencies, frames] */
    const sides = this.weightsHere.map((weight) => {
      const y = emit.op('Conv', [lines, emit.transpose(emit.variable(weight), [2, 1, 0])], {
        kernel_shape: [frameLength],
        strides,
        ...paddingAttributes(padding, lines.shape.slice(2), [frameLength], strides),
      })
      return emit.reshape(y, [-1, channels, Number(y.shape[1]), sizeOr(y.shape[2])])
    })
    if (mode === 'real' || mode === 'imag') return this.#arranged(emit, sides[0])
    if (mode === 'stft') return this.#arranged(emit, emit.concat(sides, 2))
    const [real, imag] = sides
    if (mode === 'angle') return this.#arranged(emit, angle(emit, imag, real))
    const power = emit.add(emit.square(real), emit.square(imag))
    if (mode === 'psd') {
      const frequencies = Number(power.shape[2])
      const counts = Array.from({ length: frequencies }, (_, i) => (i > 0 && i < frequencies - 1 ? 2 : 1))
      return this.#arranged(emit, emit.mul(power, emit.constant(new Tensor('float32', counts, [frequencies, 1]))))
    }
    const magnitude = this.#arranged(emit, emit.sqrt(emit.maximum(power, epsilon)))
    return mode === 'magnitude' ? magnitude : emit.log(emit.maximum(magnitude, epsilon))
  }

  #arranged(emit: Emitter, y: Value): Value {
    const { dataFormat, expandDims } = this.options
    if (expandDims) return emit.transpose(y, dataFormat ? [0, 3, 2, 1] : [0, 1, 3, 2])
    const joined = emit.reshape(y, [-1, Number(y.shape[1]) * Number(y.shape[2]), sizeOr(y.shape[3])])
    return dataFormat ? emit.transpose(joined, [0, 2, 1]) : joined
  }
}

const sizeOr = (dim: number | string): number => (typeof dim === 'number' ? dim : -1)

/** The angle of (x, y) in (-pi, pi]; 0 of the origin. */
function angle(emit: Emitter, y: Value, x: Value): Value {
  const isZero = emit.equal(x, 0)
  const slope = emit.op('Atan', [emit.div(y, emit.where(isZero, 1, x))])
  const half = emit.where(emit.less(y, 0), -Math.PI, emit.scalar(Math.PI))
  const upright = emit.mul(emit.op('Sign', [y]), Math.PI / 2)
  return emit.where(isZero, upright, emit.where(emit.less(x, 0), emit.add(slope, half), slope))
}

const melFields = {
  fftLength: count(2048),
  sequenceStride: count(512),
  /** As long as the transform unless given. */
  sequenceLength: maybe(count(1)),
  window: any<WindowLike>('hann'),
  samplingRate: count(16000),
  numMelBins: count(128),
  minFreq: number(20),
  /** Half of the sampling rate unless given. */
  maxFreq: maybe(number(0)),
  powerToDb: flag(true),
  topDb: number(80),
  magExp: number(2),
  minPower: number(1e-10),
  refPower: number(1),
}

/** Power of [batch, samples] in bands of the mel scale (HTK's formula): [batch, bands, frames]. */
export class MelSpectrogram extends Layer<ValuesOf<typeof melFields>> {
  static override readonly fields = melFields

  constructor(options: LayerOptions & OptionsOf<typeof melFields>, className?: string) {
    super(options, className)
    const { fftLength, sequenceLength, window } = this.options
    const length = sequenceLength ?? fftLength
    if (length > fftLength) throw layerError(this, `sequenceLength ${length} is more than fftLength ${fftLength}`)
    windowOf(window, length, true)
    addPack(signal)
  }

  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 2)
    if (knownDim(this, shape, 1) <= this.options.fftLength >> 1)
      throw layerError(this, `takes more than fftLength / 2 samples, got ${shape[1]}`)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { fftLength, sequenceStride, window, sequenceLength, magExp } = this.options
    const length = sequenceLength ?? fftLength
    const margin = fftLength >> 1
    const before = (fftLength - length) >> 1
    const values = windowOf(window, length, true)
    const padded = Array.from({ length: fftLength }, (_, i) => values[i - before] ?? 0)
    const around = emit.op('Pad', [x, emit.ints([0, margin, 0, margin])], { mode: 'reflect' })
    const spectrum = emit.op('STFT', [
      emit.reshape(around, [0, Number(around.shape[1]), 1]),
      emit.constant(new Tensor('int64', [sequenceStride], [])),
      emit.constant(new Tensor('float32', window === null ? padded.fill(1) : padded, [fftLength])),
    ])
    const power = emit.sum(emit.square(spectrum), [3])
    const raised = magExp === 2 ? power : emit.pow(emit.sqrt(power), magExp)
    const bands = emit.matMul(raised, emit.constant(this.#filters(Number(power.shape[2]))))
    return emit.transpose(this.options.powerToDb ? this.#decibels(emit, bands) : bands, [0, 2, 1])
  }

  #decibels(emit: Emitter, power: Value): Value {
    const { minPower, refPower, topDb } = this.options
    const perNeper = 10 / Math.LN10
    const reference = perNeper * Math.log(Math.max(Math.abs(refPower), minPower))
    const level = emit.sub(emit.mul(emit.log(emit.maximum(power, minPower)), perNeper), reference)
    return emit.maximum(level, emit.sub(emit.max(level), topDb))
  }

  /** [frequencies, bands]: triangles on the mel scale, each up to 1; the constant part counts nowhere. */
  #filters(frequencies: number): Tensor {
    const { samplingRate, numMelBins, minFreq, maxFreq } = this.options
    const mel = (hertz: number) => 1127 * Math.log(1 + hertz / 700)
    const [low, high] = [mel(minFreq), mel(maxFreq ?? Math.trunc(samplingRate / 2))]
    const edge = (i: number) => low + ((high - low) * i) / (numMelBins + 1)
    const weights = Array.from({ length: frequencies * numMelBins }, (_, at) => {
      const [row, band] = [Math.floor(at / numMelBins), at % numMelBins]
      if (row === 0) return 0
      const place = mel(((samplingRate / 2) * row) / (frequencies - 1))
      const [from, top, to] = [edge(band), edge(band + 1), edge(band + 2)]
      return Math.max(0, Math.min((place - from) / (top - from), (to - place) / (to - top)))
    })
    return new Tensor('float32', weights, [frequencies, numMelBins])
  }
}
