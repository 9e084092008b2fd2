import type { Value } from '../../core/ir.js'
import { checkOptions } from '../../core/options.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid, type KerasObject, kerasObject, snakeCase } from '../config.js'
import type { Weight } from '../layers/weight.js'
import { type LearningRateLike, resolveLearningRate, Schedule } from './schedules.js'

/** Options of every optimizer, as in Keras 3. */
export interface OptimizerOptions {
  readonly learningRate?: LearningRateLike
  readonly name?: string
  /** Decoupled: each weight shrinks by learning rate times this before its update. */
  readonly weightDecay?: number | null
  /** Limits the norm of each gradient. */
  readonly clipnorm?: number | null
  /** Limits the norm of all gradients together. */
  readonly globalClipnorm?: number | null
  /** Limits each element of the gradients. */
  readonly clipvalue?: number | null
  /** Keeps a moving average of each weight, which takes the weight's place at the end of `fit`. */
  readonly useEma?: boolean
  /** Share of the average that each batch keeps; 0.99 unless given. */
  readonly emaMomentum?: number
  /** The averages also take the weights' place after every so many updates. */
  readonly emaOverwriteFrequency?: number | null
  /** The loss is multiplied by this before its gradients are taken, which are divided by it. */
  readonly lossScaleFactor?: number | null
  /** Gradients are averaged over so many steps before an update. */
  readonly gradientAccumulationSteps?: number | null
}

const baseDefaults = {
  weightDecay: null,
  clipnorm: null,
  globalClipnorm: null,
  clipvalue: null,
  useEma: false,
  emaMomentum: 0.99,
  emaOverwriteFrequency: null,
  lossScaleFactor: null,
  gradientAccumulationSteps: null,
} as const satisfies OptimizerOptions

/** One weight's part of an update. */
export interface UpdateContext {
  readonly emit: Emitter
  readonly weight: Value
  /** The weight before it decayed. */
  readonly undecayed: Value
  readonly gradient: Value
  /**
   * Where the gradient is rows of an embedding: the sum of their squares, each row of the batch by itself, as TensorFlow squares
   * such gradients. Else undefined: the square is the gradient's own.
   */
  readonly squaredRows?: Value | undefined
  /** The slots that this weight has. */
  readonly slots: readonly Value[]
  /** A scalar that the host computes before each step. */
  rate(name: string): Value
}

export interface UpdateResult {
  readonly weight: Value
  readonly slots: readonly Value[]
}

/** State of a weight: of its shape, or of the one that `shape` gives (undefined: such weights have no such slot). */
export interface Slot {
  readonly name: string
  readonly initial: number
  readonly shape?: (weight: readonly number[], name: string) => readonly number[] | undefined
}

/** What rules may ask of a weight. */
export type WeightInfo = Pick<Weight, 'name' | 'shape'>

/** What sets one optimizer apart, for its own options `O`. */
export interface Rule<O extends object> {
  readonly learningRate: number
  readonly weightDecay?: number
  readonly defaults: O
  slots(options: O): readonly Slot[]
  /** Scalars for the update that follows `step` others, besides `learning_rate`. */
  rates?(options: O, learningRate: number, step: number): Record<string, number>
  /** Options that may be null, which then is not the default. */
  readonly nullable?: readonly (keyof O & string)[]
  /** The weight decay of a weight, where it is not the option `weightDecay` for all. */
  decay?(options: O, weight: WeightInfo, weightDecay: number | null): number | null
  update(options: O, context: UpdateContext): UpdateResult
}

/** Keras's name of an option: `beta1` is `beta_1`. */
const kerasName = (option: string) => snakeCase(option.replace(/([a-z]{2})(\d)/g, '$1_$2'))

/** Writes the update of a weight, and computes the scalars that change from step to step. */
export class Optimizer<O extends object = object> {
  /** The state kept for a weight. */
  readonly slots: readonly Slot[]
  readonly options: OptimizerOptions
  /** A number, or a schedule; may be changed between steps. */
  learningRate: number | Schedule
  /** Batches seen. */
  iterations = 0
  readonly #rule: Rule<O>
  readonly #own: O
  readonly #undecayed: (string | object)[] = []

  constructor(
    readonly className: string,
    rule: Rule<O>,
    options: OptimizerOptions & Partial<O>,
  ) {
    const pick = <T extends object>(defaults: T): T =>
      Object.fromEntries(
        Object.entries(defaults).map(([name, value]) => [name, (options as Record<string, unknown>)[name] ?? value]),
      ) as T
    this.#rule = rule
    const given = options as Record<string, unknown>
    const nulls = (rule.nullable ?? []).filter((name) => given[name] === null).map((name) => [name, null])
    this.#own = { ...pick(rule.defaults), ...Object.fromEntries(nulls) }
    this.options = {
      name: options.name ?? snakeCase(className),
      ...pick<OptimizerOptions>({ ...baseDefaults, weightDecay: rule.weightDecay ?? null }),
    }
    this.slots = rule.slots(this.#own)
    this.learningRate = resolveLearningRate(options.learningRate ?? rule.learningRate)
    this.#check()
  }

  #check(): void {
    const { clipnorm, globalClipnorm, clipvalue, emaMomentum = 0 } = this.options
    const fail = (what: string) => {
      throw invalid(`${this.className}: ${what}`)
    }
    if ([clipnorm, globalClipnorm, clipvalue].filter((limit) => limit !== null).length > 1)
      fail('give one of clipnorm, globalClipnorm and clipvalue')
    const { momentum = 0 } = this.#own as { momentum?: number }
    for (const [name, value] of Object.entries({ momentum, emaMomentum }))
      if (!(value >= 0 && value <= 1)) fail(`${name} must be in [0, 1], got ${value}`)
    for (const name of ['gradientAccumulationSteps', 'emaOverwriteFrequency'] as const) {
      const value = this.options[name] ?? 1
      if (!Number.isInteger(value) || value < 1) fail(`${name} must be an integer of 1 or more, got ${value}`)
    }
  }

  update(context: UpdateContext): UpdateResult {
    return this.#rule.update(this.#own, context)
  }

  /** The slots of a weight of that shape. */
  slotsFor({
    shape: sizes,
    name: path,
  }: WeightInfo): { readonly name: string; readonly initial: number; shape: readonly number[] }[] {
    return this.slots.flatMap(({ name, initial, shape }) => {
      const own = shape ? shape(sizes, path) : sizes
      return own ? [{ name, initial, shape: own }] : []
    })
  }

  /** Values of the scalars that a step asks for, by name; `step` counts updates from 0. */
  rates(learningRate: number, step: number): Record<string, number> {
    const { emaMomentum = 0, emaOverwriteFrequency } = this.options
    return {
      learning_rate: learningRate,
      ...this.#rule.rates?.(this.#own, learningRate, step),
      ema_momentum: step === 0 ? 0 : emaMomentum,
      ema_overwrite: emaOverwriteFrequency && (step + 1) % emaOverwriteFrequency === 0 ? 1 : 0,
    }
  }

  get accumulationSteps(): number {
    return this.options.gradientAccumulationSteps ?? 1
  }

  /** Number of updates made. */
  get updates(): number {
    return Math.floor(this.iterations / this.accumulationSteps)
  }

  /** The learning rate of the next update. */
  get currentLearningRate(): number {
    return this.learningRate instanceof Schedule ? this.learningRate.at(this.updates) : this.learningRate
  }

  /** Weights that do not decay: those of `varList`, and those whose names contain one of `varNames`. To be called before training. */
  excludeFromWeightDecay({ varList = [], varNames = [] }: { varList?: object[]; varNames?: string[] }): void {
    this.#undecayed.push(...varList, ...varNames)
  }

  /** The gradients after clipping. */
  clip(gradients: readonly Value[], emit: Emitter): readonly Value[] {
    const { clipnorm, globalClipnorm, clipvalue } = this.options
    const squares = (gradient: Value) => emit.sum(emit.square(gradient))
    const limit = (gradient: Value, total: Value, most: number) =>
      emit.mul(gradient, emit.div(most, emit.maximum(emit.sqrt(total), most)))
    if (clipnorm) return gradients.map((gradient) => limit(gradient, squares(gradient), clipnorm))
    if (globalClipnorm && gradients.length > 0) {
      const total = gradients.map(squares).reduce((a, b) => emit.add(a, b))
      return gradients.map((gradient) => limit(gradient, total, globalClipnorm))
    }
    if (clipvalue) return gradients.map((gradient) => emit.clip(gradient, -clipvalue, clipvalue))
    return gradients
  }

  /** The content of `weight` after decay, before its update. */
  decay(weight: WeightInfo, value: Value, { emit, rate }: Pick<UpdateContext, 'emit' | 'rate'>): Value {
    const { weightDecay: common = null } = this.options
    const weightDecay = this.#rule.decay ? this.#rule.decay(this.#own, weight, common) : common
    const excluded = this.#undecayed.some((item) =>
      typeof item === 'string' ? weight.name.includes(item) : item === weight,
    )
    if (!weightDecay || excluded) return value
    return emit.sub(value, emit.mul(value, emit.mul(rate('learning_rate'), weightDecay)))
  }

  /** Throws INVALID_ARGUMENT where the learning rate is a function. */
  serialize(): KerasObject {
    const { name, ...options } = this.options
    const config = Object.entries({ ...options, ...this.#own }).map(([key, value]) => [kerasName(key), value])
    return kerasObject('keras.optimizers', this.className, {
      name,
      learning_rate: this.learningRate instanceof Schedule ? this.learningRate.serialize() : this.learningRate,
      ...Object.fromEntries(config),
    })
  }
}

/** A way to make optimizers by `rule`. Throws INVALID_ARGUMENT naming an option that is not known, unless `lenient`. */
export const optimizer =
  <O extends object>(className: string, rule: Rule<O>) =>
  (options: OptimizerOptions & Partial<O> = {}, lenient = false): Optimizer => {
    if (!lenient) checkOptions(className, options, { learningRate: 0, name: 0, ...baseDefaults, ...rule.defaults })
    return new Optimizer(className, rule, options) as unknown as Optimizer
  }
