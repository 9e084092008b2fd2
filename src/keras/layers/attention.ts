import type { Value } from '../../core/ir.js'
import { unsqueeze } from '../../ops/compose.js'
import { all, causalMask, excluded } from './attention-masks.js'
import type { CallContext } from './context.js'
import { choice, flag, initializer, seed, share, type ValuesOf } from './fields.js'
import { type CallArguments, Layer } from './layer.js'
import { dropout } from './regularization.js'
import { type KerasShape, knownDim, layerError } from './shapes.js'

/** Attention without heads over a list of query [batch, T, dim], value [batch, S, …] and key (the value unless given). */
abstract class PlainAttention<V extends { readonly dropout: number; readonly seed: number | null }> extends Layer<V> {
  protected abstract scores(q: Value, k: Value, context: CallContext): Value

  protected override get namedArguments(): readonly string[] {
    return ['return_attention_scores', 'use_causal_mask']
  }

  call([query, value, key = value]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    if (!value) throw layerError(this, 'takes a list of query, value and perhaps key')
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
