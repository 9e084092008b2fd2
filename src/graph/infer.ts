import { LanewiseError } from '../core/errors.js'
import type { ConstantOf, Node, TensorType, Value } from '../core/ir.js'
import { formatType, isUnranked, type Shape, unranked } from '../core/shape.js'
import { traitsOf } from '../ops/index.js'
import { UnknownLength } from '../ops/infer.js'
import { inferOutputs } from '../ops/inference.js'

/** Ranks, and lengths of operands that say a rank, that are tried where they are not known. */
const triedSizes = [0, 1, 2, 3, 4, 5, 6]
/** Operands of unknown rank are tried in all combinations up to this many, all with the same rank beyond. */
const triedTogether = 2

/** The type alone, of a value or of an operand. */
export const typeOf = ({ dtype, shape, container }: TensorType): TensorType =>
  container ? { dtype, shape, container } : { dtype, shape }

/** A new value of a type. */
export const namedValue = (name: string, { dtype, shape, container }: TensorType): Value =>
  container ? { name, dtype, shape, container } : { name, dtype, shape }

/** The node as errors name it: op, name, and the types of its inputs. */
export const describeNode = (node: Pick<Node, 'op' | 'name' | 'inputs'>): string =>
  `${node.op} '${node.name}' (${node.inputs
    .map((input) => (input ? `${input.name}: ${formatType(input)}` : '-'))
    .join(', ')})`

/**
 * What the op's definition says of the node's outputs. Where operands are of unknown rank, it is asked for each rank
 * that they may have, and only what all answers share is told. Throws LanewiseError, naming the node.
 */
export function inferTypes(node: Node, constant: ConstantOf): readonly TensorType[] {
  const infer: Infer = (inputs) =>
    inferOutputs(node, inputs, (index) => (node.inputs[index] ? constant(node.inputs[index]) : undefined))
  try {
    const { anyType } = traitsOf(node.op)
    if (!anyType) refuseContainers(node)
    const open = anyType ? [] : openOperands(node)
    if (open.length > 0) return inferOpen(node, infer, open, [])
    try {
      return infer(node.inputs)
    } catch (error) {
      if (error instanceof UnknownLength) return inferOpen(node, infer, [], [error.index])
      throw error
    }
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `${describeNode(node)}: ${error.message}`, { cause: error })
  }
}

/** The operands of unknown rank. */
function openOperands({ inputs }: Node): readonly number[] {
  const open: number[] = []
  for (let index = 0; index < inputs.length; index++)
    if (inputs[index] && isUnranked(inputs[index]!.shape)) open.push(index)
  return open
}

type Infer = (inputs: readonly (TensorType | undefined)[]) => readonly TensorType[]

function refuseContainers(node: Node): void {
  const index = node.inputs.findIndex((input) => input?.container)
  if (index < 0) return
  throw new LanewiseError('TYPE_MISMATCH', `takes tensors, input ${index} is a ${node.inputs[index]!.container}`)
}

/** Inference where the operands `open` are of unknown rank, and the lengths of the operands `lengths` matter. */
function inferOpen(
  node: Node,
  infer: Infer,
  open: readonly number[],
  lengths: readonly number[],
): readonly TensorType[] {
  const answers: (readonly TensorType[])[] = []
  let failure: unknown
  for (const sizes of combinations(open.length + lengths.length)) {
    const shapes = new Map<number, Shape>()
    open.forEach((index, at) => {
      shapes.set(
        index,
        Array.from({ length: sizes[at] }, (_, axis) => `${node.inputs[index]!.name}.${axis}`),
      )
    })
    lengths.forEach((index, at) => {
      shapes.set(index, [sizes[open.length + at]])
    })
    const inputs = node.inputs.map((input, index) => input && { ...input, shape: shapes.get(index) ?? input.shape })
    try {
      answers.push(infer(inputs))
    } catch (error) {
      if (!(error instanceof LanewiseError)) throw error
      if (error instanceof UnknownLength && !lengths.includes(error.index))
        return inferOpen(
          node,
          infer,
          open.filter((index) => index !== error.index),
          [...lengths, error.index],
        )
      failure = error
    }
  }
  if (answers.length === 0) throw failure
  return answers[0].map((first, output): TensorType => {
    const shapes = answers.map((types) => types[output].shape)
    const sameRank = shapes.every((shape) => shape.length === first.shape.length && !isUnranked(shape))
    const shape = sameRank
      ? first.shape.map((dim, axis) =>
          typeof dim === 'number' && shapes.every((other) => other[axis] === dim)
            ? dim
            : `${node.name}:${output}.${axis}`,
        )
      : unranked
    return { ...first, shape }
  })
}

/** The sizes to try for `count` operands. */
const combinations = (count: number): number[][] =>
  count === triedTogether
    ? triedSizes.flatMap((a) => triedSizes.map((b) => [a, b]))
    : triedSizes.map((size) => new Array<number>(count).fill(size))
