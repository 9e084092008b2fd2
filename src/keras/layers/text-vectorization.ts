import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { splits, standards, type TokenOptions, tokenRows } from '../../core/tokens.js'
import { invalid, type KerasConfig, snakeCase } from '../config.js'
import type { CallContext } from './context.js'
import { any, type Field, flag, maybe, neededCount, type OptionsOf, only, unwritten, type ValuesOf } from './fields.js'
import type { HostLayer } from './host-layer.js'
import type { LayerOptions } from './layer.js'
import { Layer } from './layer.js'
import { StringLookup } from './lookup.js'
import { type AdaptData, batchesOf } from './preprocessing.js'
import type { KerasShape } from './shapes.js'
import { layerError } from './shapes.js'

/** One of the names of `table`, or null. */
const oneOf = (table: object, fallback: string): Field<string | null, string | null> => ({
  ...any<string | null>(fallback),
  read(value, what) {
    const name = value === null ? null : snakeCase(value)
    if (name !== null && !Object.hasOwn(table, name))
      throw invalid(`${what} must be null or one of ${Object.keys(table).join(', ')}, got '${value}'`)
    return name
  },
})

type Ngrams = number | readonly number[] | null

const vectorizationFields = {
  maxTokens: maybe(neededCount),
  standardize: oneOf(standards, 'lower_and_strip_punctuation'),
  split: oneOf(splits, 'whitespace'),
  /** The longest sequence of tokens that counts as one; or the lengths of all such. */
  ngrams: any<Ngrams>(null),
  outputMode: any<NonNullable<OptionsOf<typeof StringLookup.fields>['outputMode']>>('int'),
  /** Of the mode int: longer texts are cut, shorter ones filled up; without it, the longest text says. */
  outputSequenceLength: maybe(neededCount),
  padToMaxTokens: flag(false),
  sparse: only(false),
  ragged: only(false),
  vocabulary: any<readonly string[] | null>(null),
  idfWeights: any<readonly number[] | null>(null),
  encoding: only('utf-8'),
  vocabularySize: unwritten<number | null>(null),
}

/** Texts to the places of their words in a vocabulary, or to counts of them: strings in, which stay on the host. */
export class TextVectorization extends Layer<ValuesOf<typeof vectorizationFields>> implements HostLayer {
  static override readonly fields = vectorizationFields
  /** Finds the places of tokens; '' fills up. */
  readonly #lookup: StringLookup

  constructor(options: LayerOptions & OptionsOf<typeof vectorizationFields> = {}, className?: string) {
    super(options as LayerOptions, className)
    const { maxTokens, outputMode, padToMaxTokens, vocabulary, idfWeights, ngrams, outputSequenceLength } = this.options
    if (outputMode !== 'int' && outputSequenceLength !== null)
      throw layerError(this, `outputSequenceLength goes with the output mode 'int'`)
    const sizes = typeof ngrams === 'number' ? [ngrams] : (ngrams ?? [])
    if (!sizes.every((size) => Number.isInteger(size) && size > 0))
      throw layerError(this, 'ngrams must be positive integers')
    this.#lookup = new StringLookup({ maxTokens, outputMode, padToMaxTokens, vocabulary, idfWeights, maskToken: '' })
  }

  get #tokens(): TokenOptions {
    const { standardize, split, ngrams } = this.options
    const sizes = typeof ngrams === 'number' ? Array.from({ length: ngrams }, (_, i) => i + 1) : ngrams
    return { standardize, split, ngrams: sizes }
  }

  /** All tokens by their place; '' and the unknown come first, unless they are left out. Throws INVALID_ARGUMENT before `adapt`. */
  getVocabulary(options?: { includeSpecialTokens?: boolean }): readonly (string | number | null)[] {
    return this.#lookup.getVocabulary(options)
  }

  get vocabularySize(): number {
    return this.#lookup.vocabularySize
  }

  /** Replaces the vocabulary. Throws INVALID_ARGUMENT for tokens given twice, or more than maxTokens. */
  setVocabulary(vocabulary: readonly string[], idfWeights?: readonly number[]): void {
    this.#lookup.setVocabulary(vocabulary, idfWeights)
  }

  /** Takes the tokens of texts for the vocabulary, the most frequent first, at most `maxTokens`. Throws INVALID_ARGUMENT. */
  async adapt(data: AdaptData | readonly string[]): Promise<void> {
    const isList = Array.isArray(data) && data.every((item) => typeof item === 'string')
    const all = isList ? new Tensor('string', data as string[], [data.length]) : (data as AdaptData)
    const texts: string[] = []
    for await (const batch of batchesOf(all, `the data of '${this.name}'`)) texts.push(...(batch.data as string[]))
    await this.#lookup.adapt(this.#rows(texts))
  }

  #rows(texts: readonly string[]): Tensor {
    const { rows, length } = tokenRows(texts, this.#tokens, this.options.outputSequenceLength)
    return new Tensor('string', [...rows], [texts.length, length])
  }

  onHost(x: Tensor): Tensor {
    return this.#lookup.onHost(this.#rows(x.data as readonly string[]))
  }

  hostShape([batch]: KerasShape): KerasShape {
    return [batch, this.options.outputSequenceLength]
  }

  afterHost(places: Value, context: CallContext): Value {
    return this.#lookup.afterHost(places, context)
  }

  call([x]: readonly Value[], context: CallContext): Value {
    const { standardize, split, ngrams } = this.#tokens
    const { outputSequenceLength } = this.options
    if (context.typesOnly) {
      const shape = [x.shape[0], outputSequenceLength ?? `${this.name}_tokens`]
      return this.#lookup.call([context.emit.input(this.name, 'string', shape)], context)
    }
    const tokens = context.emit.op('lanewise.Tokenize', [x], {
      standardize: standardize ?? '',
      split: split ?? '',
      ...(ngrams && { ngrams }),
      ...(outputSequenceLength !== null && { length: outputSequenceLength }),
    })
    return this.#lookup.call([tokens], context)
  }

  /** With the vocabulary that `adapt` found. */
  protected override config(): KerasConfig {
    const { vocabulary, idf_weights: idfWeights } = this.#lookup.getConfig()
    return { ...super.config(), vocabulary, ...(idfWeights !== undefined && { idf_weights: idfWeights }) }
  }
}
