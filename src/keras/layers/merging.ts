import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import type { KerasConfig } from '../config.js'
import type { CallContext } from './context.js'
import { type KerasShape, Layer, type LayerOptions } from './layer.js'

/** Combines two or more inputs element by element, with broadcasting. */
abstract class Merge extends Layer {
  protected abstract merge(inputs: readonly Value[], emit: Emitter): Value

  protected override build(shapes: readonly KerasShape[]): void {
    if (shapes.length < 2)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `layer '${this.name}' (${this.className}) takes a list of two inputs or more, got ${shapes.length}`,
      )
  }

  call(inputs: readonly Value[], { emit }: CallContext): Value {
    return this.merge(inputs, emit)
  }

  protected config(): KerasConfig {
    return {}
  }
}

export class Add extends Merge {
  readonly className = 'Add'
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return inputs.reduce((sum, value) => emit.add(sum, value))
  }
}

export class Subtract extends Merge {
  readonly className = 'Subtract'
  protected override build(shapes: readonly KerasShape[]): void {
    if (shapes.length !== 2)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `layer '${this.name}' (Subtract) takes two inputs, got ${shapes.length}`,
      )
  }
  protected merge([a, b]: readonly Value[], emit: Emitter): Value {
    return emit.sub(a, b)
  }
}

export class Multiply extends Merge {
  readonly className = 'Multiply'
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return inputs.reduce((product, value) => emit.mul(product, value))
  }
}

export class Average extends Merge {
  readonly className = 'Average'
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return emit.mul(
      inputs.reduce((sum, value) => emit.add(sum, value)),
      1 / inputs.length,
    )
  }
}

export class Maximum extends Merge {
  readonly className = 'Maximum'
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return inputs.reduce((largest, value) => emit.maximum(largest, value))
  }
}

export class Minimum extends Merge {
  readonly className = 'Minimum'
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return inputs.reduce((smallest, value) => emit.minimum(smallest, value))
  }
}

export interface ConcatenateOptions extends LayerOptions {
  /** The last axis unless given; counts the batch axis. */
  readonly axis?: number
}

export class Concatenate extends Merge {
  readonly className = 'Concatenate'
  readonly axis: number

  constructor(options: ConcatenateOptions = {}) {
    super(options)
    this.axis = options.axis ?? -1
  }

  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return emit.concat(inputs, this.axis)
  }

  protected override config(): KerasConfig {
    return { axis: this.axis }
  }
}
