import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { activations } from '../activations.js'
import type { CallContext } from './context.js'
import {
  axes,
  constraint,
  initializer,
  maybe,
  neededActivation,
  neededIntegers,
  number,
  regularizer,
  type ValuesOf,
} from './fields.js'
import { Layer } from './layer.js'
import { type KerasShape, knownDim } from './shapes.js'

const activationFields = { activation: neededActivation }

/** An activation by its name, or a function of one's own. */
export class Activation extends Layer<ValuesOf<typeof activationFields>> {
  static override readonly fields = activationFields
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[], { emit }: CallContext): Value {
    return this.options.activation.function(x, emit)
  }
}

const reluFields = { maxValue: maybe(number(0)), negativeSlope: number(0), threshold: number(0) }

/** max(x, 0), with an upper limit, a slope below the threshold, and a threshold. */
export class ReLU extends Layer<ValuesOf<typeof reluFields>> {
  static override readonly fields = reluFields
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[], { emit }: CallContext): Value {
    return activations.relu(x, emit, this.options)
  }
}

const leakyFields = { negativeSlope: number(0.3) }

export class LeakyReLU extends Layer<ValuesOf<typeof leakyFields>> {
  static override readonly fields = leakyFields
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[], { emit }: CallContext): Value {
    return activations.leakyRelu(x, emit, this.options)
  }
}

const eluFields = { alpha: number(1) }

export class ELU extends Layer<ValuesOf<typeof eluFields>> {
  static override readonly fields = eluFields
  static override readonly passesMask: boolean = true
  call([x]: readonly Value[], { emit }: CallContext): Value {
    return activations.elu(x, emit, this.options)
  }
}

const preluFields = {
  alphaInitializer: initializer('zeros'),
  alphaRegularizer: regularizer,
  alphaConstraint: constraint,
  sharedAxes: maybe(neededIntegers),
}

/** max(x, 0) + alpha min(x, 0) with a learned alpha for each element of a sample; one along `sharedAxes` (from 1). */
export class PReLU extends Layer<ValuesOf<typeof preluFields>> {
  static override readonly fields = preluFields
  static override readonly passesMask: boolean = true

  protected override build([shape]: readonly KerasShape[]): void {
    const shared = (this.options.sharedAxes ?? []).map((axis) => normalizeAxis(axis, shape.length))
    const sizes = shape.slice(1).map((_, i) => (shared.includes(i + 1) ? 1 : knownDim(this, shape, i + 1)))
    this.addOwn('alpha', sizes)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.op('PRelu', [x, emit.variable(this.weightsHere[0])])
  }
}

const softmaxFields = { axis: axes(-1) }

/** Over one axis, or over several together; where a `mask` (bool) is false, the result is 0. */
export class Softmax extends Layer<ValuesOf<typeof softmaxFields>> {
  static override readonly fields = softmaxFields
  static override readonly passesMask: boolean = true

  override get signature(): readonly string[] {
    return ['inputs', 'mask']
  }

  call([x]: readonly Value[], { emit }: CallContext, { mask }: { mask?: Value } = {}): Value {
    return activations.softmax(mask ? emit.where(emit.cast(mask, 'bool'), x, -1e9) : x, emit, this.options)
  }
}
