import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { formatType, isUnranked, type Shape } from '../core/shape.js'
import type { GraphProto, NodeProto } from './messages.js'
import { describeProto } from './proto.js'
import { decodeType } from './types.js'

/** How many contradictions a model's notes tell one by one. */
const mostTold = 3

/**
 * What the value_info and the outputs of a model's graphs say of the types of values. Inference counts: another element
 * type is an error, another shape a note, as in onnxruntime; where inference knows no rank, the declared one is taken.
 */
export class Declarations {
  readonly #contradictions: string[] = []

  /** The declared types of tensors by name; other kinds are left to inference. */
  of(graph: GraphProto): ReadonlyMap<string, TensorType> {
    const types = new Map<string, TensorType>()
    for (const { name, type } of [...(graph.valueInfo ?? []), ...(graph.output ?? [])])
      if (name && type?.tensorType?.elemType) types.set(name, decodeType(type, name))
    return types
  }

  /** The type of output `name` of `node`, which inference says is `type`. Throws TYPE_MISMATCH. */
  check(node: NodeProto, name: string, type: TensorType, declared: TensorType | undefined): TensorType {
    if (!declared || type.container) return type
    if (declared.dtype !== type.dtype)
      throw new LanewiseError(
        'TYPE_MISMATCH',
        `${describeProto(node)} gives '${name}' as ${formatType(type)}, the model declares it as ${formatType(declared)}`,
      )
    if (isUnranked(declared.shape)) return type
    // Sizes are not trusted: those that inference lacks follow from the data of a run.
    if (isUnranked(type.shape)) return { ...type, shape: declared.shape.map((_, axis) => `${name}.${axis}`) }
    if (!agree(type.shape, declared.shape))
      this.#contradictions.push(`'${name}' is ${formatType(type)}, the model declares it as ${formatType(declared)}`)
    return type
  }

  /** The contradictions met. */
  get notes(): readonly string[] {
    const told = this.#contradictions.slice(0, mostTold)
    const more = this.#contradictions.length - told.length
    return more > 0 ? [...told, `and ${more} more values are declared otherwise than they are`] : told
  }
}

const agree = (a: Shape, b: Shape): boolean =>
  a.length === b.length &&
  a.every((dim, axis) => typeof dim === 'string' || typeof b[axis] === 'string' || dim === b[axis])
