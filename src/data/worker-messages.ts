import { Tensor } from '../core/tensor.js'

/** What a worker is asked for. */
export interface Order {
  readonly id: number
  readonly element: unknown
  readonly seed: number
  readonly epoch: number
  readonly index: number
}

export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** Tensors are classes, which messages do not carry. */
const packed = 'lanewise.tensor'

function convert(value: unknown, leaf: (value: object) => unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  const converted = leaf(value)
  if (converted !== undefined) return converted
  if (Array.isArray(value)) return value.map((item) => convert(item, leaf))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item, leaf)]))
}

/** `value` as messages carry it. */
export const pack = (value: unknown): unknown =>
  convert(value, (item) =>
    item instanceof Tensor ? { [packed]: item.type, data: item.data, dims: [...item.dims] } : undefined,
  )

/** What `pack` was given. */
export const unpack = (value: unknown): unknown =>
  convert(value, (item) => {
    if (!(packed in item)) return undefined
    const { [packed]: type, data, dims } = item as { [packed]: Tensor['type']; data: Tensor['data']; dims: number[] }
    return new Tensor(type, data, dims)
  })
