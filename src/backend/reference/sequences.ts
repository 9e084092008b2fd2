import { LanewiseError } from '../../core/errors.js'
import type { Attributes, HostValue, Node, TensorType } from '../../core/ir.js'
import { concrete, normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { partSizes, type SequenceOpName } from '../../ops/sequence.js'
import { evaluate } from './evaluate.js'
import { numbersOf } from './numbers.js'

/** The most elements that a sequence may have. */
const longest = 2 ** 20

/** What a kernel of a sequence op works from; attributes have their defaults filled in. */
interface SequenceContext {
  readonly inputs: readonly (HostValue | undefined)[]
  readonly attributes: Attributes
}

type SequenceKernel = (context: SequenceContext) => HostValue

const tensor = (value: HostValue | undefined): Tensor => {
  if (value instanceof Tensor) return value
  throw new LanewiseError('TYPE_MISMATCH', 'a tensor is needed, got a sequence or an empty optional')
}

const sequence = (value: HostValue | undefined): readonly HostValue[] => {
  if (Array.isArray(value)) return value
  throw new LanewiseError('TYPE_MISMATCH', 'a sequence is needed, got a tensor or an empty optional')
}

/** A position in a sequence, from the end when negative. Throws INVALID_ARGUMENT beyond `last`. */
function positionIn(value: HostValue | undefined, length: number, last: number): number {
  const given = numbersOf(tensor(value))[0]
  const position = given < 0 ? given + length : given
  if (!(position >= 0 && position <= last))
    throw new LanewiseError('INVALID_ARGUMENT', `position ${given} is outside a sequence of ${length} elements`)
  return position
}

/** Runs an op that does not belong to a model's node on host tensors. */
const apply = (op: string, inputs: readonly Tensor[], attributes: Attributes): readonly Tensor[] => {
  const types = inputs.map(({ type, dims }, index): TensorType & { name: string } => ({
    name: `${index}`,
    dtype: type,
    shape: dims,
  }))
  const node: Node = { op, name: op, inputs: types, outputs: [], attributes }
  return evaluate(node, inputs)
}

/** The slice of `x` at `index` of `axis`, without that axis. */
export const sliceAt = (x: Tensor, axis: number, index: number): Tensor =>
  apply('Gather', [x, Tensor.scalar(index, 'int64')], { axis })[0]

const split: SequenceKernel = ({ inputs: [input, sizes], attributes }) => {
  const x = tensor(input)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), x.dims.length)
  const given = sizes === undefined ? undefined : tensor(sizes)
  const parts = partSizes(x.dims[axis], given && [...numbersOf(given)], given?.dims.length === 0)
  const bound = (value: number) => new Tensor('int64', [value], [1])
  let start = 0
  return parts.map((size) => {
    const [part] = apply('Slice', [x, bound(start), bound(start + size), bound(axis)], {})
    start += size
    const drops = !given && intAttribute(attributes, 'keepdims') === 0
    return drops ? part.reshape(part.dims.toSpliced(axis, 1)) : part
  })
}

const join: SequenceKernel = ({ inputs: [input], attributes }) => {
  const parts = sequence(input).map(tensor)
  if (parts.length === 0) throw new LanewiseError('INVALID_ARGUMENT', 'an empty sequence cannot be joined')
  const stacks = intAttribute(attributes, 'new_axis') === 1
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), parts[0].dims.length + (stacks ? 1 : 0))
  const operands = stacks ? parts.map((part) => part.reshape(concrete(part.dims).toSpliced(axis, 0, 1))) : parts
  return apply('Concat', operands, { axis })[0]
}

const kernels: Readonly<Record<SequenceOpName, SequenceKernel>> = {
  SequenceEmpty: () => [],
  SequenceConstruct: ({ inputs }) => inputs.map(tensor),
  SequenceInsert: ({ inputs: [input, element, position] }) => {
    const items = sequence(input)
    return items.toSpliced(
      position ? positionIn(position, items.length, items.length) : items.length,
      0,
      tensor(element),
    )
  },
  SequenceErase: ({ inputs: [input, position] }) => {
    const items = sequence(input)
    if (items.length >= longest)
      throw new LanewiseError('OUT_OF_MEMORY', `a sequence may have ${longest} elements at most`)
    return items.toSpliced(position ? positionIn(position, items.length, items.length - 1) : items.length - 1, 1)
  },
  SequenceAt: ({ inputs: [input, position] }) => {
    const items = sequence(input)
    return items[positionIn(position, items.length, items.length - 1)]
  },
  SequenceLength: ({ inputs: [input] }) => Tensor.scalar(sequence(input).length, 'int64'),
  SplitToSequence: split,
  ConcatFromSequence: join,
  Optional: ({ inputs: [value] }) => value ?? null,
  OptionalGetElement: ({ inputs: [value] }) => {
    if (value === null || value === undefined)
      throw new LanewiseError('INVALID_ARGUMENT', 'the optional value is empty: ask OptionalHasElement first')
    return value
  },
  OptionalHasElement: ({ inputs: [value] }) => new Tensor('bool', [value !== null && value !== undefined], []),
}

export const isSequenceOp = (op: string): op is SequenceOpName => Object.hasOwn(kernels, op)

/** Runs one sequence or optional op on host values; its one output. Throws LanewiseError, naming the node. */
export function evaluateSequence(
  op: SequenceOpName,
  name: string,
  inputs: readonly (HostValue | undefined)[],
  attributes: Attributes,
): HostValue {
  try {
    return kernels[op]({ inputs, attributes })
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `${op} '${name}': ${error.message}`, { cause: error })
  }
}
