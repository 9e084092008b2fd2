import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import {
  any,
  axes,
  axis,
  constraint,
  count,
  type Field,
  flag,
  initializer,
  number,
  only,
  regularizer,
  unwritten,
  type ValuesOf,
} from './fields.js'
import { Layer } from './layer.js'
import { neededLayer } from './registry.js'
import { type KerasShape, knownDim, layerError } from './shapes.js'
import type { Weight } from './weight.js'

const affineFields = {
  center: flag(true),
  scale: flag(true),
  betaInitializer: initializer('zeros'),
  gammaInitializer: initializer('ones'),
  betaRegularizer: regularizer,
  gammaRegularizer: regularizer,
  betaConstraint: constraint,
  gammaConstraint: constraint,
}

/** A layer with a learned scale `gamma` and centre `beta`. */
abstract class Normalizing<V extends { readonly scale: boolean; readonly center: boolean }> extends Layer<V> {
  static override readonly passesMask: boolean = true
  protected gamma: Weight | undefined
  protected beta: Weight | undefined

  protected addAffine(shape: readonly number[]): void {
    if (this.options.scale) this.gamma = this.addOwn('gamma', shape)
    if (this.options.center) this.beta = this.addOwn('beta', shape)
  }

  /** x * gamma + beta, both in the shape `spread`. */
  protected affine(x: Value, emit: Emitter, read: (weight: Weight) => Value): Value {
    const scaled = this.gamma ? emit.mul(x, read(this.gamma)) : x
    return this.beta ? emit.add(scaled, read(this.beta)) : scaled
  }
}

/** Mean and biased variance over `axes`, which stay. */
function moments(emit: Emitter, x: Value, axes: readonly number[]): { centred: Value; variance: Value } {
  const centred = emit.sub(x, emit.mean(x, axes, true))
  return { centred, variance: emit.mean(emit.square(centred), axes, true) }
}

const batchFields = {
  axis: axis(-1),
  momentum: number(0.99),
  epsilon: number(1e-3),
  ...affineFields,
  movingMeanInitializer: initializer('zeros'),
  movingVarianceInitializer: initializer('ones'),
  synchronized: only(false),
  renorm: only(false),
  renormClipping: any<unknown>(null),
  renormMomentum: number(0.99),
}

/**
 * Ioffe and Szegedy, 2015. While training it normalises by the batch's mean and (biased) variance and moves the
 * statistics towards them; else, and when the layer is frozen, it normalises by the statistics.
 */
export class BatchNormalization extends Normalizing<ValuesOf<typeof batchFields>> {
  static override readonly fields = batchFields
  #mean: Weight | undefined
  #variance: Weight | undefined

  override get signature(): readonly string[] {
    return ['inputs', 'mask']
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const size = [knownDim(this, shape, this.options.axis)]
    const { movingMeanInitializer, movingVarianceInitializer } = this.options
    this.addAffine(size)
    this.#mean = this.addWeight('moving_mean', size, { initializer: movingMeanInitializer, trainable: false })
    this.#variance = this.addWeight('moving_variance', size, {
      initializer: movingVarianceInitializer,
      trainable: false,
    })
  }

  call([x]: readonly Value[], context: CallContext, args: { mask?: Value } = {}): Value {
    const { emit } = context
    const { momentum, epsilon } = this.options
    const axis = normalizeAxis(this.options.axis, x.shape.length)
    const others = x.shape.map((_, i) => i).filter((i) => i !== axis)
    const size = x.shape[axis] as number
    const spread = x.shape.map((_, i) => (i === axis ? size : 1))
    const across = (value: Value) => (axis === x.shape.length - 1 ? value : emit.reshape(value, spread))
    const movingMean = context.current(this.#mean!)
    const movingVariance = context.current(this.#variance!)
    let mean = movingMean
    let variance = movingVariance
    if (context.training && this.trainable) {
      const mask = args.mask ?? context.maskOf(x)
      const average = mask ? maskedMean(emit, x, mask, others) : (value: Value) => emit.mean(value, others)
      mean = average(x)
      variance = average(emit.square(emit.sub(x, across(mean))))
      const move = (weight: Weight, from: Value, to: Value) =>
        context.update(weight, emit.add(emit.mul(from, momentum), emit.mul(to, 1 - momentum)))
      move(this.#mean!, movingMean, mean)
      move(this.#variance!, movingVariance, variance)
    }
    const deviation = emit.sqrt(emit.add(variance, epsilon))
    const gain = this.gamma ? emit.div(emit.variable(this.gamma), deviation) : emit.div(1, deviation)
    const normalized = emit.mul(emit.sub(x, across(mean)), across(gain))
    return this.beta ? emit.add(normalized, across(emit.variable(this.beta))) : normalized
  }
}

/** The mean over `axes` of the places that the mask keeps. */
function maskedMean(emit: Emitter, x: Value, mask: Value, axes: readonly number[]): (value: Value) => Value {
  const rank = x.shape.length
  const weights = emit.reshape(emit.cast(mask, 'float32'), [
    ...mask.shape.map(Number),
    ...new Array<number>(rank - mask.shape.length).fill(1),
  ])
  const between = axes.filter((axis) => axis >= mask.shape.length).reduce((n, axis) => n * Number(x.shape[axis]), 1)
  const total = emit.mul(emit.sum(weights), between)
  return (value) => emit.div(emit.sum(emit.mul(value, weights), axes), total)
}

/** One axis or several; Keras writes a list. */
const axesField: Field<number | readonly number[], number | readonly number[]> = {
  ...axes(-1),
  write: (value) => (typeof value === 'number' ? [value] : value),
}
const axesOf = (axis: number | readonly number[], rank: number): number[] =>
  (typeof axis === 'number' ? [axis] : [...axis]).map((item) => normalizeAxis(item, rank)).sort((a, b) => a - b)

/** Shape of a weight over `axes` in a tensor of the shape `shape`, other axes being 1. */
const spreadOver = (shape: readonly unknown[], axes: readonly number[]) =>
  shape.map((size, i) => (axes.includes(i) ? Number(size) : 1))

const layerFields = {
  axis: axesField,
  epsilon: number(1e-3),
  ...affineFields,
  rmsScaling: unwritten(false),
}

/** Ba, Kiros and Hinton, 2016: mean 0 and variance 1 over `axis`, sample by sample. */
export class LayerNormalization extends Normalizing<ValuesOf<typeof layerFields>> {
  static override readonly fields = layerFields

  protected override build([shape]: readonly KerasShape[]): void {
    const { axis, rmsScaling } = this.options
    const sizes = axesOf(axis, shape.length).map((axis) => knownDim(this, shape, axis))
    if (!rmsScaling) this.addAffine(sizes)
    else this.gamma = this.addOwn('gamma', sizes)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { axis, epsilon, rmsScaling } = this.options
    const axes = axesOf(axis, x.shape.length)
    const last = axes.every((axis, i) => axis === x.shape.length - axes.length + i)
    const read = (weight: Weight) => {
      const value = emit.variable(weight)
      return last ? value : emit.reshape(value, spreadOver(x.shape, axes))
    }
    const { centred, variance } = moments(emit, x, axes)
    return this.affine(emit.div(rmsScaling ? x : centred, emit.sqrt(emit.add(variance, epsilon))), emit, read)
  }

  protected override config() {
    return { ...super.config(), rms_scaling: this.options.rmsScaling }
  }
}

const rmsFields = { axis: axesField, epsilon: number(1e-6) }

/** Zhang and Sennrich, 2019: x / sqrt(mean(x²) + epsilon) * scale. */
export class RMSNormalization extends Layer<ValuesOf<typeof rmsFields>> {
  static override readonly fields = rmsFields

  protected override build([shape]: readonly KerasShape[]): void {
    const sizes = axesOf(this.options.axis, shape.length).map((axis) => knownDim(this, shape, axis))
    this.addWeight('scale', sizes, { initializer: initializer('ones').read('ones', '', 0) })
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const axes = axesOf(this.options.axis, x.shape.length)
    const square = emit.mean(emit.square(x), axes, true)
    const scale = emit.reshape(emit.variable(this.weightsHere[0]), spreadOver(x.shape, axes))
    return emit.mul(emit.div(x, emit.sqrt(emit.add(square, this.options.epsilon))), scale)
  }
}

const unitFields = { axis: axesField }

/** x divided by its Euclidean length over `axis`. */
export class UnitNormalization extends Layer<ValuesOf<typeof unitFields>> {
  static override readonly fields = unitFields
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[], { emit }: CallContext): Value {
    const squares = emit.sum(emit.square(x), axesOf(this.options.axis, x.shape.length), true)
    return emit.div(x, emit.sqrt(emit.maximum(squares, 1e-12)))
  }
}

const groupFields = { groups: count(32), axis: axis(-1), epsilon: number(1e-3), ...affineFields }

/** Wu and He, 2018: mean 0 and variance 1 over groups of channels. `groups: -1` takes one channel a group. */
export class GroupNormalization extends Normalizing<ValuesOf<typeof groupFields>> {
  static override readonly fields = { ...groupFields, groups: axis(32) }

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = knownDim(this, shape, this.options.axis)
    const groups = this.options.groups === -1 ? channels : this.options.groups
    if (!(groups > 0) || channels % groups !== 0)
      throw layerError(this, `${channels} channels must be a multiple of groups ${groups}`)
    this.addAffine([channels])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const axis = normalizeAxis(this.options.axis, x.shape.length)
    const channels = Number(x.shape[axis])
    const groups = this.options.groups === -1 ? channels : this.options.groups
    const kept = x.shape.map((size) => (typeof size === 'number' ? size : 0))
    // Unknown sizes in front of the channels keep their places; behind them there may be one.
    const parted = kept
      .toSpliced(axis, 1, groups, channels / groups)
      .map((size, i) => (i > axis && size === 0 ? -1 : size))
    const grouped = emit.reshape(x, parted)
    const others = parted.map((_, i) => i).filter((i) => i > 0 && i !== axis)
    const { centred, variance } = moments(emit, grouped, others)
    const normalized = emit.div(centred, emit.sqrt(emit.add(variance, this.options.epsilon)))
    const back = emit.reshape(
      normalized,
      kept.map((size, i) => (i > axis && size === 0 ? -1 : size)),
    )
    return this.affine(back, emit, (weight) => emit.reshape(emit.variable(weight), spreadOver(x.shape, [axis])))
  }
}

const spectralFields = { layer: neededLayer, powerIterations: count(1) }

/**
 * Miyato et al., 2018: the inner layer's kernel divided by its largest singular value, which power iteration
 * follows; each training step stores the divided kernel, as Keras does.
 */
export class SpectralNormalization extends Layer<ValuesOf<typeof spectralFields>> {
  static override readonly fields = spectralFields
  #vector: Weight | undefined

  protected override build(shapes: readonly KerasShape[]): void {
    const layer = this.addSublayer('layer', this.options.layer)
    layer.ensureBuilt(shapes)
    const kernel = this.#kernel
    const width = kernel.shape.at(-1)!
    const start = initializer('truncatedNormal').read(
      { class_name: 'TruncatedNormal', config: { stddev: 0.02 } },
      '',
      0,
    )
    this.#vector = this.addWeight('vector_u', [1, width], { initializer: start, trainable: false })
  }

  /** The kernel first, which Keras's layer has as its own, too. */
  override get weights(): readonly Weight[] {
    return this.built ? [...new Set([this.#kernel, ...super.weights])] : super.weights
  }

  get #kernel(): Weight {
    const { layer } = this.options
    const kernel = layer.weightsHere.find(({ role }) => role === 'kernel' || role === 'embeddings')
    if (!kernel)
      throw invalid(`SpectralNormalization needs a layer with a kernel or embeddings; '${layer.name}' has none`)
    return kernel
  }

  call(inputs: readonly Value[], context: CallContext): Value | readonly Value[] {
    const { emit } = context
    const { layer, powerIterations } = this.options
    if (!context.training) return layer.write(inputs, context)
    const kernel = this.#kernel
    const whole = emit.variable(kernel)
    const matrix = emit.reshape(whole, [-1, kernel.shape.at(-1)!])
    const unit = (x: Value) => emit.div(x, emit.sqrt(emit.maximum(emit.sum(emit.square(x)), 1e-12)))
    let u = context.current(this.#vector!)
    let v = u
    for (let i = 0; i < powerIterations; i++) {
      v = unit(emit.matMul(u, emit.transpose(matrix, [1, 0])))
      u = unit(emit.matMul(v, matrix))
    }
    const sigma = emit.matMul(emit.matMul(v, matrix), emit.transpose(u, [1, 0]))
    context.update(this.#vector!, u)
    const divided = emit.div(whole, emit.reshape(sigma, [1]))
    if (!kernel.trainable) context.update(kernel, divided)
    // The optimizer goes on from the divided kernel, too.
    emit.replaceVariable(kernel, divided)
    return layer.write(inputs, context)
  }
}
