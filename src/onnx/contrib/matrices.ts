import { cofactors } from '../../ops/selection.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable } from '../opsets/draft.js'
import { support, swapped, type Writer, written } from './rule.js'

/** The largest matrices that are inverted by their cofactors. */
const largestInverse = 12

/** Inverses of small matrices [… n, n]: cofactors, turned, over the determinant. */
const inverse: Writer = (k, draft) => {
  const x = inputOf(draft, 0)
  const size = x.shape.at(-1)
  support(typeof size === 'number' && size <= largestInverse, `an Inverse of matrices of ${size} rows`)
  const adjugate = swapped(k, cofactors(k, x, 'the last axis'))
  const rank = x.shape.length
  return [k.div(adjugate, k.op('Unsqueeze', [k.op('Det', [x]), k.ints([rank - 2, rank - 1])]))]
}

/** Ops of com.microsoft on matrices. */
export const matrixWriters: AdapterTable = {
  'com.microsoft.Inverse': written(inverse),
}
