import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable } from '../opsets/draft.js'
import { number, support, type Writer, written } from './rule.js'

/** Elements of `bits` bits each, the first in the lowest; rows begin at a byte. */
function unpackRows(bytes: ArrayLike<number>, bits: number, rows: number, columns: number): Uint8Array {
  const perByte = 8 / bits
  const rowBytes = Math.ceil(columns / perByte)
  const elements = new Uint8Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      elements[row * columns + column] =
        (bytes[row * rowBytes + Math.floor(column / perByte)] >> ((column % perByte) * bits)) & (2 ** bits - 1)
  return elements
}

/** A B', where B [N, K] is constant and held in blocks of few bits; it is unpacked here, once. */
const matMulNBits: Writer = (k, draft, given) => {
  const [a, , , , , bias] = draft.inputs
  const [, b, scaleValue, zeroValue, groupValue] = given.inputs
  const [rows, columns] = [number(draft, 'N', 0), number(draft, 'K', 0)]
  const [bits, block] = [number(draft, 'bits', 4), number(draft, 'block_size', 0)]
  support([2, 4, 8].includes(bits), `a MatMulNBits of ${bits} bits`)
  const constant = (value: Value | undefined) => value && k.constantOf(value)
  const [packed, scales, zeros, groups] = [b, scaleValue, zeroValue, groupValue].map(constant)
  const isHeld = (value: Value | undefined, tensor: Tensor | undefined) => !value || tensor !== undefined
  support(packed !== undefined && scales !== undefined, 'a computed weight')
  support(isHeld(zeroValue, zeros) && isHeld(groupValue, groups), 'a computed zero point or g_idx')
  const blocks = Math.ceil(columns / block)
  const fits = packed.size === (rows * blocks * block * bits) / 8 && scales.size === rows * blocks
  if (!a || !(block > 0) || !fits || packed.type !== 'uint8')
    throw new LanewiseError(
      'INVALID_MODEL',
      `a weight of ${rows} x ${columns} in blocks of ${block} with ${bits} bits does not fit ${packed.size} bytes and ${scales.size} scales`,
    )
  const elements = unpackRows(packed.data as Uint8Array, bits, rows, blocks * block)
  const scaleOf = scales.toNumbers()
  const zeroOf =
    zeros === undefined
      ? new Uint8Array(rows * blocks).fill(2 ** (bits - 1))
      : zeros.type === 'uint8'
        ? unpackRows(zeros.data as Uint8Array, bits, rows, blocks)
        : zeros.toNumbers()
  const blockOf = Array.from({ length: columns }, (_, column) =>
    Number(groups?.data[column] ?? Math.floor(column / block)),
  )
  if ((groups && groups.size < columns) || blockOf.some((index) => !(index >= 0 && index < blocks)))
    throw new LanewiseError('INVALID_MODEL', `g_idx must name one of ${blocks} blocks for each of ${columns} columns`)
  const weight = new Float32Array(columns * rows)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * blocks + blockOf[column]
      weight[column * rows + row] = (elements[row * blocks * block + column] - zeroOf[at]) * scaleOf[at]
    }
  const matrix = k.constant(new Tensor('float32', weight, [columns, rows]), 'weight')
  const y = k.matMul(a, matrix)
  return [bias ? k.add(y, bias) : y]
}

/** What the 4 bits of bitsandbytes stand for, of a block's largest magnitude: FP4, and the quantiles of NF4 (QLoRA, appendix E). */
const levels: readonly (readonly number[])[] = [
  [1, -1].flatMap((sign) => [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4].map((level) => sign * level)),
  [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ],
]

/** A B', where B [N, K] is constant: 4 bits an element, the first of two in the upper half of a byte, in blocks over all of B. */
const matMulBnb4: Writer = (k, draft, given) => {
  const [rows, columns] = [number(draft, 'N', 0), number(draft, 'K', 0)]
  const block = number(draft, 'block_size', 0)
  const [type, swap] = [number(draft, 'quant_type', 1), number(draft, 'transB', 1)]
  support(swap === 1 && (type === 0 || type === 1), `a MatMulBnb4 with quant_type ${type} and transB ${swap}`)
  const [packed, largest] = [1, 2].map((index) => k.constantOf(inputOf(given, index)))
  support(packed !== undefined && largest !== undefined, 'a computed weight')
  const size = rows * columns
  const isPacked = packed.type === 'uint8' && packed.size === Math.ceil(size / 2)
  if (!(block > 0 && rows > 0 && columns > 0) || !isPacked || largest.size !== Math.ceil(size / block))
    throw new LanewiseError(
      'INVALID_MODEL',
      `a weight of ${rows} x ${columns} in blocks of ${block} does not fit ${packed.size} bytes and ${largest.size} blocks`,
    )
  const [bytes, scaleOf] = [packed.data as Uint8Array, largest.toNumbers()]
  const weight = new Float32Array(size)
  for (let at = 0; at < size; at++) {
    const code = at % 2 === 0 ? bytes[at >> 1] >> 4 : bytes[at >> 1] & 15
    weight[(at % columns) * rows + Math.floor(at / columns)] = levels[type][code] * scaleOf[Math.floor(at / block)]
  }
  return [k.matMul(inputOf(draft, 0), k.constant(new Tensor('float32', weight, [columns, rows]), 'weight'))]
}

/** A constant of bytes that hold two elements each along the last axis, as uint4 of one element each. */
function unpacked(k: GraphBuilder, value: Value | undefined, columns: number): Value | undefined {
  const bytes = value && k.constantOf(value)
  if (value?.dtype !== 'uint8') return value
  support(bytes !== undefined, 'a computed table of packed bytes')
  const dims = [...bytes.dims.slice(0, -1), columns]
  const rows = sizeOf(dims.slice(0, -1))
  if (bytes.size !== rows * Math.ceil(columns / 2))
    throw new LanewiseError('INVALID_MODEL', `${bytes.size} bytes do not hold ${rows} x ${columns} elements of 4 bits`)
  return k.constant(new Tensor('uint4', unpackRows(bytes.data as Uint8Array, 4, rows, columns), dims), value.name)
}

/** A table of embeddings held in blocks of few bits, which may be packed in bytes. */
const gatherBlock: Writer = (k, draft) => {
  const [data, scales] = [inputOf(draft, 0), inputOf(draft, 2)]
  const [axis, block] = [number(draft, 'gather_axis', 0), number(draft, 'block_size', 128)]
  const bits = data.dtype === 'uint8' ? number(draft, 'bits', 4) : 4
  const rank = data.shape.length
  const quantizedAxis = number(draft, 'quantize_axis', 1)
  support(axis === 0 && [rank - 1, -1].includes(quantizedAxis), 'a GatherBlockQuantized over other axes')
  support(bits === 4 || bits === 8, `a GatherBlockQuantized of ${bits} bits`)
  const shape = concrete(data.shape, 'the table')
  support(sizeOf(shape) > 0, 'an empty table')
  const isPacked = data.dtype === 'uint8' && bits === 4
  const blocks = concrete(scales.shape, 'the scales').at(-1)!
  const table = isPacked ? unpacked(k, data, 2 * shape.at(-1)!)! : data
  const middle = () => k.constant(Tensor.full(isPacked ? 'uint4' : 'uint8', scales.shape as number[], 2 ** (bits - 1)))
  const zeros = draft.inputs[3] ?? (data.dtype === 'uint8' ? middle() : undefined)
  const gathered = [table, scales, isPacked ? unpacked(k, zeros, blocks) : zeros].map(
    (part) => part && k.gather(part, inputOf(draft, 1)),
  )
  return [k.op('DequantizeLinear', gathered, { axis: gathered[0]!.shape.length - 1, block_size: block })]
}

/** Ops of com.microsoft with weights of few bits. */
export const fewBitsWriters: AdapterTable = {
  'com.microsoft.MatMulNBits': written(matMulNBits),
  'com.microsoft.MatMulBnb4': written(matMulBnb4),
  'com.microsoft.GatherBlockQuantized': written(gatherBlock),
}
