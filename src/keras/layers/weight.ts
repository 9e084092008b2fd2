import type { DType, NumericDType, TypedArray } from '../../core/dtype.js'
import type { Variable } from '../../core/ir.js'
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

/** A variable of a layer, with what training does to it. Its name follows the layer's. */
export class Weight implements Variable {
  readonly dtype: DType
  readonly regularizer: Regularizer | undefined
  readonly constraint: Constraint | undefined
  /** False for state, whatever the layer's `trainable` says. */
  readonly isParameter: boolean
  readonly #owner: { readonly name: string; readonly trainable: boolean }
  #initial: TypedArray | undefined
  readonly #initializer: Initializer

  constructor(
    owner: { readonly name: string; readonly trainable: boolean },
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
    return `${this.#owner.name}/${this.role}`
  }

  get trainable(): boolean {
    return this.isParameter && this.#owner.trainable
  }

  /** The content before the first training step: drawn from the initializer once. */
  initial(): TypedArray {
    this.#initial ??= this.#initializer.fill(this.shape)
    return this.#initial
  }

  /** Replaces the initial content. */
  setInitial(data: TypedArray): void {
    this.#initial = data
  }
}
