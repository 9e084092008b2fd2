import { LanewiseError } from '../../core/errors.js'
import type { AttributeValue, Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { type Adapter, type Draft, isReplacement, type Replacement } from './draft.js'

/** The draft with input `index` set. */
export function withInput(draft: Draft, index: number, value: Value | undefined): Draft {
  const length = Math.max(draft.inputs.length, index + 1)
  const inputs = Array.from({ length }, (_, i) => (i === index ? value : draft.inputs[i]))
  return { ...draft, inputs }
}

/** The draft with other values for some attributes; undefined removes one. */
export function withAttributes(draft: Draft, changes: Readonly<Record<string, AttributeValue | undefined>>): Draft {
  const attributes = { ...draft.attributes, ...changes }
  for (const [name, value] of Object.entries(changes)) if (value === undefined) delete attributes[name]
  return { ...draft, attributes }
}

/** Input `index`. Throws INVALID_MODEL when it is left out. */
export function inputOf(draft: Draft, index: number): Value {
  const value = draft.inputs[index]
  if (!value) throw new LanewiseError('INVALID_MODEL', `input ${index} is required`)
  return value
}

/** The content of input `index` as numbers; undefined when it is absent or computed. */
export const constantInts = (draft: Draft, index: number, builder: GraphBuilder): readonly number[] | undefined => {
  const value = draft.inputs[index]
  return value && builder.constantOf(value)?.toNumbers()
}

/** A list of integers. Throws INVALID_MODEL when the attribute holds something else. */
export function intsOf(draft: Draft, name: string): readonly number[] | undefined {
  const value = draft.attributes[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((item) => Number.isInteger(item)))
    throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a list of integers`)
  return value as readonly number[]
}

/** A number. Throws INVALID_MODEL when the attribute holds something else. */
export function numberOf(draft: Draft, name: string): number | undefined {
  const value = draft.attributes[name]
  if (value !== undefined && typeof value !== 'number')
    throw new LanewiseError('INVALID_MODEL', `the attribute '${name}' must be a number`)
  return value
}

/** An attribute that a later opset made an input: it becomes a 1-D int64 constant at `index`. */
export const intsToInput =
  (name: string, index: number): Adapter =>
  (draft, builder) => {
    const value = intsOf(draft, name)
    if (value === undefined) return draft
    return withInput(withAttributes(draft, { [name]: undefined }), index, builder.ints(value))
  }

/** A number that a later opset made an input: it becomes a scalar of the dtype of input 0, or of `dtype`. */
export const numberToInput =
  (name: string, index: number, dtype?: 'int64' | 'float32'): Adapter =>
  (draft, builder) => {
    const value = numberOf(draft, name)
    if (value === undefined) return draft
    const type = dtype ?? inputOf(draft, 0).dtype
    if (type === 'string') throw new LanewiseError('TYPE_MISMATCH', 'takes numbers, got strings')
    return withInput(withAttributes(draft, { [name]: undefined }), index, builder.scalar(value, type))
  }

/** Removes attributes that no longer mean anything. */
export const dropAttributes =
  (...names: readonly string[]): Adapter =>
  (draft) =>
    withAttributes(draft, Object.fromEntries(names.map((name) => [name, undefined])))

/** Fills in the default that an older opset had, where a newer one has another. */
export const oldDefault =
  (name: string, value: AttributeValue): Adapter =>
  (draft) =>
    draft.attributes[name] === undefined ? withAttributes(draft, { [name]: value }) : draft

/** Gives the op its newest name. */
export const renamed =
  (op: string): Adapter =>
  (draft) => ({ ...draft, op })

/** One adapter after another. */
export const both =
  (...adapters: readonly Adapter[]): Adapter =>
  (draft, builder) => {
    let current: Draft | Replacement = draft
    for (const adapt of adapters) if (!isReplacement(current)) current = adapt(current, builder)
    return current
  }
