import { LanewiseError } from '../core/errors.js'
import type { Attributes, AttributeValue, Graph } from '../core/ir.js'
import { definitionOf, operators } from '../ops/index.js'
import type { ExternalFiles } from './external.js'
import { type AttributeProto, attributeType, type GraphProto } from './messages.js'
import { decodeSparseTensor, decodeTensor } from './tensors.js'
import { decodeType } from './types.js'

const decodeText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** How the kinds of attributes that hold more than numbers and words become values. */
export interface AttributeContext {
  readonly files: ExternalFiles
  readonly graphOf: (proto: GraphProto) => Graph
}

const noContext: AttributeContext = {
  files: new Map(),
  graphOf: () => {
    throw new LanewiseError('UNSUPPORTED_OP', 'a subgraph is not expected here')
  },
}

/** The attributes of a NodeProto. Throws UNSUPPORTED_OP for kinds that lanewise does not hold. */
export function decodeAttributes(
  protos: readonly AttributeProto[],
  what: string,
  context: AttributeContext = noContext,
): Attributes {
  const attributes: Record<string, AttributeValue> = Object.create(null)
  for (const proto of protos) {
    const name = proto.name ?? ''
    if (name in attributes)
      throw new LanewiseError('INVALID_MODEL', `${what} gives the attribute '${name}' more than once`)
    attributes[name] = decodeAttribute(proto, what, context)
  }
  return attributes
}

/**
 * Throws INVALID_MODEL for an attribute that the op does not have. Names that begin with `__` are private to whoever
 * wrote them, as in ONNX's own checker.
 */
export function checkAttributeNames(op: string, attributes: Attributes): void {
  const schemas = definitionOf(op).attributes ?? {}
  for (const name of Object.keys(attributes)) {
    if (name.startsWith('__') || Object.hasOwn(schemas, name)) continue
    const known = Object.keys(schemas).filter((key) => !schemas[key].internal)
    throw new LanewiseError(
      'INVALID_MODEL',
      `${op} has no attribute '${name}'; ${known.length > 0 ? `it has ${known.join(', ')}` : 'it has none'}`,
    )
  }
}

/** Throws INVALID_MODEL for an attribute of a file that only lanewise itself may set. */
export function refuseInternalAttributes(op: string, attributes: Attributes): void {
  if (!Object.hasOwn(operators, op)) return
  const schemas = definitionOf(op).attributes ?? {}
  for (const name of Object.keys(attributes))
    if (Object.hasOwn(schemas, name) && schemas[name].internal)
      throw new LanewiseError('INVALID_MODEL', `${op} has no attribute '${name}'`)
}

/** The kind of an attribute; models older than IR 2 leave it to the field that is filled. */
function kindOf(proto: AttributeProto): number {
  if (proto.type) return proto.type
  if (proto.t) return attributeType.TENSOR
  if (proto.g) return attributeType.GRAPH
  if (proto.floats?.length) return attributeType.FLOATS
  if (proto.ints?.length) return attributeType.INTS
  if (proto.strings?.length) return attributeType.STRINGS
  if (proto.f !== undefined) return attributeType.FLOAT
  if (proto.i !== undefined) return attributeType.INT
  if (proto.s !== undefined) return attributeType.STRING
  return 0
}

function decodeAttribute(proto: AttributeProto, what: string, context: AttributeContext): AttributeValue {
  switch (kindOf(proto)) {
    case attributeType.FLOAT:
      return proto.f ?? 0
    case attributeType.INT:
      return clampedInt(proto.i)
    case attributeType.STRING:
      return decodeText(proto.s ?? new Uint8Array())
    case attributeType.TENSOR:
      return decodeTensor(proto.t ?? {}, context.files)
    case attributeType.SPARSE_TENSOR:
      return decodeSparseTensor(proto.sparseTensor ?? {}, context.files)
    case attributeType.GRAPH:
      return context.graphOf(proto.g ?? {})
    case attributeType.GRAPHS:
      return (proto.graphs ?? []).map(context.graphOf)
    case attributeType.FLOATS:
      return proto.floats ?? []
    case attributeType.INTS:
      return (proto.ints ?? []).map(clampedInt)
    case attributeType.STRINGS:
      return (proto.strings ?? []).map(decodeText)
    case attributeType.TYPE_PROTO:
      return decodeType(proto.tp ?? {}, proto.name ?? '')
    default:
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${what}: attribute '${proto.name}' has the kind ${proto.type}, which lanewise does not read`,
      )
  }
}

/** An integer attribute; those beyond 2^53, which stand for "to the end", are limited to that. */
const clampedInt = (value: number | bigint = 0): number =>
  Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
