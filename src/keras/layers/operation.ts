import type { Value } from '../../core/ir.js'
import type { OpDefinition } from '../../ops/definition.js'
import type { Emitter } from '../../ops/emitter.js'
import type { CallArgument } from './layer.js'

/** A tensor, or a number; arrays of numbers have become constants. */
export type Operand = Value | number
export type Options = Readonly<Record<string, unknown>>

/** One of Keras's operations: the names of what it is called with, and what it writes. `options` are in camelCase. */
export interface Operation {
  readonly takes: readonly string[]
  /** Where Keras has its class; `numpy` unless given. */
  readonly module?: string
  /** Ops of packs that it writes. */
  readonly needs?: Readonly<Record<string, OpDefinition>>
  write(
    emit: Emitter,
    operands: readonly Operand[],
    options: Options,
    raw: readonly CallArgument[],
  ): Value | readonly Value[]
}

export const isValue = (operand: Operand): operand is Value => typeof operand !== 'number'

/** The operand as a tensor. */
export const tensor = (emit: Emitter, operand: Operand): Value => (isValue(operand) ? operand : emit.scalar(operand))

/** Two operands in one type: float32 where they differ. */
export function alike(emit: Emitter, a: Operand, b: Operand): [Operand, Operand] {
  if (!isValue(a) || !isValue(b)) return isValue(a) || isValue(b) ? [a, b] : [tensor(emit, a), b]
  return a.dtype === b.dtype ? [a, b] : [emit.cast(a, 'float32'), emit.cast(b, 'float32')]
}

export const unary = (write: (x: Value, emit: Emitter, options: Options) => Value | readonly Value[]): Operation => ({
  takes: ['x'],
  write: (emit, [x], options) => write(tensor(emit, x), emit, options),
})
export const binary = (write: (emit: Emitter, a: Operand, b: Operand) => Value): Operation => ({
  takes: ['x1', 'x2'],
  write: (emit, [a, b]) => write(emit, ...alike(emit, a, b)),
})
export const named = (op: string) => unary((x, emit) => emit.op(op, [x]))

/** The axes that an option names: all where it is null. */
export const axesOf = ({ axis }: Options): readonly number[] | undefined =>
  axis === null || axis === undefined ? undefined : Array.isArray(axis) ? axis : [Number(axis)]
export const reduction = (
  write: (emit: Emitter, x: Value, axes: readonly number[] | undefined, keep: boolean) => Value,
) => unary((x, emit, options) => write(emit, x, axesOf(options), options.keepdims === true))
export const bool = (emit: Emitter, x: Operand): Value => {
  const value = tensor(emit, x)
  return value.dtype === 'bool' ? value : emit.not(emit.equal(value, 0))
}

export const listed = (
  name: string,
  write: (emit: Emitter, parts: readonly Value[], axis: number) => Value,
): Operation => ({
  takes: [name],
  write: (emit, parts, { axis = 0 }) =>
    write(
      emit,
      parts.map((part) => tensor(emit, part)),
      Number(axis),
    ),
})
