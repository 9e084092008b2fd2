import type { DType } from '../../../core/dtype.js'
import type { Attributes, Node } from '../../../core/ir.js'
import { formatOfDType, type RoundMode } from '../../../core/minifloat.js'
import { elementTypeOf } from '../elements.js'
import { mapKernel, seenAs } from '../kernel.js'
import { halfText } from '../wgsl/halves.js'
import { minifloatText, powerText } from '../wgsl/minifloats.js'
import { elementsOf, type Lowering } from './lowering.js'
import { copyElements } from './strided.js'

/** The bits `x: u32` of an element of `from` as a number of its WGSL type; undefined where no kernel reads it. */
function decode(from: DType): { readonly value: string; readonly type: 'f32' | 'i32' | 'u32' } | undefined {
  if (from === 'float16') return { value: 'unpack2x16float(x).x', type: 'f32' }
  if (from === 'bfloat16') return { value: 'bitcast<f32>(x << 16u)', type: 'f32' }
  if (isMini(from)) return { value: 'source_value(x)', type: 'f32' }
  const type = elementTypeOf(from)
  return type && { value: type === 'u32' ? 'x' : `bitcast<${type}>(x)`, type }
}

/** The number `v` of WGSL type `type` as the bits of an element of `to`; undefined where no kernel writes it. */
function encode(to: DType, type: 'f32' | 'i32' | 'u32'): string | undefined {
  if (isMini(to)) return 'mini_bits(f32(v))'
  const signed = type === 'u32' ? 'bitcast<i32>(v)' : 'i32(v)'
  switch (to) {
    case 'float32':
      return 'bitcast<u32>(f32(v))'
    case 'float16':
      return 'half_bits(f32(v))'
    case 'bfloat16':
      return 'bfloat_bits(f32(v))'
    case 'bool':
      return `select(0u, 1u, v != ${type}(0))`
    case 'uint32':
      return type === 'f32' ? 'u32(v)' : `bitcast<u32>(v)`
    default:
      return integerBits[to] === undefined ? undefined : wrapped(to, `bitcast<u32>(${signed})`)
  }
}

/** Bits of integers; int64 lies in 32 of its 64. */
const integerBits: Partial<Record<DType, number>> = {
  int64: 32,
  int32: 32,
  uint32: 32,
  int16: 16,
  uint16: 16,
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
}

/** The low bits of `x: u32` as an integer of `dtype`, which lies in 32 bits. */
function wrapped(dtype: DType, x: string): string {
  const unused = 32 - integerBits[dtype]!
  if (unused === 0) return x
  return elementTypeOf(dtype) === 'i32'
    ? `bitcast<u32>(bitcast<i32>(${x} << ${unused}u) >> ${unused}u)`
    : `(${x} & ${2 ** integerBits[dtype]! - 1}u)`
}

/** Floats of 8 and 4 bits. */
const isMini = (dtype: DType): boolean => dtype === 'float8e8m0' || formatOfDType(dtype) !== undefined

/** Declares what turns numbers into bits of `dtype` and back; nothing for types that need no help. */
export function encodingText(dtype: DType, attributes: Attributes = {}): string {
  const saturate = attributes['saturate'] !== 0
  if (dtype === 'float16' || dtype === 'bfloat16') return halfText
  if (dtype === 'float8e8m0') return powerText(saturate, (attributes['round_mode'] as RoundMode | undefined) ?? 'up')
  const format = formatOfDType(dtype)
  return format ? minifloatText(format, saturate) : ''
}

const castText = ({ inputs, outputs, attributes }: Node): string | undefined => {
  const [from, to] = [inputs[0]!.dtype, outputs[0].dtype]
  const source = decode(from)
  const bits = source && encode(to, source.type)
  // Names of a source's help would meet those of the target's.
  const read = isMini(from) ? encodingText(from).replaceAll('mini_', 'source_') : ''
  return (
    bits &&
    `${read}${encodingText(to, attributes)}fn convert(x: u32) -> u32 { let v = ${source.value}; return ${bits}; }`
  )
}

const cast: Lowering = {
  accelerates: (node) => node.inputs[0]!.dtype === node.outputs[0].dtype || castText(node) !== undefined,
  lower(node, { place }) {
    const [x, y] = [place(node.inputs[0]!), place(node.outputs[0])]
    if (node.inputs[0]!.dtype === node.outputs[0].dtype) return copyElements(x, y)
    return mapKernel({
      name: `cast_${node.inputs[0]!.dtype}_${node.outputs[0].dtype}`,
      count: elementsOf(node.outputs[0]),
      dense: true,
      reads: { x: seenAs(x, 'u32') },
      writes: { y: seenAs(y, 'u32') },
      declarations: castText(node)!,
      body: ({ x, y }) => `  ${y}[i] = convert(${x}[i]);`,
    })
  },
}

/** Bits of the types that BitCast may name: all but those that lie in fewer bits than they have. */
const { int64: _, ...shortIntegers } = integerBits
const widths: Partial<Record<DType, number>> = { ...shortIntegers, float32: 32, float16: 16, bfloat16: 16 }

const bitCast: Lowering = {
  accelerates: ({ inputs: [x], outputs: [y] }) =>
    widths[x!.dtype] !== undefined && widths[x!.dtype] === widths[y.dtype],
  lower({ inputs: [x], outputs: [y] }, { place }) {
    const bits = widths[y.dtype]!
    // Floats lie as the bits that they are.
    const integer = integerBits[y.dtype] ? y.dtype : (`uint${bits}` as DType)
    return mapKernel({
      name: `bit_cast_${x!.dtype}_${y.dtype}`,
      count: elementsOf(y),
      dense: true,
      reads: { x: seenAs(place(x!), 'u32') },
      writes: { y: seenAs(place(y), 'u32') },
      body: (names) => `  ${names.y}[i] = ${wrapped(integer, `${names.x}[i]`)};`,
    })
  },
}

/** Changes of an element's type. */
export const castLowerings = { Cast: cast, CastLike: cast, BitCast: bitCast } as const satisfies Record<
  string,
  Lowering
>
