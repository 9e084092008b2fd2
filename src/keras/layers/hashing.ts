import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { fingerprints } from '../parts.js'
import type { CallContext } from './context.js'
import { binsPolicy, encodeClasses, integers, type OutputMode, outputMode } from './encoding.js'
import { any, type Field, neededCount, type OptionsOf, only, type ValuesOf } from './fields.js'
import type { HostLayer } from './host-layer.js'
import { Layer, type LayerOptions } from './layer.js'
import { formatKerasShape, type KerasShape, layerError } from './shapes.js'

type Salt = number | readonly number[] | null

/** The key of SipHash: two integers, or one for both. */
export const salt: Field<Salt, readonly number[] | null> = {
  ...any<Salt>(null),
  read(value, what) {
    const key = typeof value === 'number' ? [value, value] : value
    if (key !== null && !(key.length === 2 && key.every((item) => Number.isSafeInteger(item) && item >= 0)))
      throw invalid(`${what} must be an integer of 0 or more, or two of them, got ${JSON.stringify(value)}`)
    return key
  },
  write: (value) => value,
}

type Token = string | bigint | number
const tokensOf = (tensor: Tensor): readonly Token[] => Array.from(tensor.data as ArrayLike<Token>)

/** Layers whose bins strings get from the host, integers where the model runs. */
abstract class Binning<V extends { readonly numBins: number; readonly outputMode: OutputMode }>
  extends Layer<V>
  implements HostLayer
{
  static override readonly policies = [...Layer.policies, ...integers]

  protected override dtypeConfig(): unknown {
    return binsPolicy(this.dtype, this.options.outputMode)
  }

  abstract onHost(...inputs: readonly Tensor[]): Tensor
  /** The bins of strings or integers, int64. */
  protected abstract binsOf(inputs: readonly Value[], emit: Emitter): Value

  ready(): Promise<unknown> {
    return fingerprints.load()
  }

  call(inputs: readonly Value[], context: CallContext): Value {
    const { emit, typesOnly } = context
    const bins = typesOnly ? emit.input(this.name, 'int64', inputs[0].shape) : this.binsOf(inputs, emit)
    return this.afterHost(bins, context)
  }

  afterHost(bins: Value, { emit }: CallContext): Value {
    const { numBins, outputMode } = this.options
    return outputMode === 'int' ? bins : encodeClasses(emit, emit.cast(bins, 'int32'), outputMode, numBins)
  }
}

const hashingFields = {
  numBins: neededCount,
  maskValue: any<string | number | null>(null),
  salt,
  outputMode: outputMode(['int', 'one_hot', 'multi_hot', 'count'] as const, 'int'),
  sparse: only(false),
}

/** Strings or integers to bins by their hash, the same bins as in TensorFlow; `maskValue` has bin 0 for itself. */
export class Hashing extends Binning<ValuesOf<typeof hashingFields>> {
  static override readonly fields = hashingFields

  constructor(options: LayerOptions & OptionsOf<typeof hashingFields>, className?: string) {
    super(options as LayerOptions, className)
  }

  /** Whether bin 0 is the mask's, which takes another bin. */
  get #isMasked(): boolean {
    return this.options.maskValue !== null && this.options.numBins > 1
  }

  get #buckets(): number {
    return this.options.numBins - (this.#isMasked ? 1 : 0)
  }

  /** The bins of strings or integers, int64. */
  onHost(x: Tensor): Tensor {
    const { maskValue, salt } = this.options
    const { hashBucket } = fingerprints()
    const bins = tokensOf(x).map((token) => {
      if (!this.#isMasked) return hashBucket(token, this.#buckets, salt)
      return String(token) === String(maskValue) ? 0 : 1 + hashBucket(token, this.#buckets, salt)
    })
    return new Tensor('int64', bins, x.dims)
  }

  protected binsOf([x]: readonly Value[], emit: Emitter): Value {
    const { maskValue, salt } = this.options
    const tokens = x.dtype === 'string' ? x : emit.cast(x, 'int64')
    const buckets = emit.op('lanewise.HashBucket', [tokens], { buckets: this.#buckets, ...(salt && { salt }) })
    if (!this.#isMasked || typeof maskValue !== 'number') return buckets
    return emit.where(emit.equal(tokens, maskValue), emit.scalar(0, 'int64'), emit.add(buckets, 1))
  }
}

const crossingFields = {
  numBins: neededCount,
  outputMode: outputMode(['int', 'one_hot'] as const, 'int'),
  sparse: only(false),
}

/** Several features, strings or integers of shape [batch] or [batch, 1], together to a bin by their hash, as in TensorFlow. */
export class HashedCrossing extends Binning<ValuesOf<typeof crossingFields>> {
  static override readonly fields = crossingFields

  constructor(options: LayerOptions & OptionsOf<typeof crossingFields>, className?: string) {
    super(options as LayerOptions, className)
  }

  protected override build(shapes: readonly KerasShape[]): void {
    const [first] = shapes
    const isColumn = first.length === 1 || (first.length === 2 && first[1] === 1)
    if (
      shapes.length < 2 ||
      !isColumn ||
      !shapes.every((shape) => shape.length === first.length && shape.at(-1) === first.at(-1))
    )
      throw layerError(
        this,
        `takes two features or more of one shape, (batch) or (batch, 1), got ${shapes.map(formatKerasShape).join(', ')}`,
        'SHAPE_MISMATCH',
      )
  }

  /** The bins of the features' rows, int64. */
  onHost(...features: readonly Tensor[]): Tensor {
    const columns = features.map(tokensOf)
    const bins = columns[0].map((_, row) =>
      fingerprints().crossBucket(
        columns.map((column) => column[row]),
        this.options.numBins,
      ),
    )
    return new Tensor('int64', bins, features[0].dims)
  }

  protected binsOf(features: readonly Value[], emit: Emitter): Value {
    const tokens = features.map((x) => (x.dtype === 'string' ? x : emit.cast(x, 'int64')))
    return emit.op('lanewise.CrossBucket', tokens, { buckets: this.options.numBins })
  }
}
