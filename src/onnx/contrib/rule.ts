import { onnxTypeCode } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { roundsHalves } from '../../ops/rounding.js'
import type { AdapterRule, Draft } from '../opsets/draft.js'

/**
 * Writes what a node of another domain means in ONNX's own ops: a value for each of its outputs. `given` is the node before
 * its operands were widened: constants are there as the file has them.
 */
export type Writer = (builder: GraphBuilder, draft: Draft, given: Draft) => readonly (Value | undefined)[]

/**
 * As `write`, in float32 where operands are floats of 16 bits: only the results are rounded to them, and in float16
 * not even they between ops that all compute in float32.
 */
const widened =
  (write: Writer) =>
  (builder: GraphBuilder, draft: Draft): ReturnType<Writer> => {
    const half = draft.inputs.find((input) => input?.dtype === 'float16' || input?.dtype === 'bfloat16')?.dtype
    if (half === undefined || half === 'string') return write(builder, draft, draft)
    const widening = roundsHalves(draft.op, half) ? 0 : 1
    const cast = (value: Value, to: 'float32' | typeof half) =>
      builder.op('Cast', [value], { to: onnxTypeCode[to], widening })
    const inputs = draft.inputs.map((input) => (input?.dtype === half ? cast(input, 'float32') : input))
    return write(builder, { ...draft, inputs }, draft).map((value) =>
      value?.dtype === 'float32' ? cast(value, half) : value,
    )
  }

/** The rule of an op that exists nowhere but in files: whatever its version, `write` stands for it. */
export const written = (write: Writer): readonly AdapterRule[] => [
  { before: Number.POSITIVE_INFINITY, adapt: (draft, builder) => ({ values: widened(write)(builder, draft) }) },
]

/** The rule of an op that has a twin in ONNX, called `op`, with the same inputs and attributes. */
export const alias = (op: string): readonly AdapterRule[] => [
  { before: Number.POSITIVE_INFINITY, adapt: (draft) => ({ ...draft, op }) },
]

/** A number attribute, or its default. Throws INVALID_MODEL when the attribute holds something else. */
export function number(draft: Draft, name: string, otherwise: number): number {
  const value = draft.attributes[name] ?? otherwise
  if (typeof value !== 'number') throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a number`)
  return value
}

/** A text attribute, or its default. Throws INVALID_MODEL when the attribute holds something else. */
export function text(draft: Draft, name: string, otherwise: string): string {
  const value = draft.attributes[name] ?? otherwise
  if (typeof value !== 'string') throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a text`)
  return value
}

/** A list attribute of numbers; undefined where it is left out. Throws INVALID_MODEL when it holds something else. */
export function numbers(draft: Draft, name: string): readonly number[] | undefined {
  const value = draft.attributes[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'number'))
    throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a list of numbers`)
  return value as readonly number[]
}

/** A list attribute of texts; undefined where it is left out. Throws INVALID_MODEL when it holds something else. */
export function texts(draft: Draft, name: string): readonly string[] | undefined {
  const value = draft.attributes[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a list of texts`)
  return value as readonly string[]
}

/** Throws UNSUPPORTED_OP, unless `holds`. */
export function support(holds: boolean, what: string): asserts holds {
  if (!holds) throw new LanewiseError('UNSUPPORTED_OP', `${what} is not supported`)
}

/** Swaps the last two axes. */
export const swapped = (builder: GraphBuilder, x: Value): Value => {
  const rank = x.shape.length
  return builder.transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2])
}

/** Runs `write` on a channels-last tensor in ONNX's order of axes. */
export function channelsFirst(builder: GraphBuilder, x: Value, write: (x: Value) => Value): Value {
  const rank = x.shape.length
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis)
  const inside = write(builder.transpose(x, [0, rank - 1, ...spatial.map((axis) => axis + 1)]))
  return builder.transpose(inside, [0, ...spatial.map((axis) => axis + 2), 1])
}
