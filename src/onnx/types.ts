import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { type Dim, highestRank } from '../core/shape.js'
import { type onnx, wideToNumber } from './proto.js'
import { decodeDType } from './tensors.js'

/** The type of an input, or of another value that a model describes. Sizes that are not told become symbols. Throws INVALID_MODEL. */
export function decodeType(info: onnx.IValueInfoProto): TensorType {
  const what = `input '${info.name}'`
  const tensor = info.type?.tensorType
  if (!tensor) throw new LanewiseError('UNSUPPORTED_OP', `${what} is not a tensor`)
  if (!tensor.shape) throw new LanewiseError('INVALID_MODEL', `${what} has no shape; lanewise needs its rank`)
  const dims = tensor.shape.dim ?? []
  if (dims.length > highestRank)
    throw new LanewiseError('INVALID_MODEL', `${what} has more than ${highestRank} dimensions`)
  const shape = dims.map((dim, axis): Dim => {
    if (dim.dimParam) return dim.dimParam
    if (!Object.hasOwn(dim, 'dimValue')) return `${info.name}_${axis}`
    const size = wideToNumber(dim.dimValue)
    // Keras and older PyTorch exports write -1 for a size that is free.
    if (size === -1) return `${info.name}_${axis}`
    if (size < 0) throw new LanewiseError('INVALID_MODEL', `${what} has the dimension ${size}`)
    return size
  })
  return { dtype: decodeDType(tensor.elemType, what), shape }
}
