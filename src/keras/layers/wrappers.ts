import type { Value } from '../../core/ir.js'
import { pick, stack } from '../../ops/compose.js'
import { invalid, type KerasObject } from '../config.js'
import type { CallContext } from './context.js'
import { choice, type Field, type ValuesOf } from './fields.js'
import { type CallArguments, Layer, type LayerOptions } from './layer.js'
import { Recurrent } from './recurrent.js'
import { type LayerLike, layerFromConfig, neededLayer, readLayer } from './registry.js'
import { formatKerasShape, type KerasShape, layerError } from './shapes.js'

const distributedFields = { layer: neededLayer }

/** Applies a layer to every step of [batch, steps, …]. */
export class TimeDistributed extends Layer<ValuesOf<typeof distributedFields>> {
  static override readonly fields = distributedFields
  static override readonly passesMask: boolean = true

  override get signature(): readonly string[] {
    return ['inputs', 'training', 'mask']
  }

  protected override build([shape]: readonly KerasShape[]): void {
    if (shape.length < 3) throw layerError(this, `takes (batch, steps, …), got ${formatKerasShape(shape)}`)
    this.addSublayer('layer', this.options.layer).ensureBuilt([[null, ...shape.slice(2)]])
  }

  call([x]: readonly Value[], context: CallContext): readonly Value[] {
    const { layer } = this.options
    // Statistics of the batch are those of one step after the other.
    const hasStatistics = layer.weights.some((weight) => !weight.isParameter)
    if (context.training && hasStatistics && typeof x.shape[1] === 'number') return this.#stepwise(x, context)
    return this.#atOnce(x, context)
  }

  #stepwise(x: Value, context: CallContext): readonly Value[] {
    const { emit } = context
    const mask = context.maskOf(x)
    const steps = Array.from({ length: Number(x.shape[1]) }, (_, i) => {
      const step = pick(emit, x, 1, i)
      if (mask) context.setMask(step, pick(emit, mask, 1, i))
      return this.options.layer.write([step], context)
    })
    return steps[0].map((_, output) =>
      stack(
        emit,
        steps.map((step) => step[output]),
        1,
      ),
    )
  }

  #atOnce(x: Value, context: CallContext): readonly Value[] {
    const { emit } = context
    const sizes = (dims: readonly (number | string)[]) => dims.map((dim) => (typeof dim === 'number' ? dim : -1))
    const rows = emit.reshape(x, [-1, ...sizes(x.shape.slice(2))])
    const [batch, steps] = x.shape
    const mask = context.maskOf(x)
    if (mask && mask.shape.length > 2) context.setMask(rows, emit.reshape(mask, [-1, ...sizes(mask.shape.slice(2))]))
    return this.options.layer.write([rows], context).map((y) => {
      const tail = sizes(y.shape.slice(1))
      if (typeof steps === 'number') return emit.reshape(y, [typeof batch === 'number' ? batch : -1, steps, ...tail])
      const head = emit.op('Slice', [emit.op('Shape', [x]), emit.ints([0]), emit.ints([2])])
      return emit.op('Reshape', [y, emit.concat([head, emit.ints(tail)], 0)])
    })
  }
}

const bidirectionalFields = {
  layer: neededLayer,
  mergeMode: choice(['concat', 'sum', 'mul', 'ave', 'none'], 'concat') as Field<
    BidirectionalOptions['mergeMode'],
    'concat' | 'sum' | 'mul' | 'ave' | 'none'
  >,
  backwardLayer: {
    needed: false as const,
    fallback: null,
    read: (like: LayerLike | null) => (like ? readLayer(like, 'backwardLayer') : undefined),
    write: (layer: Layer | undefined) => layer?.serialize(),
  },
}

export interface BidirectionalOptions extends LayerOptions {
  readonly layer: LayerLike
  readonly mergeMode?: 'concat' | 'sum' | 'mul' | 'ave' | null
  readonly backwardLayer?: LayerLike | null
}

/** A recurrent layer in both directions of time (Schuster and Paliwal, 1997). */
export class Bidirectional extends Layer<ValuesOf<typeof bidirectionalFields>> {
  static override readonly fields = bidirectionalFields
  readonly forwardLayer: Recurrent
  readonly backwardLayer: Recurrent

  constructor(options: BidirectionalOptions, className?: string) {
    const merge = options.mergeMode === null ? { ...options, mergeMode: 'none' } : options
    super(merge, className)
    const { layer, backwardLayer } = this.options
    for (const given of [layer, backwardLayer])
      if (given && !(given instanceof Recurrent))
        throw invalid(`Bidirectional takes a recurrent layer, got ${given.className}`)
    const object = layer.serialize()
    const base = layer.name.replace(/^forward_/, '')
    const copy = (name: string, changes: object) =>
      layerFromConfig({ ...object, config: { ...object.config, ...changes, name } } as KerasObject) as Recurrent
    const forward = copy(`forward_${base}`, {})
    const backward = (backwardLayer ??
      copy(`backward_${base}`, { go_backwards: object.config.go_backwards !== true })) as Recurrent
    if (forward.options.goBackwards === backward.options.goBackwards)
      throw invalid('Bidirectional needs a forward layer and one with goBackwards')
    if (forward.returnsSequences !== backward.returnsSequences || forward.returnsState !== backward.returnsState)
      throw invalid('the layers of a Bidirectional must agree in returnSequences and returnState')
    if (!this.isNamed) this.assignName(`bidirectional`)
    this.forwardLayer = this.addSublayer('forward_layer', forward)
    this.backwardLayer = this.addSublayer('backward_layer', backward)
    backward.inTimeOrder = true
  }

  override get signature(): readonly string[] {
    return ['sequences', 'initial_state', 'mask', 'training']
  }

  protected override get passesMask(): boolean {
    return this.forwardLayer.returnsSequences
  }

  /** Sets the states of both layers, which are stateful, to 0. */
  resetStates(): void {
    this.forwardLayer.resetStates()
    this.backwardLayer.resetStates()
  }

  protected override build(shapes: readonly KerasShape[]): void {
    this.forwardLayer.ensureBuilt(shapes)
    this.backwardLayer.ensureBuilt(shapes)
  }

  call([x, ...more]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const given = args.initial_state ?? (more.length > 0 ? more : undefined)
    const states = given ? ((Array.isArray(given) ? given : [given]) as readonly Value[]) : undefined
    const half = (states?.length ?? 0) / 2
    const run = (layer: Recurrent, own: readonly Value[] | undefined) =>
      layer.write([x], context, { mask: args.mask, ...(own && { initial_state: own }) })
    const [y, ...after] = run(this.forwardLayer, states?.slice(0, half))
    const [z, ...before] = run(this.backwardLayer, states?.slice(half))
    return [...this.#merge(y, z, emit), ...after, ...before]
  }

  #merge(y: Value, z: Value, emit: CallContext['emit']): readonly Value[] {
    switch (this.options.mergeMode) {
      case 'concat':
        return [emit.concat([y, z], -1)]
      case 'sum':
        return [emit.add(y, z)]
      case 'ave':
        return [emit.mul(emit.add(y, z), 0.5)]
      case 'mul':
        return [emit.mul(y, z)]
      default:
        return [y, z]
    }
  }

  protected override config() {
    const { mergeMode } = this.options
    return {
      merge_mode: mergeMode === 'none' ? null : mergeMode,
      layer: this.forwardLayer.serialize(),
      backward_layer: this.backwardLayer.serialize(),
    }
  }
}
