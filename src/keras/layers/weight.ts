import type { MaybePromise } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import type { DType, NumericDType, TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Variable } from '../../core/ir.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { Constraint } from '../constraints.js'
import type { Initializer } from '../initializers.js'
import type { Regularizer } from '../regularizers.js'

export interface WeightOptions {
  readonly initializer: Initializer
  /** False for statistics and other state that the optimizer leaves alone. */
  readonly trainable?: boolean
  readonly regularizer?: Regularizer
  readonly constraint?: Constraint
  readonly dtype?: NumericDType
}

/** Initializers give float32; weights of other types hold the same numbers. */
const typedAs = (dtype: DType, content: Float32Array) => (dtype === 'float32' ? content : [...content])

/** A variable of a layer, with what training does to it. Its name follows the layer's. */
export class Weight implements Variable {
  readonly dtype: DType
  readonly regularizer: Regularizer | undefined
  readonly constraint: Constraint | undefined
  /** False for state, whatever the layer's `trainable` says. */
  readonly isParameter: boolean
  readonly #owner: { readonly path: string; readonly trainable: boolean }
  #initial: Tensor | undefined
  readonly #initializer: Initializer

  constructor(
    owner: { readonly path: string; readonly trainable: boolean },
    /** The part after the layer's name: `kernel`, `bias`. */
    readonly role: string,
    readonly shape: readonly number[],
    options: WeightOptions,
  ) {
    this.#owner = owner
    this.#initializer = options.initializer
    this.isParameter = options.trainable ?? true
    this.regularizer = options.regularizer
    this.constraint = options.constraint
    this.dtype = options.dtype ?? 'float32'
  }

  get name(): string {
    return `${this.#owner.path}/${this.role}`
  }

  get trainable(): boolean {
    return this.isParameter && this.#owner.trainable
  }

  readonly #holders = new Set<object>()
  #home: VariableStore | undefined
  #released = false

  /** Where the content lives once a backend holds it. */
  get home(): VariableStore | undefined {
    return this.#home
  }

  /** What a backend gave that reads asynchronously: current as long as the store counts no more changes. */
  #copy: { readonly changes: number; readonly content: TypedArray } | undefined

  /** A copy of the current content: drawn from the initializer when first asked for. Throws DISPOSED after `release`. */
  read(): MaybePromise<Tensor> {
    if (this.#home) {
      const { changes } = this.#home
      const wrap = (content: TypedArray) => new Tensor(this.dtype, content, this.shape)
      if (this.#copy?.changes === changes) return wrap(this.#copy.content.slice())
      const data = this.#home.storageOf(this).read()
      if (!(data instanceof Promise)) return wrap(data)
      return data.then((content) => {
        this.#copy = { changes, content }
        return wrap(content.slice())
      })
    }
    return this.#drawn()
  }

  /** The content while no backend holds it. */
  #drawn(): Tensor {
    if (this.#released)
      throw new LanewiseError('DISPOSED', `weight '${this.name}' went when its model was disposed of; set it anew`)
    this.#initial ??= new Tensor(this.dtype, typedAs(this.dtype, this.#filled()), this.shape)
    return this.#initial
  }

  #filled(): Float32Array {
    try {
      return this.#initializer.fill(this.shape)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      const { name, shape } = this
      throw new LanewiseError('OUT_OF_MEMORY', `weight '${name}' ${formatShape(shape)} does not fit into memory`, {
        cause,
      })
    }
  }

  /**
   * Moves the content to `store`, where it stays until every holder has released it; a store that has it joins. Throws
   * INVALID_ARGUMENT if it is in another backend.
   */
  moveTo(store: VariableStore, holder: object): void {
    if (this.#home && !store.join(this.#home))
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `weight '${this.name}' lives in another backend; models that share layers must share the backend too`,
      )
    this.#holders.add(holder)
    if (this.#home) return
    store.write(this, this.#drawn())
    this.#home = store
    this.#initial = undefined
  }

  /** Replaces the content. Throws SHAPE_MISMATCH or TYPE_MISMATCH. */
  write(content: Tensor): void {
    if (!(content instanceof Tensor))
      throw new LanewiseError('TYPE_MISMATCH', `weight '${this.name}' takes a Tensor, got ${content}`)
    if (content.type !== this.dtype)
      throw new LanewiseError('TYPE_MISMATCH', `weight '${this.name}' is ${this.dtype}, got ${content.type}`)
    if (!sameShape(content.dims, this.shape))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `weight '${this.name}' has the shape ${formatShape(this.shape)}, got ${formatShape(content.dims)}`,
      )
    this.#copy = undefined
    if (this.#home) this.#home.write(this, content)
    else this.#initial = new Tensor(this.dtype, (content.data as TypedArray).slice(), this.shape)
    this.#released = false
  }

  /** Gives back the backend's memory once no holder is left. */
  release(holder: object): void {
    if (!this.#holders.delete(holder) || this.#holders.size > 0) return
    this.#home?.release(this)
    this.#home = undefined
    this.#copy = undefined
    this.#released = true
  }
}

/** Copies of the current contents. Throws INVALID_ARGUMENT where they cannot be had at once. */
export const readNow = (weights: readonly Weight[]): Tensor[] =>
  weights.map((weight) => {
    const content = weight.read()
    if (content instanceof Promise)
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        'the weights lie on the GPU or with a worker; `await model.readVariables()` first, which leaves copies here (`exportOnnx` needs none)',
      )
    return content
  })
