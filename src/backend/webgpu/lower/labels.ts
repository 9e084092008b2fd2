import type { DType } from '../../../core/dtype.js'
import type { Attributes, Node } from '../../../core/ir.js'
import { Tensor } from '../../../core/tensor.js'
import { encoderDefault, encoderList } from '../../../ops/labels.js'
import { elementTypeOf } from '../elements.js'
import { f32Literal, mapKernel } from '../kernel.js'
import { elementsOf, type Lowering } from './lowering.js'

/** Types of which a GPU buffer holds the numbers themselves. */
const held: readonly DType[] = ['float32', 'int32', 'int64']

/** Whether a GPU buffer holds a number of `dtype` as it is, and finds it by comparison. */
const isHeld = (dtype: DType, value: number): boolean =>
  dtype === 'float32' ? Number.isFinite(value) : value === (value | 0)

/** Keys in order with their values, the last of equal ones, and the default. */
function tableOf(attributes: Attributes) {
  const [keys, values] = [encoderList(attributes, 'keys'), encoderList(attributes, 'values')]
  const known = values.toNumbers()
  const entries = [...new Map(keys.toNumbers().map((key, index) => [key, known[index]]))].sort(([a], [b]) => a - b)
  return {
    keys: entries.map(([key]) => key),
    values: entries.map(([, value]) => value),
    otherwise: encoderDefault(attributes, values) as number,
  }
}

function accelerates({ attributes, inputs: [x], outputs: [y] }: Node): boolean {
  if (!held.includes(x!.dtype) || !held.includes(y.dtype)) return false
  const { keys, values, otherwise } = tableOf(attributes)
  return keys.every((key) => isHeld(x!.dtype, key)) && [...values, otherwise].every((value) => isHeld(y.dtype, value))
}

/** Numbers by numbers: each thread looks its element up among the sorted keys. */
export const labelLowerings = {
  'ai.onnx.ml.LabelEncoder': {
    accelerates,
    lower({ attributes, inputs: [x], outputs: [y] }, { place, table }) {
      const { keys, values, otherwise } = tableOf(attributes)
      const tableFor = (dtype: DType, numbers: readonly number[]) =>
        table(new Tensor(dtype === 'float32' ? 'float32' : 'int32', numbers, [numbers.length]))
      const fallback = elementTypeOf(y.dtype) === 'f32' ? f32Literal(otherwise) : `i32(${otherwise})`
      return mapKernel({
        name: 'label_encoder',
        count: elementsOf(y),
        reads: { x: place(x!), keys: tableFor(x!.dtype, keys), values: tableFor(y.dtype, values) },
        writes: { y: place(y) },
        body: (names) => `  let key = ${names.x}[i];
  var low = 0u; var high = ${keys.length}u;
  while (low < high) { let middle = (low + high) / 2u; if (${names.keys}[middle] < key) { low = middle + 1u; } else { high = middle; } }
  let at = min(low, ${keys.length - 1}u);
  ${names.y}[i] = select(${fallback}, ${names.values}[at], ${names.keys}[at] == key);`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
