import type { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { invalid, type KerasConfig } from '../config.js'
import { fingerprints } from '../parts.js'
import { adapted } from './adaptations.js'
import type { CallContext } from './context.js'
import { encodeClasses, outputMode } from './encoding.js'
import {
  any,
  axis,
  choice,
  type Field,
  flag,
  maybe,
  neededCount,
  notWritten,
  type OptionsOf,
  only,
  unwritten,
  type ValuesOf,
} from './fields.js'
import { salt } from './hashing.js'
import type { HostLayer } from './host-layer.js'
import { Layer, type LayerOptions } from './layer.js'
import { type AdaptData, batchesOf } from './preprocessing.js'
import { layerError } from './shapes.js'

type Token = string | number

const whole = (fallback: number): Field<number, number> => ({
  ...any(fallback),
  read(value, what) {
    if (!Number.isInteger(value) || value < 0) throw invalid(`${what} must be an integer of 0 or more, got ${value}`)
    return value
  },
})

const modes = ['int', 'one_hot', 'multi_hot', 'count', 'tf_idf'] as const
const modeField = outputMode(modes, 'int')

const lookupFields = {
  maxTokens: maybe(neededCount),
  numOovIndices: whole(1),
  maskToken: any<Token | null>(null),
  oovToken: any<Token | null>(null),
  /** The tokens in order, with or without the special ones before them. */
  vocabulary: any<readonly Token[] | null>(null),
  idfWeights: any<readonly number[] | null>(null),
  invert: flag(false),
  outputMode: {
    ...modeField,
    read: (value: Parameters<typeof modeField.read>[0] | 'tf-idf', what: string, rank: number) =>
      modeField.read(value === 'tf-idf' ? 'tf_idf' : value, what, rank),
  },
  sparse: only(false),
  padToMaxTokens: flag(false),
  vocabularySize: unwritten<number | null>(null),
  /** How unknown integers get one of several buckets; words get theirs by FarmHash always. */
  oovMethod: notWritten(choice(['floormod', 'farmhash'], 'floormod')),
  /** Buckets by SipHash under this key instead. */
  salt,
}
type LookupValues = ValuesOf<typeof lookupFields>

const tokensOf = (tensor: Tensor): readonly Token[] =>
  tensor.type === 'string' ? (tensor.data as readonly string[]) : tensor.toNumbers()

/** Tokens to their places in a vocabulary, and back with `invert`. */
abstract class Lookup<V extends LookupValues> extends Layer<V> implements HostLayer {
  #tokens: readonly Token[] | undefined
  #idf: readonly number[] | undefined

  constructor(
    options: LayerOptions,
    className: string | undefined,
    /** The type of tokens. */
    protected readonly tokenType: 'string' | 'int64',
  ) {
    super(options, className)
    const { vocabulary, idfWeights, invert, outputMode, padToMaxTokens, maxTokens, salt } = this.options
    if (salt && !this.#hashes)
      throw this.#error(
        "a salt goes with several buckets by hashes: numOovIndices of 2 or more, and oovMethod 'farmhash'",
      )
    if (invert && outputMode !== 'int')
      throw this.#error(`invert gives tokens: outputMode must be int, not ${outputMode}`)
    if (padToMaxTokens && maxTokens === null) throw this.#error('padToMaxTokens needs maxTokens')
    if ((idfWeights !== null) !== (outputMode === 'tf_idf' && vocabulary !== null))
      throw this.#error("idfWeights go with a given vocabulary and the output mode 'tf_idf', and that mode needs them")
    if (vocabulary !== null) this.setVocabulary(vocabulary, idfWeights ?? undefined)
  }

  /** Whether the unknown get one of several buckets by a hash. */
  get #hashes(): boolean {
    const { numOovIndices, oovMethod } = this.options
    return numOovIndices > 1 && (this.tokenType === 'string' || oovMethod === 'farmhash')
  }

  /** The bucket of an unknown token among several. */
  #bucketOf(token: Token): number {
    const { numOovIndices, salt } = this.options
    return this.#hashes ? fingerprints().hashBucket(token, numOovIndices, salt) : modulo(Number(token), numOovIndices)
  }

  #error(message: string): LanewiseError {
    return layerError(this, message)
  }

  get #hasMaskIndex(): boolean {
    return this.options.maskToken !== null && this.options.outputMode === 'int'
  }

  get #oovStart(): number {
    return this.#hasMaskIndex ? 1 : 0
  }

  get #special(): readonly (Token | null)[] {
    const { maskToken, oovToken, numOovIndices } = this.options
    return [...(this.#hasMaskIndex ? [maskToken] : []), ...new Array<Token | null>(numOovIndices).fill(oovToken)]
  }

  /** All tokens by their index; the special ones come first, unless they are left out. Throws INVALID_ARGUMENT before `adapt`. */
  getVocabulary({ includeSpecialTokens = true } = {}): readonly (Token | null)[] {
    const tokens = this.#known
    return includeSpecialTokens ? [...this.#special, ...tokens] : tokens
  }

  get vocabularySize(): number {
    return this.#special.length + this.#known.length
  }

  get #known(): readonly Token[] {
    if (!this.#tokens) throw this.#error('it has no vocabulary yet: give one, or call adapt')
    return this.#tokens
  }

  /** Replaces the vocabulary. Throws INVALID_ARGUMENT for tokens given twice, or more than maxTokens. */
  setVocabulary(vocabulary: readonly Token[], idfWeights?: readonly number[]): void {
    const special = this.#special
    const isListed = special.length > 0 && special.every((token, i) => vocabulary[i] === token)
    const tokens = isListed ? vocabulary.slice(special.length) : [...vocabulary]
    const wanted = this.tokenType === 'string' ? 'string' : 'number'
    if (tokens.length === 0) throw this.#error('a vocabulary needs tokens')
    const wrong = tokens.find((token) => typeof token !== wanted)
    if (wrong !== undefined) throw this.#error(`its tokens are ${wanted}s, got ${JSON.stringify(wrong)}`)
    const twice = tokens.find((token, i) => tokens.indexOf(token) !== i)
    if (twice !== undefined && new Set(tokens).size < tokens.length)
      throw this.#error(`token '${twice}' is given twice`)
    const { maxTokens, maskToken, oovToken, invert } = this.options
    for (const reserved of [maskToken, ...(invert ? [oovToken] : [])])
      if (reserved !== null && tokens.includes(reserved))
        throw this.#error(`'${reserved}' is reserved; the special tokens come first: ${JSON.stringify(special)}`)
    const size = special.length + tokens.length
    if (maxTokens !== null && size > maxTokens) throw this.#error(`${size} tokens are more than maxTokens ${maxTokens}`)
    if (idfWeights && idfWeights.length !== vocabulary.length)
      throw this.#error(`${idfWeights.length} idfWeights for ${vocabulary.length} tokens`)
    this.#tokens = tokens
    this.#idf = idfWeights && (isListed ? idfWeights : this.#padded(idfWeights))
    adapted()
  }

  /** Weights of the special tokens are the mean of the others. */
  #padded(weights: readonly number[]): readonly number[] {
    const mean = weights.reduce((a, b) => a + b, 0) / weights.length
    return [...this.#special.map(() => mean), ...weights]
  }

  /**
   * Takes the tokens of `data` for the vocabulary, the most frequent first, at most `maxTokens`; for tf_idf, rows are
   * documents. Throws INVALID_ARGUMENT for a layer with a given vocabulary.
   */
  async adapt(data: AdaptData | readonly Token[]): Promise<void> {
    const { vocabulary, maskToken, oovToken, maxTokens, outputMode } = this.options
    if (vocabulary !== null) throw this.#error('it has a given vocabulary: there is nothing to adapt')
    const list = Array.isArray(data) && data.every((item) => typeof item !== 'object')
    const all = list ? new Tensor(this.tokenType, data as string[], [data.length, 1]) : (data as AdaptData)
    const { countTokens, mostFrequent } = await import('./adapting.js')
    const { counts, documents, rows } = await countTokens<Token>(
      batchesOf(all, `the data of '${this.name}'`),
      (batch) => {
        this.#check(batch)
        return tokensOf(batch)
      },
    )
    for (const special of [maskToken, oovToken]) if (special !== null) counts.delete(special)
    if (counts.size === 0) throw this.#error('the data holds no tokens')
    const most = maxTokens === null ? counts.size : maxTokens - this.#special.length
    this.#tokens = mostFrequent(counts, most)
    adapted()
    if (outputMode === 'tf_idf')
      this.#idf = this.#padded(this.#tokens.map((token) => Math.log(1 + rows / (1 + documents.get(token)!))))
  }

  #check(tensor: Tensor): void {
    const isText = tensor.type === 'string'
    if (isText !== (this.tokenType === 'string' && !this.options.invert))
      throw layerError(this, `takes ${isText ? 'integers' : 'strings'}, got ${tensor.type}`, 'TYPE_MISMATCH')
  }

  /** Places of tokens, and where a token that is not among them goes; -1: nowhere. */
  get #table(): { readonly tokens: readonly Token[]; readonly places: readonly number[]; readonly otherwise: number } {
    const { maskToken, numOovIndices } = this.options
    const start = this.#special.length
    const masked = maskToken === null ? [] : [maskToken]
    return {
      tokens: [...this.#known, ...masked],
      places: [...this.#known.map((_, i) => start + i), ...masked.map(() => (this.#hasMaskIndex ? 0 : -1))],
      otherwise: numOovIndices === 1 ? this.#oovStart : -1,
    }
  }

  get #depth(): number {
    const { padToMaxTokens, maxTokens } = this.options
    return padToMaxTokens ? maxTokens! : this.vocabularySize
  }

  /**
   * What the layer gives for tokens, or with `invert` for their places: int64 or strings. The output modes beside int are
   * for models. Throws TYPE_MISMATCH, and INVALID_DATA for an unknown token where there is no place for those.
   */
  onHost(x: Tensor): Tensor {
    this.#check(x)
    const { invert, maskToken, numOovIndices, oovToken } = this.options
    if (invert) {
      const all = this.getVocabulary()
      const back = x.toNumbers().map((place) => all[place] ?? oovToken ?? '')
      return new Tensor(this.tokenType, back as string[], x.dims)
    }
    const { tokens, places, otherwise } = this.#table
    const table = new Map(tokens.map((token, i) => [token, places[i]]))
    const found = tokensOf(x).map((token) => {
      const place = table.get(token)
      if (place !== undefined) return place
      if (numOovIndices === 0)
        throw layerError(
          this,
          `${JSON.stringify(token)} is not in the vocabulary; numOovIndices 1 gives a place for such${maskToken === null ? '' : ', too'}`,
          'INVALID_DATA',
        )
      return numOovIndices === 1 ? otherwise : this.#oovStart + this.#bucketOf(token)
    })
    return new Tensor('int64', found, x.dims)
  }

  async ready(): Promise<void> {
    if (this.#hashes) await fingerprints.load()
  }

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const { invert } = this.options
    if (context.typesOnly) {
      const found = emit.input(this.name, invert ? this.tokenType : 'int64', x.shape)
      return invert ? found : this.afterHost(found, context)
    }
    if (invert) {
      const values = this.getVocabulary().map((token) => token ?? '')
      return emit.op('ai.onnx.ml.LabelEncoder', [emit.cast(x, 'int64')], {
        keys_int64s: values.map((_, i) => i),
        ...(this.tokenType === 'string'
          ? { values_strings: values as string[], default_string: String(this.options.oovToken ?? '') }
          : { values_int64s: values as number[], default_int64: Number(this.options.oovToken ?? -1) }),
      })
    }
    return this.afterHost(this.#places(x, context), context)
  }

  #places(x: Value, { emit }: CallContext): Value {
    const { numOovIndices } = this.options
    const { tokens, places, otherwise } = this.#table
    const keys =
      this.tokenType === 'string' ? { keys_strings: tokens as string[] } : { keys_int64s: tokens as number[] }
    const wide = this.tokenType === 'int64' ? emit.cast(x, 'int64') : x
    const found = emit.op('ai.onnx.ml.LabelEncoder', [wide], {
      ...keys,
      values_int64s: places,
      default_int64: numOovIndices > 1 ? -2 : otherwise,
    })
    if (numOovIndices <= 1) return found
    const { salt } = this.options
    const bucket = this.#hashes
      ? emit.op('lanewise.HashBucket', [wide], { buckets: numOovIndices, ...(salt && { salt }) })
      : emit.op('Mod', [wide, emit.scalar(numOovIndices, 'int64')])
    return emit.where(emit.equal(found, -2), emit.add(bucket, this.#oovStart), found)
  }

  /** Places in the layer's output mode. */
  afterHost(places: Value, { emit }: CallContext): Value {
    const { outputMode } = this.options
    if (outputMode === 'int') return places
    const mode = outputMode === 'tf_idf' ? 'count' : outputMode
    const encoded = encodeClasses(emit, emit.cast(places, 'int32'), mode, this.#depth)
    if (outputMode !== 'tf_idf') return encoded
    const weights = [...this.#idf!, ...new Array<number>(this.#depth - this.#idf!.length).fill(0)]
    return emit.mul(encoded, emit.constant(new Tensor('float32', weights, [weights.length])))
  }

  /** With the vocabulary that `adapt` found. */
  protected override config(): KerasConfig {
    const { vocabulary, idfWeights, outputMode } = this.options
    return {
      ...super.config(),
      vocabulary: vocabulary ?? (this.#tokens ? this.getVocabulary() : null),
      ...(outputMode === 'tf_idf' && { idf_weights: idfWeights ?? this.#idf ?? null }),
    }
  }
}

const modulo = (a: number, n: number) => ((a % n) + n) % n

const stringFields = {
  ...lookupFields,
  oovToken: any<string | null>('[UNK]'),
  encoding: only('utf-8'),
}

/** Words to their places in a vocabulary: string tensors in, which stay on the host, int64 or rows of classes out. */
export class StringLookup extends Lookup<ValuesOf<typeof stringFields>> {
  static override readonly fields = stringFields

  constructor(options: LayerOptions & OptionsOf<typeof stringFields> = {}, className?: string) {
    super(options as LayerOptions, className, 'string')
  }
}

const integerFields = {
  ...lookupFields,
  oovToken: axis(-1) as Field<number | null, number | null>,
  vocabularyDtype: only('int64'),
}

/** Integers to their places in a vocabulary. */
export class IntegerLookup extends Lookup<ValuesOf<typeof integerFields>> {
  static override readonly fields = integerFields

  constructor(options: LayerOptions & OptionsOf<typeof integerFields> = {}, className?: string) {
    super(options as LayerOptions, className, 'int64')
  }
}
