import type { Value } from '../../core/ir.js'
import { unsqueeze } from '../../ops/compose.js'
import { invalid } from '../config.js'
import { all, causalMask, excluded } from './attention-masks.js'
import type { CallContext } from './context.js'
import {
  absent,
  any,
  constraint,
  count,
  flag,
  initializer,
  maybe,
  neededCount,
  only,
  regularizer,
  seed,
  share,
  type ValuesOf,
} from './fields.js'
import { flat, headsFirst, headsLast, knownOr, othersOf, sizesOf } from './heads.js'
import { type Argument, type CallArguments, Layer } from './layer.js'
import { dropout } from './regularization.js'
import { formatKerasShape, type KerasShape, knownDim, layerError } from './shapes.js'

const weightsFields = {
  kernelInitializer: initializer('glorotUniform'),
  biasInitializer: initializer('zeros'),
  kernelRegularizer: regularizer,
  biasRegularizer: regularizer,
  activityRegularizer: regularizer,
  kernelConstraint: constraint,
  biasConstraint: constraint,
}
const projectionFields = {
  kernelShape: any<readonly number[]>([]),
  biasShape: any<readonly number[] | null>(null),
  ...weightsFields,
}

/** A product with a kernel of several axes: what Keras's attention layers have EinsumDense for. */
class Projection extends Layer<ValuesOf<typeof projectionFields>> {
  static override readonly fields = projectionFields

  protected override build(): void {
    const { kernelShape, biasShape } = this.options
    this.addOwn('kernel', kernelShape)
    if (biasShape) this.addOwn('bias', biasShape)
  }

  /** [batch, steps, rows] times the kernel as [rows, columns]. */
  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const rows = x.shape.at(-1) as number
    const y = emit.matMul(x, emit.reshape(kernel, [rows, -1]))
    return bias ? emit.add(y, emit.reshape(bias, [-1])) : y
  }
}

interface HeadValues extends ValuesOf<typeof weightsFields> {
  readonly useBias: boolean
  readonly dropout: number
  readonly seed: number | null
}

/** What the attention layers with heads share. */
abstract class HeadAttention<V extends HeadValues> extends Layer<V> {
  static override readonly passesMask: boolean = true
  override get signature(): readonly string[] {
    return ['query', 'value', 'key']
  }

  protected override get namedArguments(): readonly string[] {
    return ['query_mask', 'value_mask', 'key_mask', 'attention_mask', 'return_attention_scores', 'use_causal_mask']
  }

  protected override buildConfig([query]: readonly KerasShape[], { value, key }: Readonly<Record<string, KerasShape>>) {
    return { shapes_dict: { query_shape: query, value_shape: value, ...(key && { key_shape: key }) } }
  }

  /** A list stands for query, value and key. */
  protected override positional(inputs: Argument): Record<string, Argument> {
    const parts = Array.isArray(inputs) ? (inputs as readonly Argument[]) : [inputs]
    return Object.fromEntries(parts.map((part, i) => [this.signature[i], part]))
  }

  protected project(key: string, name: string, kernelShape: readonly number[], biasShape: readonly number[]): void {
    const { options: o } = this
    const layer = new Projection(
      {
        name,
        kernelShape,
        biasShape: o.useBias ? biasShape : null,
        kernelInitializer: o.kernelInitializer,
        biasInitializer: o.biasInitializer,
        kernelRegularizer: o.kernelRegularizer,
        biasRegularizer: o.biasRegularizer,
        kernelConstraint: o.kernelConstraint,
        biasConstraint: o.biasConstraint,
      } as object,
      'EinsumDense',
    )
    this.addSublayer(key, layer).ensureBuilt([])
  }

  /** The axes that attention runs over: all between the batch and the features unless a layer says otherwise. */
  protected attentionAxesOf(rank: number): readonly number[] {
    return Array.from({ length: rank - 2 }, (_, i) => i + 1)
  }

  /** Scaled dot-product attention (Vaswani et al., 2017); `heads` of the queries, `shared` of keys and values. */
  protected attend(
    [query]: readonly Value[],
    context: CallContext,
    args: CallArguments,
    heads: number,
    shared: number,
    keyDim: number,
  ): { output: Value; scores: Value } {
    const { emit } = context
    const value = args.value as Value
    const key = (args.key as Value | undefined) ?? value
    const axes = this.attentionAxesOf(query.shape.length)
    const part = (name: string, x: Value, count: number, isTransposed = false) => {
      const projected = this.sublayers[name].write([flat(emit, x)], context)[0]
      const parted = headsFirst(emit, projected, x, axes, count, isTransposed)
      if (count === heads) return parted
      const repeated = emit.expand(unsqueeze(emit, parted, 2), [1, 1, heads / count, 1, 1])
      return emit.reshape(repeated, [0, heads, ...parted.shape.slice(2).map(knownOr(-1))])
    }
    const q = emit.mul(part('_query_dense', query, heads), 1 / Math.sqrt(keyDim))
    const k = part('_key_dense', key, shared, true)
    const v = part('_value_dense', value, shared)
    let scores = emit.matMul(q, k)
    const mask = this.#mask(query, value, key, axes, context, args)
    if (mask) scores = emit.where(mask, scores, excluded)
    scores = emit.softmax(scores)
    const kept = dropout(context, scores, this.options.dropout, this.options.seed)
    const joined = headsLast(emit, emit.matMul(kept, v), query, axes)
    const output = this.sublayers._output_dense.write([joined], context)[0]
    const own = context.maskOf(query)
    if (own && query.shape.length === 3) context.setMask(output, own)
    if (query.shape.length === 3) return { output, scores }
    const [others, ...places] = [othersOf(query, axes), ...[query, key].map((x) => axes.map((axis) => x.shape[axis]))]
    return {
      output: emit.reshape(output, [0, ...query.shape.slice(1, -1).map(Number), Number(output.shape[2])]),
      scores: emit.reshape(scores, [0, ...sizesOf(query, others), heads, ...places.flat().map(Number)]),
    }
  }

  #mask(
    query: Value,
    value: Value,
    key: Value,
    axes: readonly number[],
    context: CallContext,
    args: CallArguments,
  ): Value | undefined {
    const { emit } = context
    const given = (name: string, x: Value) => (args[name] as Value | undefined) ?? context.maskOf(x)
    const bool = (x: Value | undefined) => x && emit.cast(x, 'bool')
    const along = (mask: Value | undefined, axis: number) => mask && unsqueeze(emit, bool(mask)!, axis)
    const keyMask = key === value ? (args.key_mask as Value | undefined) : given('key_mask', key)
    if (args.use_causal_mask && axes.length > 1)
      throw layerError(this, `a causal mask needs attention along one axis, not ${axes.length}`)
    const mask = all(context, [
      along(given('query_mask', query), 2),
      along(given('value_mask', value), 1),
      along(keyMask, 1),
      bool(args.attention_mask as Value | undefined),
      args.use_causal_mask ? causalMask(context, query, key, axes[0]) : undefined,
    ])
    if (!mask) return undefined
    // [batch, queries' places, keys' places], or with the heads, or what lies before them, in front of the places.
    const places = mask.shape.length > 2 * axes.length ? axes.length : 1
    const leading = mask.shape.length - 2 * places
    const others = query.shape.length - 2 - axes.length
    const count = (at: number) =>
      mask.shape.slice(at, at + places).reduce<number>((product, dim) => product * Number(dim), 1)
    const joined =
      places === 1
        ? mask
        : emit.reshape(mask, [
            ...mask.shape.slice(0, leading).map((_, i) => (i === 0 ? 0 : Number(mask.shape[i]))),
            count(leading),
            count(leading + places),
          ])
    if (leading === 1) return unsqueeze(emit, joined, ...(others > 0 ? [1, 2] : [1]))
    if (leading === 2 && others === 0) return joined
    throw invalid(
      `layer '${this.name}': a mask is of shape (batch, ${axes.map((_, i) => `T${i + 1}`).join(', ')}, ${axes.map((_, i) => `S${i + 1}`).join(', ')}), got ${formatKerasShape(mask.shape as KerasShape)}`,
    )
  }
}

const multiHeadFields = {
  numHeads: neededCount,
  keyDim: neededCount,
  valueDim: maybe(count(1)),
  dropout: share,
  useBias: flag(true),
  outputShape: any<number | readonly number[] | null>(null),
  attentionAxes: any<number | readonly number[] | null>(null),
  flashAttention: absent,
  useGate: only(false),
  slidingWindow: only(null),
  ...weightsFields,
  seed,
}

/** Vaswani et al., 2017: `apply([query, value])` or `apply(query, { value, key, attentionMask, useCausalMask })`. */
export class MultiHeadAttention extends HeadAttention<ValuesOf<typeof multiHeadFields>> {
  static override readonly fields = multiHeadFields
  #axes: readonly number[] = [1]

  protected override attentionAxesOf(): readonly number[] {
    return this.#axes
  }

  protected override build(
    [query]: readonly KerasShape[],
    { value, key = value }: Readonly<Record<string, KerasShape>>,
  ) {
    if (!value) throw layerError(this, 'is called with a query and a value')
    const { numHeads, keyDim, valueDim, outputShape, attentionAxes } = this.options
    const rank = query.length
    this.#axes =
      attentionAxes === null
        ? super.attentionAxesOf(rank)
        : [attentionAxes].flat().map((axis) => (axis < 0 ? axis + rank : axis))
    const isUsable = (axis: number) => Number.isInteger(axis) && axis > 0 && axis < rank - 1
    if (this.#axes.length === 0 || !this.#axes.every(isUsable) || new Set(this.#axes).size < this.#axes.length)
      throw layerError(
        this,
        `attentionAxes lie between the batch and the features of ${formatKerasShape(query)}, got ${JSON.stringify(attentionAxes)}`,
      )
    const between = [query, value, key].flatMap((shape) => shape.slice(1, -1))
    if (rank > 3 && between.some((dim) => dim === null))
      throw layerError(this, `attention over inputs of ${rank} axes needs all but the batch to be known`)
    const values = valueDim ?? keyDim
    const out = outputShape === null ? [knownDim(this, query, -1)] : [outputShape].flat()
    if (out.length !== 1) throw layerError(this, 'outputShape must be one size')
    this.project('_query_dense', 'query', [knownDim(this, query, -1), numHeads, keyDim], [numHeads, keyDim])
    this.project('_key_dense', 'key', [knownDim(this, key, -1), numHeads, keyDim], [numHeads, keyDim])
    this.project('_value_dense', 'value', [knownDim(this, value, -1), numHeads, values], [numHeads, values])
    this.project('_output_dense', 'attention_output', [numHeads, values, ...out], out)
  }

  call(inputs: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { numHeads, keyDim } = this.options
    const { output, scores } = this.attend(inputs, context, args, numHeads, numHeads, keyDim)
    return args.return_attention_scores ? [output, scores] : [output]
  }

  protected override config() {
    const { keyDim, valueDim, attentionAxes } = this.options
    return { ...super.config(), value_dim: valueDim ?? keyDim, attention_axes: [attentionAxes ?? this.#axes].flat() }
  }
}

const groupedFields = {
  headDim: neededCount,
  numQueryHeads: neededCount,
  numKeyValueHeads: neededCount,
  dropout: share,
  useBias: flag(true),
  flashAttention: absent,
  useGate: only(false),
  slidingWindow: only(null),
  ...weightsFields,
  seed,
}

/** Ainslie et al., 2023: groups of query heads share the heads of keys and values. */
export class GroupQueryAttention extends HeadAttention<ValuesOf<typeof groupedFields>> {
  static override readonly fields = groupedFields

  protected override build(
    [query]: readonly KerasShape[],
    { value, key = value }: Readonly<Record<string, KerasShape>>,
  ) {
    if (!value) throw layerError(this, 'is called with a query and a value')
    const { headDim, numQueryHeads: many, numKeyValueHeads: few } = this.options
    if (many % few !== 0) throw layerError(this, 'numQueryHeads must be a multiple of numKeyValueHeads')
    const width = knownDim(this, query, -1)
    this.project('_query_dense', 'query', [width, many, headDim], [many, headDim])
    this.project('_key_dense', 'key', [knownDim(this, key, -1), few, headDim], [few, headDim])
    this.project('_value_dense', 'value', [knownDim(this, value, -1), few, headDim], [few, headDim])
    this.project('_output_dense', 'attention_output', [many, headDim, width], [width])
  }

  call(inputs: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { headDim, numQueryHeads, numKeyValueHeads } = this.options
    const { output, scores } = this.attend(inputs, context, args, numQueryHeads, numKeyValueHeads, headDim)
    return args.return_attention_scores ? [output, scores] : [output]
  }
}
