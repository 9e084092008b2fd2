import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { squeeze, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import type { CallContext } from './context.js'
import { axis, type Fields, flag, neededAxes, type ValuesOf } from './fields.js'
import { Layer, type LayerOptions } from './layer.js'
import { type KerasShape, layerError } from './shapes.js'

/** Combines two or more inputs element by element, with broadcasting. */
abstract class Merge<Options extends object = object> extends Layer<Options> {
  static override readonly fields: Fields = {}
  /** How many inputs it takes; 0 for two or more. */
  protected readonly takes: number = 0

  protected abstract merge(inputs: readonly Value[], emit: Emitter): Value

  protected override build(shapes: readonly KerasShape[]): void {
    if (this.takes ? shapes.length !== this.takes : shapes.length < 2)
      throw layerError(
        this,
        `takes a list of two inputs${this.takes ? '' : ' or more'}, got ${shapes.length}`,
        'SHAPE_MISMATCH',
      )
  }

  call(inputs: readonly Value[], context: CallContext): Value {
    const rank = Math.max(...inputs.map(({ shape }) => shape.length))
    const y = this.merge(
      inputs.map((value) => this.raise(value, rank, context.emit)),
      context.emit,
    )
    const masks = inputs.map((value) => context.maskOf(value))
    const mask = masks.some((mask) => mask) ? this.mergeMasks(masks, inputs, context.emit) : undefined
    if (mask) context.setMask(y, mask)
    return y
  }

  /** The mask of the result: where any input counts. */
  protected mergeMasks(
    masks: readonly (Value | undefined)[],
    _inputs: readonly Value[],
    emit: Emitter,
  ): Value | undefined {
    return masks.reduce((a, b) => (a && b ? emit.or(a, b) : undefined))
  }

  /** Keras gives inputs of lower rank axes of length 1 behind the batch axis. */
  protected raise(value: Value, rank: number, emit: Emitter): Value {
    const missing = rank - value.shape.length
    return missing > 0 ? unsqueeze(emit, value, ...Array.from({ length: missing }, (_, i) => i + 1)) : value
  }
}

type Fold = (a: Value, b: Value, emit: Emitter) => Value

const folding = (
  fold: Fold,
): { new (options?: LayerOptions, className?: string): Layer; readonly fields: Record<never, never> } =>
  class extends Merge {
    static override readonly fields = {}
    protected merge(inputs: readonly Value[], emit: Emitter): Value {
      return inputs.reduce((a, b) => fold(a, b, emit))
    }
  }

export const Add = folding((a, b, emit) => emit.add(a, b))
export const Multiply = folding((a, b, emit) => emit.mul(a, b))
export const Maximum = folding((a, b, emit) => emit.maximum(a, b))
export const Minimum = folding((a, b, emit) => emit.minimum(a, b))

export class Subtract extends Merge {
  static override readonly fields = {}
  protected override readonly takes = 2
  protected merge([a, b]: readonly Value[], emit: Emitter): Value {
    return emit.sub(a, b)
  }
}

export class Average extends Merge {
  static override readonly fields = {}
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return emit.mul(
      inputs.reduce((sum, value) => emit.add(sum, value)),
      1 / inputs.length,
    )
  }
}

const concatenateFields = { axis: axis(-1) }

export class Concatenate extends Merge<ValuesOf<typeof concatenateFields>> {
  static override readonly fields = concatenateFields
  protected merge(inputs: readonly Value[], emit: Emitter): Value {
    return emit.concat(inputs, this.options.axis)
  }

  /** Along an axis that masks have, too, they are put one behind the other. */
  protected override mergeMasks(masks: readonly (Value | undefined)[], inputs: readonly Value[], emit: Emitter) {
    const rank = masks.find((mask) => mask)!.shape.length
    const along = normalizeAxis(this.options.axis, inputs[0].shape.length)
    if (along >= rank) return super.mergeMasks(masks, inputs, emit)
    const everything = (x: Value) => {
      const some = emit.greater(emit.max(x, x.shape.map((_, i) => i).slice(rank)), 0)
      return emit.or(some, emit.not(some))
    }
    return emit.concat(
      masks.map((mask, i) => mask ?? everything(inputs[i])),
      along,
    )
  }
}

const dotFields = { axes: neededAxes, normalize: flag(false) }

/** The sums of products of two inputs along an axis of each; with `normalize`, cosines. */
export class Dot extends Merge<ValuesOf<typeof dotFields>> {
  static override readonly fields = dotFields
  protected override readonly takes = 2

  protected override raise(value: Value): Value {
    return value
  }

  protected override mergeMasks(): undefined {}

  protected merge([a, b]: readonly Value[], emit: Emitter): Value {
    const { axes, normalize } = this.options
    const [first, second] = (typeof axes === 'number' ? [axes, axes] : axes).map((axis, i) =>
      normalizeAxis(axis, [a, b][i].shape.length),
    )
    if (first === 0 || second === 0) throw layerError(this, 'Dot keeps the batch axis 0', 'SHAPE_MISMATCH')
    const unit = (x: Value, axis: number) => {
      if (!normalize) return x
      const squares = emit.sum(emit.square(x), [axis], true)
      return emit.div(x, emit.sqrt(emit.maximum(squares, 1e-12)))
    }
    // The summed axis last in the first, second in the other; then one matrix product a sample.
    const moved = (x: Value, from: number, to: number) => {
      const rest = x.shape.map((_, i) => i).filter((i) => i !== from)
      const order = rest.toSpliced(to < 0 ? rest.length : to, 0, from)
      return order.every((axis, i) => axis === i) ? x : emit.transpose(x, order)
    }
    const left = moved(unit(a, first), first, -1)
    const right = moved(unit(b, second), second, 1)
    const flat = (x: Value, shape: number[]) => (x.shape.length === 3 ? x : emit.reshape(x, shape))
    const depth = Number(left.shape.at(-1))
    const product = emit.matMul(flat(left, [0, -1, depth]), flat(right, [0, depth, -1]))
    const tail = [...left.shape.slice(1, -1), ...right.shape.slice(2)].map(Number)
    if (tail.length === 0) return squeeze(emit, product, 2)
    return tail.length === 2 ? product : emit.reshape(product, [0, ...tail])
  }
}
