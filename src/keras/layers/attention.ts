import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { unsqueeze } from '../../ops/compose.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import {
  absent,
  any,
  choice,
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
import { type Argument, type CallArguments, type KerasShape, knownDim, Layer } from './layer.js'
import { dropout } from './regularization.js'

/** Scores that leave nothing of a place after softmax. */
const excluded = -1e9

/** [1, steps, steps of keys]: a query sees no keys behind it. */
function causalMask(context: CallContext, queries: Value, keys: Value, axis: number): Value {
  const [t, s] = [queries.shape[axis], keys.shape[axis]]
  if (typeof t !== 'number' || typeof s !== 'number') throw invalid('a causal mask needs sequences of known length')
  const seen = Array.from({ length: t * s }, (_, i) => (i % s <= Math.floor(i / s) ? 1 : 0))
  return context.emit.cast(context.emit.constant(new Tensor('float32', seen, [1, t, s])), 'bool')
}

const all = (context: CallContext, masks: readonly (Value | undefined)[]): Value | undefined =>
  masks
    .filter((mask) => mask !== undefined)
    .reduce<Value | undefined>((a, b) => (a ? context.emit.and(a, b) : b), undefined)

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
    const flat = (x: Value) => (x.shape.length === 3 ? x : emit.reshape(x, [0, -1, Number(x.shape.at(-1))]))
    const part = (name: string, x: Value, count: number, order: readonly number[]) => {
      const projected = this.sublayers[name].write([flat(x)], context)[0]
      const width = Number(projected.shape[2]) / count
      const parted = emit.transpose(emit.reshape(projected, [0, 0, count, width]), order)
      if (count === heads) return parted
      const repeated = emit.expand(unsqueeze(emit, parted, 2), [1, 1, heads / count, 1, 1])
      return emit.reshape(repeated, [
        0,
        heads,
        ...parted.shape.slice(2).map((dim) => (typeof dim === 'number' ? dim : -1)),
      ])
    }
    const q = emit.mul(part('_query_dense', query, heads, [0, 2, 1, 3]), 1 / Math.sqrt(keyDim))
    const k = part('_key_dense', key, shared, [0, 2, 3, 1])
    const v = part('_value_dense', value, shared, [0, 2, 1, 3])
    let scores = emit.matMul(q, k)
    const mask = this.#mask(query, value, key, context, args)
    if (mask) scores = emit.where(mask, scores, excluded)
    scores = emit.softmax(scores)
    const kept = dropout(context, scores, this.options.dropout, this.options.seed)
    const mixed = emit.transpose(emit.matMul(kept, v), [0, 2, 1, 3])
    const joined = emit.reshape(mixed, [0, 0, heads * Number(mixed.shape[3])])
    const output = this.sublayers._output_dense.write([joined], context)[0]
    const own = context.maskOf(query)
    if (own && query.shape.length === 3) context.setMask(output, own)
    if (query.shape.length === 3) return { output, scores }
    const middle = query.shape.slice(1, -1).map(Number)
    return { output: emit.reshape(output, [0, ...middle, Number(output.shape[2])]), scores }
  }

  #mask(query: Value, value: Value, key: Value, context: CallContext, args: CallArguments): Value | undefined {
    const { emit } = context
    const given = (name: string, x: Value) => (args[name] as Value | undefined) ?? context.maskOf(x)
    const bool = (x: Value | undefined) => x && emit.cast(x, 'bool')
    const along = (mask: Value | undefined, axis: number) => mask && unsqueeze(emit, bool(mask)!, axis)
    const keyMask = key === value ? (args.key_mask as Value | undefined) : given('key_mask', key)
    const mask = all(context, [
      along(given('query_mask', query), 2),
      along(given('value_mask', value), 1),
      along(keyMask, 1),
      bool(args.attention_mask as Value | undefined),
      args.use_causal_mask ? causalMask(context, query, key, 1) : undefined,
    ])
    return mask && (mask.shape.length === 3 ? unsqueeze(emit, mask, 1) : mask)
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
  #rank = 3

  protected override build(
    [query]: readonly KerasShape[],
    { value, key = value }: Readonly<Record<string, KerasShape>>,
  ) {
    if (!value) throw invalid(`layer '${this.name}' (MultiHeadAttention) is called with a query and a value`)
    const { numHeads, keyDim, valueDim, outputShape, attentionAxes } = this.options
    this.#rank = query.length
    const axes = attentionAxes === null ? [] : [attentionAxes].flat()
    if (axes.length > 0 && axes.length !== query.length - 2)
      throw invalid(`layer '${this.name}': attentionAxes over some of the axes only are not supported; leave them out`)
    const values = valueDim ?? keyDim
    const out = outputShape === null ? [knownDim(this, query, -1)] : [outputShape].flat()
    if (out.length !== 1) throw invalid(`layer '${this.name}': outputShape must be one size`)
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
    const axes = attentionAxes ?? Array.from({ length: this.#rank - 2 }, (_, i) => i + 1)
    return { ...super.config(), value_dim: valueDim ?? keyDim, attention_axes: [axes].flat() }
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
    if (!value) throw invalid(`layer '${this.name}' (GroupQueryAttention) is called with a query and a value`)
    const { headDim, numQueryHeads: many, numKeyValueHeads: few } = this.options
    if (many % few !== 0) throw invalid(`layer '${this.name}': numQueryHeads must be a multiple of numKeyValueHeads`)
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

/** Attention without heads over a list of query [batch, T, dim], value [batch, S, …] and key (the value unless given). */
abstract class PlainAttention<V extends { readonly dropout: number; readonly seed: number | null }> extends Layer<V> {
  protected abstract scores(q: Value, k: Value, context: CallContext): Value

  protected override get namedArguments(): readonly string[] {
    return ['return_attention_scores', 'use_causal_mask']
  }

  call([query, value, key = value]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    if (!value) throw invalid(`layer '${this.name}' (${this.className}) takes a list of query, value and perhaps key`)
    const { emit } = context
    const given = (args.mask ?? []) as readonly (Value | null)[]
    const queryMask = given[0] ?? context.maskOf(query)
    const valueMask = given[1] ?? context.maskOf(value)
    const mask = all(context, [
      valueMask && unsqueeze(emit, emit.cast(valueMask, 'bool'), 1),
      args.use_causal_mask ? causalMask(context, query, key, 1) : undefined,
    ])
    const raw = this.scores(query, key, context)
    const weights = emit.softmax(mask ? emit.where(mask, raw, excluded) : raw)
    let output = emit.matMul(dropout(context, weights, this.options.dropout, this.options.seed), value)
    if (queryMask) {
      output = emit.mul(output, unsqueeze(emit, emit.cast(queryMask, 'float32'), 2))
      context.setMask(output, queryMask)
    }
    return args.return_attention_scores ? [output, weights] : [output]
  }

  /** Σ over features of tanh-like sums of every query with every key: [batch, T, S, dim]. */
  protected pairs(q: Value, k: Value, { emit }: CallContext): Value {
    return emit.add(unsqueeze(emit, q, 2), unsqueeze(emit, k, 1))
  }
}

const attentionFields = {
  useScale: flag(false),
  scoreMode: choice(['dot', 'concat'], 'dot'),
  dropout: share,
  seed,
}

/** Luong et al., 2015. */
export class Attention extends PlainAttention<ValuesOf<typeof attentionFields>> {
  static override readonly fields = attentionFields

  protected override build(): void {
    const ones = initializer('ones').read('ones', '', 0)
    if (this.options.useScale) this.addWeight('scale', [], { initializer: ones })
    if (this.options.scoreMode === 'concat') this.addWeight('concat_score_weight', [], { initializer: ones })
  }

  protected scores(q: Value, k: Value, context: CallContext): Value {
    const { emit } = context
    const { useScale, scoreMode } = this.options
    const weights = this.weightsHere.map((weight) => emit.variable(weight))
    const scaled = (x: Value) => (useScale ? emit.mul(x, weights[0]) : x)
    if (scoreMode === 'dot') return scaled(emit.matMul(q, emit.transpose(k, [0, 2, 1])))
    return emit.mul(emit.sum(emit.tanh(scaled(this.pairs(q, k, context))), [-1]), weights.at(-1)!)
  }
}

const additiveFields = { useScale: flag(true), dropout: share, seed }

/** Bahdanau et al., 2014. */
export class AdditiveAttention extends PlainAttention<ValuesOf<typeof additiveFields>> {
  static override readonly fields = additiveFields

  protected override build([query]: readonly KerasShape[]): void {
    if (!this.options.useScale) return
    this.addWeight('scale', [knownDim(this, query, -1)], {
      initializer: initializer('glorotUniform').read('glorotUniform', '', 0),
    })
  }

  protected scores(q: Value, k: Value, context: CallContext): Value {
    const { emit } = context
    const mixed = emit.tanh(this.pairs(q, k, context))
    const [scale] = this.weightsHere
    return emit.sum(scale ? emit.mul(mixed, emit.variable(scale)) : mixed, [-1])
  }
}
