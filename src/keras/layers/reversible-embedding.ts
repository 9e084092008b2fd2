import type { Value } from '../../core/ir.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import { Embedding, embeddingFields } from './core.js'
import { type Field, flag, maybe, number, type ValuesOf } from './fields.js'
import type { CallArguments, LayerNode, LayerOptions } from './layer.js'

/** The type to project back in, which is float32 here whatever it is called. */
const reverseDtype: Field<unknown, unknown> = {
  needed: false,
  fallback: null,
  read(value, what) {
    if (value !== null && value !== 'float32') throw invalid(`${what} must be null or 'float32' here, got '${value}'`)
    return value
  },
  write: (value) => value,
}

const reversibleFields = {
  ...embeddingFields,
  tieWeights: flag(true),
  reverseDtype,
  logitSoftCap: maybe(number(1)),
}

/**
 * An Embedding that, called with `reverse`, projects features back to scores of all class numbers: by the table itself, or
 * by weights of its own (Press and Wolf, 2017). With `logitSoftCap` c, the scores are c tanh(score / c).
 */
export class ReversibleEmbedding extends Embedding {
  static override readonly fields = reversibleFields

  constructor(options: LayerOptions, className?: string) {
    super(options as never, className)
  }

  get #options(): ValuesOf<typeof reversibleFields> {
    return this.options as never
  }

  protected override get namedArguments(): readonly string[] {
    return ['reverse']
  }

  override indexLimit(args: LayerNode['args']): number | undefined {
    return args.reverse === true ? undefined : super.indexLimit(args)
  }

  protected override build(): void {
    super.build()
    const { inputDim, outputDim, embeddingsInitializer, tieWeights } = this.#options
    if (!tieWeights) this.addWeight('reverse_embeddings', [outputDim, inputDim], { initializer: embeddingsInitializer })
  }

  override call(inputs: readonly Value[], context: CallContext, args: CallArguments = {}): Value {
    if (args.reverse !== true) return super.call(inputs, context)
    const { emit } = context
    const { tieWeights, logitSoftCap } = this.#options
    const [table, own] = this.weightsHere.map((weight) => emit.variable(weight))
    const scores = emit.matMul(inputs[0], tieWeights ? emit.transpose(table, [1, 0]) : own)
    return logitSoftCap === null ? scores : emit.mul(emit.tanh(emit.div(scores, logitSoftCap)), logitSoftCap)
  }
}
