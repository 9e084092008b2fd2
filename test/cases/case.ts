import type { Backend } from '../../src/backend/backend.js'
import { compile } from '../../src/compile.js'
import type { NumericDType, TypedArray } from '../../src/core/dtype.js'
import { isFloat } from '../../src/core/dtype.js'
import type { Attributes, Graph } from '../../src/core/ir.js'
import { sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { GraphBuilder } from '../../src/graph/builder.js'

/** How to make one operand. `values` makes it a constant of the graph (axes, shapes, pads); otherwise it is an input, random unless `data` is given. */
export interface OperandCase {
  readonly shape: readonly number[]
  /** float32 if absent. */
  readonly dtype?: NumericDType
  /** Range of the random elements, [-2, 2) if absent; integers are whole numbers in it. */
  readonly range?: readonly [from: number, to: number]
  readonly values?: readonly number[]
  readonly data?: readonly number[]
  /** Random elements differ from each other by at least 0.01: no near ties under max, min and sorting. */
  readonly distinct?: boolean
  /** Elements keep at least 0.05 away from these kinks, where the derivative jumps. */
  readonly avoid?: readonly number[]
}

/** One row of the table that drives forward, gradient and cross-backend tests. */
export interface OpCase {
  readonly op: string
  /** What is particular about it; shapes and attributes are added to the title anyway. */
  readonly note?: string
  readonly inputs: readonly (OperandCase | undefined)[]
  readonly attributes?: Attributes
  /** Number of outputs, 1 if absent. */
  readonly outputs?: number
  /** Inputs whose gradient is checked against finite differences; none if absent. */
  readonly gradient?: readonly number[]
  /** Allowed |a - b| / (1 + |b|) between a float32 kernel and the reference; 1e-5 if absent. */
  readonly tolerance?: number
}

/** Shorthands for operands. */
export const f32 = (shape: readonly number[], options: Omit<OperandCase, 'shape'> = {}): OperandCase => ({
  shape,
  ...options,
})
export const i32 = (shape: readonly number[], options: Omit<OperandCase, 'shape' | 'dtype'> = {}): OperandCase => ({
  shape,
  dtype: 'int32',
  ...options,
})
export const bool = (shape: readonly number[]): OperandCase => ({ shape, dtype: 'bool' })
/** A constant of 64-bit integers. */
export const i64 = (values: readonly number[]): OperandCase => ({ shape: [values.length], dtype: 'int64', values })

/** The first of a constant operand's numbers. */
const shortened = (values: readonly number[]): string => (values.length > 16 ? `${values.slice(0, 16)}…` : `${values}`)

export const titleOf = ({ op, note, inputs, attributes }: OpCase): string =>
  [
    op,
    inputs
      .map((input) =>
        input ? `${input.dtype ?? ''}[${input.shape}]${input.values ? `=${shortened(input.values)}` : ''}` : '-',
      )
      .join(' '),
    attributes ? JSON.stringify(attributes) : '',
    note ?? '',
  ]
    .filter(Boolean)
    .join(' ')

/** A generator of uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The content of an operand, the same for the same seed. `dtype` replaces float32 (float64 for finite differences). */
export function operandTensor(operand: OperandCase, seed: number, dtype?: NumericDType): Tensor {
  const own = operand.dtype ?? 'float32'
  const type = isFloat(own) ? (dtype ?? own) : own
  const given = operand.values ?? operand.data
  if (given) return new Tensor(type, given, operand.shape)
  const random = uniform(seed)
  const size = sizeOf(operand.shape)
  const [from, to] = own === 'bool' ? [0, 2] : (operand.range ?? [-2, 2])
  let elements = Array.from({ length: size }, () => from + (to - from) * random())
  if (operand.distinct) {
    const order = elements.map((_, index) => index).sort((a, b) => elements[a] - elements[b])
    elements = elements.slice()
    order.forEach((index, rank) => {
      elements[index] = from + (Math.max(to - from, size * 0.02) * (rank + 0.25 + 0.5 * random())) / size
    })
  }
  for (const kink of operand.avoid ?? [])
    elements = elements.map((x) => (Math.abs(x - kink) < 0.05 ? kink + (x < kink ? -0.05 : 0.05) : x))
  return new Tensor(type, isFloat(own) ? elements : elements.map(Math.floor), operand.shape)
}

/** The case as a graph of one node between inputs and outputs, and its operands. */
export function graphOf(row: OpCase) {
  const builder = new GraphBuilder('case')
  const tensors = row.inputs.map((operand, index) => operand && operandTensor(operand, index + 1))
  const values = tensors.map((tensor, index) =>
    !tensor
      ? undefined
      : row.inputs[index]!.values
        ? builder.constant(tensor)
        : builder.input(`input${index}`, tensor.type, tensor.dims),
  )
  builder.emit(row.op, values, row.attributes, row.outputs).forEach((value, index) => {
    builder.output(value, `output${index}`)
  })
  return { graph: builder.build(), tensors }
}

/** What the graph of a case gives on `backend`, and how it runs there. */
export async function resultsOf(graph: Graph, tensors: readonly (Tensor | undefined)[], backend: Backend) {
  const executable = compile(graph, backend)
  try {
    for (const input of graph.inputs)
      executable.write(input.name, tensors[Number(input.name.slice('input'.length))]!.data as TypedArray)
    await executable.run()
    const results = await Promise.all(graph.outputs.map((output) => executable.read(output.name)))
    return { results, description: executable.describe() }
  } finally {
    executable.dispose()
  }
}
