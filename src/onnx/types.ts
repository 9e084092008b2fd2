import { onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import {
  type Dim,
  formatShape,
  highestRank,
  isUnranked,
  mostElements,
  type Shape,
  sizeOf,
  unranked,
} from '../core/shape.js'
import type { TensorShapeProto, TypeProto, ValueInfoProto } from './messages.js'
import { wideToNumber } from './proto.js'
import { decodeDType } from './tensors.js'

/**
 * The type of an input, or of another value that a model describes; what it leaves out is taken from `operand`.
 * Sizes that are not told become symbols. Throws INVALID_MODEL, UNSUPPORTED_OP for maps, sparse tensors and nested sequences.
 */
export function decodeValueType(info: ValueInfoProto, operand?: TensorType): TensorType {
  const { tensorType, sequenceType, optionalType, mapType, sparseTensorType } = info.type ?? {}
  const isTold = tensorType?.elemType || sequenceType || optionalType || mapType || sparseTensorType
  if (info.type && isTold) return decodeType(info.type, info.name ?? '')
  if (operand) return operand
  throw new LanewiseError('INVALID_MODEL', `the input '${info.name}' has no type`)
}

/** A TypeProto as the type of a value called `name`. A tensor type without a shape is of unknown rank. */
export function decodeType(type: TypeProto, name: string): TensorType {
  const what = `'${name}'`
  const { tensorType, sequenceType, optionalType } = type
  if (tensorType)
    return { dtype: decodeDType(tensorType.elemType, what), shape: decodeShape(tensorType.shape, name, what) }
  const element = (sequenceType ?? optionalType)?.elemType
  const inner = element && decodeType(element, name)
  if (inner && !inner.container) return { ...inner, container: sequenceType ? 'sequence' : 'optional' }
  if (inner?.container === 'sequence' && optionalType) return { ...inner, container: 'optional(sequence)' }
  throw new LanewiseError('UNSUPPORTED_OP', `${what} is no tensor, and no sequence or optional of tensors`)
}

function decodeShape(shape: TensorShapeProto | undefined, name: string, what: string): Shape {
  if (!shape) return unranked
  const dims = shape.dim ?? []
  if (dims.length > highestRank)
    throw new LanewiseError('INVALID_MODEL', `${what} has more than ${highestRank} dimensions`)
  const sizes = dims.map((dim, axis): Dim => {
    if (dim.dimParam) return dim.dimParam
    if (!Object.hasOwn(dim, 'dimValue')) return `${name}_${axis}`
    const size = wideToNumber(dim.dimValue)
    // Keras and older PyTorch exports write -1 for a size that is free.
    if (size === -1) return `${name}_${axis}`
    if (size < 0) throw new LanewiseError('INVALID_MODEL', `${what} has the dimension ${size}`)
    return size
  })
  if (sizeOf(sizes.filter((dim) => typeof dim === 'number')) > mostElements)
    throw new LanewiseError('INVALID_MODEL', `${what} ${formatShape(sizes)} has more than ${mostElements} elements`)
  return sizes
}

/** A value's type as a TypeProto. */
export function encodeType({ dtype, shape, container }: TensorType): TypeProto {
  const encodeDim = (dim: Dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })
  const tensor: TypeProto = {
    tensorType: {
      elemType: onnxTypeCode[dtype],
      ...(isUnranked(shape) ? {} : { shape: { dim: shape.map(encodeDim) } }),
    },
  }
  if (container === 'sequence') return { sequenceType: { elemType: tensor } }
  if (container === 'optional') return { optionalType: { elemType: tensor } }
  if (container === 'optional(sequence)') return { optionalType: { elemType: { sequenceType: { elemType: tensor } } } }
  return tensor
}
