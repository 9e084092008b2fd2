import type { NumericDType } from '../../src/core/dtype.js'
import { isFloat } from '../../src/core/dtype.js'
import { RandomGenerator } from '../../src/core/random.js'
import { sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { type AttributeProto, attributeType } from '../../src/onnx/messages.js'
import { encodeTensor } from '../../src/onnx/tensors.js'

export interface Operand {
  readonly tensor: Tensor
  /** Held by the model instead of fed. */
  readonly constant?: boolean
}

export type RowAttribute =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }

/** An attribute as a file holds it. */
export function attributeProto(name: string, value: RowAttribute): AttributeProto {
  if ('i' in value) return { name, type: attributeType.INT, i: value.i }
  if ('f' in value) return { name, type: attributeType.FLOAT, f: value.f }
  if ('s' in value) return { name, type: attributeType.STRING, s: new TextEncoder().encode(value.s) }
  if ('ints' in value) return { name, type: attributeType.INTS, ints: [...value.ints] }
  if ('floats' in value) return { name, type: attributeType.FLOATS, floats: [...value.floats] }
  if ('tensor' in value) return { name, type: attributeType.TENSOR, t: encodeTensor(value.tensor) }
  return { name, type: attributeType.STRINGS, strings: value.strings.map((text) => new TextEncoder().encode(text)) }
}

/** One node, run in onnxruntime-web and in lanewise. */
export interface Row {
  /** With its domain, but for ONNX's own. */
  readonly op: string
  readonly note?: string
  readonly inputs: readonly (Operand | undefined)[]
  readonly attributes: Readonly<Record<string, RowAttribute>>
  /** Which outputs the node has; one that is left out has no name. */
  readonly outputs: readonly boolean[]
  readonly opset?: number
  /** The outputs that are compared, where some are not. */
  readonly compared?: readonly number[]
  /** By how much quantized results may differ: products of float32 and of float64 round ties apart. */
  readonly step?: number
}

const random = new RandomGenerator(11)

/** Random elements: floats in [from, to), integers from `from` to `to` - 1. */
export function fed(dims: readonly number[], dtype: NumericDType = 'float32', from = -2, to = 2): Operand {
  const elements = Array.from({ length: sizeOf(dims) }, () => random.uniform(from, to))
  return { tensor: new Tensor(dtype, isFloat(dtype) ? elements : elements.map(Math.floor), dims) }
}

export const held = (dims: readonly number[], dtype: NumericDType = 'float32', from = -2, to = 2): Operand => ({
  ...fed(dims, dtype, from, to),
  constant: true,
})

/** A constant of given elements. */
export const given = (
  elements: readonly number[],
  dtype: NumericDType = 'float32',
  dims = [elements.length],
): Operand => ({
  tensor: new Tensor(dtype, elements, dims),
  constant: true,
})

/** A constant scalar. */
export const scalar = (element: number, dtype: NumericDType = 'float32'): Operand => given([element], dtype, [])

export const row = (
  op: string,
  inputs: readonly (Operand | undefined)[],
  attributes: Row['attributes'] = {},
  options: Partial<Row> = {},
): Row => ({ op, inputs, attributes, outputs: [true], ...options })
