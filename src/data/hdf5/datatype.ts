import { arrayOf, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { type GlobalHeap, textOf } from './heap.js'
import { type Cursor, decodeText, type Source } from './source.js'

/** How elements lie in a file. */
export type Datatype =
  | { readonly kind: 'number'; readonly size: number; readonly dtype: NumericDType; readonly bigEndian: boolean }
  | { readonly kind: 'text'; readonly size: number }
  | { readonly kind: 'variableText'; readonly size: number }
  | { readonly kind: 'unknown'; readonly size: number; readonly what: string }

const classNames = ['integer', 'float', 'time', 'text', 'bit field', 'opaque', 'compound', 'reference']
classNames.push('enumeration', 'variable-length', 'array')

const integers: Readonly<Record<number, readonly [NumericDType, NumericDType]>> = {
  1: ['uint8', 'int8'],
  2: ['uint16', 'int16'],
  4: ['uint32', 'int32'],
  8: ['uint64', 'int64'],
}

/** Exponent and mantissa bits of the float types. */
const floats: Readonly<Record<string, NumericDType>> = {
  '2 5 10': 'float16',
  '2 8 7': 'bfloat16',
  '4 8 23': 'float32',
  '8 11 52': 'float64',
}

/** Reads a datatype message (section IV.A.2.d). */
export function readDatatype(cursor: Cursor, depth = 0): Datatype {
  const { source } = cursor
  const classAndVersion = cursor.u8()
  const bits = cursor.integer(3)
  const size = cursor.u32()
  const kind = classAndVersion & 15
  const unknown: Datatype = { kind: 'unknown', size, what: classNames[kind] ?? `class ${kind}` }
  const bigEndian = (bits & 1) === 1
  switch (kind) {
    case 0: {
      const dtype = integers[size]?.[(bits >> 3) & 1]
      cursor.skip(2)
      return dtype && cursor.u16() === 8 * size ? { kind: 'number', size, dtype, bigEndian } : unknown
    }
    case 1: {
      cursor.skip(5)
      const exponent = cursor.u8()
      cursor.skip(1)
      const dtype = floats[`${size} ${exponent} ${cursor.u8()}`]
      return dtype && (bits & 0x40) === 0 ? { kind: 'number', size, dtype, bigEndian } : unknown
    }
    case 3:
      return { kind: 'text', size }
    case 5:
      // NumPy's bfloat16 is written as two opaque bytes, with an attribute that says so.
      return size === 2 ? { kind: 'number', size, dtype: 'bfloat16', bigEndian: false } : unknown
    case 8:
      if (depth > 0) return unknown
      return readDatatype(cursor, depth + 1)
    case 9:
      if (size !== 8 + source.offsetSize) return unknown
      return (bits & 15) === 1 ? { kind: 'variableText', size } : unknown
    default:
      return unknown
  }
}

/** Reads a dataspace message: the shape; undefined where there are no elements (section IV.A.2.b). */
export function readDataspace(cursor: Cursor): number[] | undefined {
  const version = cursor.u8()
  const rank = cursor.u8()
  if (version < 1 || version > 2)
    cursor.source.fail(`damaged at byte ${cursor.position}: a shape of an unknown version`)
  if (rank > 32) cursor.source.fail(`damaged at byte ${cursor.position}: a shape of rank ${rank}`)
  cursor.skip(1)
  if (version === 1) cursor.skip(5)
  else if (cursor.u8() === 2) return undefined
  return Array.from({ length: rank }, () => cursor.length())
}

/** The product of `shape`. Throws INVALID_DATA past 2^53. */
export function countOf(source: Source, shape: readonly number[]): number {
  const count = shape.reduce((a, b) => a * b, 1)
  return Number.isSafeInteger(count) ? count : source.fail(`damaged: a shape of ${shape.join(' x ')}`)
}

/** The elements in `raw` as a typed array, in the host's (little-endian) order. */
export function numbersOf(type: Datatype & { kind: 'number' }, raw: Uint8Array, count: number): TypedArray {
  const bytes = new Uint8Array(count * type.size)
  bytes.set(raw.subarray(0, bytes.length))
  if (type.bigEndian && type.size > 1)
    for (let start = 0; start < bytes.length; start += type.size) bytes.subarray(start, start + type.size).reverse()
  return new (arrayOf(type.dtype))(bytes.buffer)
}

/** The strings in `raw`. */
export function textsOf(type: Datatype, cursor: Cursor, count: number, heap: GlobalHeap): string[] {
  const { source } = cursor
  if (type.kind !== 'text' && type.kind !== 'variableText') return source.unsupported(`text as ${type.kind}`)
  if (type.size === 0 || count * type.size > cursor.left)
    source.fail(`truncated or damaged at byte ${cursor.position}: a list of strings`)
  return Array.from({ length: count }, () => {
    if (type.kind === 'text') return decodeText(trim(cursor.take(type.size)))
    const length = cursor.u32()
    const address = cursor.address()
    const index = cursor.u32()
    return address === undefined || length === 0 ? '' : textOf(heap.object(address, index), length)
  })
}

/** Without the padding of zeros. */
function trim(bytes: Uint8Array): Uint8Array {
  const zero = bytes.indexOf(0)
  return zero < 0 ? bytes : bytes.subarray(0, zero)
}
