import { bitsPerElement, type NumericDType } from '../core/dtype.js'

/** Bytes that `size` elements take in a file. */
export const packedBytes = (dtype: NumericDType, size: number): number => Math.ceil((size * bitsPerElement(dtype)) / 8)

/** Whether files hold more than one element of `dtype` in a byte, the first in the lowest bits. */
export const isPacked = (dtype: NumericDType): boolean => bitsPerElement(dtype) < 8

/** The elements of a packed type, one a byte, signed types sign-extended. `bytes` holds at least packedBytes of them. */
export function unpack(dtype: NumericDType, bytes: ArrayLike<number>, size: number): Uint8Array | Int8Array {
  const bits = bitsPerElement(dtype)
  const perByte = 8 / bits
  const signed = dtype === 'int4' || dtype === 'int2'
  const unused = 32 - bits
  const elements = new (signed ? Int8Array : Uint8Array)(size)
  for (let i = 0; i < size; i++) {
    const field = bytes[Math.floor(i / perByte)] >> ((i % perByte) * bits)
    elements[i] = signed ? (field << unused) >> unused : (field << unused) >>> unused
  }
  return elements
}

/** The bytes of a file for elements as `unpack` gives them. */
export function pack(dtype: NumericDType, elements: ArrayLike<number>): Uint8Array {
  const bits = bitsPerElement(dtype)
  const perByte = 8 / bits
  const bytes = new Uint8Array(packedBytes(dtype, elements.length))
  for (let i = 0; i < elements.length; i++)
    bytes[Math.floor(i / perByte)] |= (elements[i] & (2 ** bits - 1)) << ((i % perByte) * bits)
  return bytes
}
