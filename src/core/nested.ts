import { LanewiseError } from './errors.js'
import { formatShape } from './shape.js'
import { Tensor } from './tensor.js'

/** Lists of numbers, of texts, or of such lists. */
export type Nested = readonly number[] | readonly string[] | readonly Nested[]

/** Whether `value` is a list whose first element, however deep, is a number, a text or a truth value. */
export function isNested(value: unknown): value is Nested {
  if (!Array.isArray(value)) return false
  let first: unknown = value
  while (Array.isArray(first)) first = first[0]
  return typeof first !== 'object'
}

/** Nested lists as a tensor of float32 or texts. Throws SHAPE_MISMATCH where they are ragged, TYPE_MISMATCH for what is neither, naming `what`. */
export function fromNested(lists: Nested, what: string): Tensor {
  const dims: number[] = []
  for (let level: unknown = lists; Array.isArray(level); level = level[0]) dims.push(level.length)
  const items: unknown[] = []
  const take = (item: unknown, depth: number): void => {
    if ((Array.isArray(item) ? item.length : undefined) !== dims[depth])
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `${what}: lists of one depth need one length; the first ones make ${formatShape(dims)}, item ${items.length} lies in another`,
      )
    if (depth === dims.length) items.push(item)
    else for (const inner of item as unknown[]) take(inner, depth + 1)
  }
  take(lists, 0)
  const type = typeof items[0] === 'string' ? 'string' : 'number'
  const wrong = items.findIndex((item) => ![type, 'boolean', 'bigint'].includes(typeof item))
  if (wrong >= 0)
    throw new LanewiseError(
      'TYPE_MISMATCH',
      `${what}: item ${wrong} is ${typeof items[wrong]} ${items[wrong]}, not a ${type}`,
    )
  return new Tensor(type === 'string' ? 'string' : 'float32', items as number[], dims)
}
