import { allocate, isBigInt, isFloat, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { encodingOfDType } from '../../core/minifloat.js'
import { formatShape, sameShape } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { Weight } from '../layers/weight.js'

/** What a file holds for some weights. Reading files only fills such maps: nothing of a model changes before all is well. */
export type Contents = Map<Weight, Tensor>

/** `tensor` as a content of `weight`, converted to its dtype. Throws SHAPE_MISMATCH, TYPE_MISMATCH naming `place`. */
export function contentFor(weight: Weight, tensor: Tensor, place: string): Tensor {
  if (!sameShape(tensor.dims, weight.shape))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${place} has the shape ${formatShape(tensor.dims)}, weight '${weight.name}' of the model ${formatShape(weight.shape)}: the file is of another model`,
    )
  return convert(tensor, weight.dtype as Tensor['type'], place)
}

/** `tensor` with elements of another dtype. Throws TYPE_MISMATCH for strings. */
function convert(tensor: Tensor, dtype: Tensor['type'], place: string): Tensor {
  if (tensor.type === dtype) return tensor
  if (tensor.type === 'string' || dtype === 'string' || (isFloat(tensor.type) && !isFloat(dtype)))
    throw new LanewiseError('TYPE_MISMATCH', `${place} is ${tensor.type}, the model has ${dtype} there`)
  const numbers = tensor.toNumbers()
  const data = allocate(dtype, numbers.length) as TypedArray
  const encode = encodingOfDType(dtype)?.encode
  numbers.forEach((value, i) => {
    ;(data as Float32Array)[i] = (isBigInt(dtype) ? BigInt(value) : (encode?.(value) ?? value)) as number
  })
  return new Tensor(dtype, data, tensor.dims)
}

/** Writes what was read into the weights. */
export function applyContents(contents: Contents): void {
  for (const [weight, content] of contents) weight.write(content)
}
