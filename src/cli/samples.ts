import { isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import { RandomGenerator } from '../core/random.js'
import { formatType, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/**
 * Content for an input: uniform in [0, 1), or 0 and 1 for integers and bools, the same each time. Symbolic dimensions are
 * `batch`. Throws INVALID_ARGUMENT for strings, sequences and inputs of unknown rank, naming the input.
 */
export function sampleFor({ name, dtype, shape, container }: Value, batch: number): Tensor {
  if (dtype === 'string' || container)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `nothing can be made up for the input '${name}' (${formatType({ dtype, shape, container })}); give --input ${name}=file.npy`,
    )
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : batch))
  const random = new RandomGenerator(11)
  const draw = isFloat(dtype) ? () => random.uniform() : () => random.integer(2)
  return new Tensor(dtype, Array.from({ length: sizeOf(dims) }, draw), dims)
}
