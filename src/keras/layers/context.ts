import { LanewiseError } from '../../core/errors.js'
import type { Value, Variable } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'

export interface CallContextOptions {
  readonly training: boolean
  /** Gives the number of the training step, an int32 scalar; needed while training. */
  readonly step?: () => Value
  /** Seed of layers that have none of their own. */
  readonly seed?: number
  /** The first number that `nextStream` gives. */
  readonly firstStream?: number
  /** Masks by value that are known, and where those of this pass are added. */
  readonly masks?: Map<Value, Value>
  /** Whether nothing but the types of outputs is asked for: what is written may stand for nodes. */
  readonly typesOnly?: boolean
}

/** What layers make of the targets of an output, of which `sparse` says that they are class numbers. */
export type TargetChange = (target: Value, output: string, sparse: boolean | undefined) => Value

/** What a layer may use while it writes its nodes. */
export class CallContext {
  readonly emit: GraphBuilder
  readonly seed: number
  /** Penalties of this pass (scalars), to be added to the loss. */
  readonly losses: Value[] = []
  readonly #updates = new Map<Variable, Value>()
  /** What becomes of the targets of this pass, one after the other, as layers mix its samples. */
  readonly targetChanges: TargetChange[] = []
  readonly masks: Map<Value, Value>
  readonly typesOnly: boolean
  readonly #step: (() => Value) | undefined
  #streams: number
  #training: boolean

  constructor(emit: GraphBuilder, options: CallContextOptions) {
    this.emit = emit
    this.#training = options.training
    this.seed = options.seed ?? 0
    this.masks = options.masks ?? new Map()
    this.typesOnly = options.typesOnly ?? false
    this.#step = options.step
    this.#streams = options.firstStream ?? 0
  }

  /** Whether layers do what they do while training: drop out, take the statistics of the batch. */
  get training(): boolean {
    return this.#training
  }

  /** Has `write` written as in training, or as in inference, whatever the pass is. */
  during<T>(training: boolean, write: () => T): T {
    const outer = this.#training
    this.#training = training
    try {
      return write()
    } finally {
      this.#training = outer
    }
  }

  /** The number of the training step, int32 scalar. Throws INVALID_ARGUMENT outside of training. */
  get step(): Value {
    if (!this.#step)
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        'noise needs the number of the training step: dropout and the like cannot be asked for outside of fit, as by training: true',
      )
    return this.#step()
  }

  /** A number for each random op of the pass, so that no two share their random numbers. */
  nextStream(): number {
    return this.#streams++
  }

  /** New contents of statistics, to be stored after a training step. */
  get updates(): readonly { readonly variable: Variable; readonly value: Value }[] {
    return [...this.#updates].map(([variable, value]) => ({ variable, value }))
  }

  /** After a training step `variable` takes the content of `value`; nothing outside of training unless `always`. */
  update(variable: Variable, value: Value, always = false): void {
    if (this.training || always) this.#updates.set(variable, value)
  }

  /** What the pass has made of the content of `variable` so far: layers that are applied several times update it in turn. */
  current(variable: Variable): Value {
    return this.#updates.get(variable) ?? this.emit.variable(variable)
  }

  /** Which steps of a sequence count: bool, of the leading axes of `value`. undefined: all. */
  maskOf(value: Value): Value | undefined {
    return this.masks.get(value)
  }

  setMask(value: Value, mask: Value): void {
    this.masks.set(value, mask)
  }

  /** Adds a scalar to the loss. */
  addLoss(value: Value): void {
    this.losses.push(value)
  }
}
