import { LanewiseError } from '../core/errors.js'
import type { Attributes, AttributeValue, Graph, Node, TensorType } from '../core/ir.js'
import { isGraph } from '../core/subgraph.js'
import type { Tensor } from '../core/tensor.js'
import type { AttributeSchema } from '../ops/definition.js'
import { definitionOf, operators } from '../ops/index.js'
import type { ExternalFiles } from './external.js'
import { onnx, wideToBigInt } from './proto.js'
import { decodeSparseTensor, decodeTensor, encodeTensor } from './tensors.js'
import { decodeType, encodeType } from './types.js'

const { AttributeType } = onnx.AttributeProto
const decodeText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const encodeText = (text: string) => new TextEncoder().encode(text)

/** How the kinds of attributes that hold more than numbers and words become values. */
export interface AttributeContext {
  readonly files: ExternalFiles
  readonly graphOf: (proto: onnx.IGraphProto) => Graph
}

const noContext: AttributeContext = {
  files: new Map(),
  graphOf: () => {
    throw new LanewiseError('UNSUPPORTED_OP', 'a subgraph is not expected here')
  },
}

/** The attributes of a NodeProto. Throws UNSUPPORTED_OP for kinds that lanewise does not hold. */
export function decodeAttributes(
  protos: readonly onnx.IAttributeProto[],
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
function kindOf(proto: onnx.IAttributeProto): number {
  if (proto.type) return proto.type
  if (proto.t) return AttributeType.TENSOR
  if (proto.g) return AttributeType.GRAPH
  if (proto.floats?.length) return AttributeType.FLOATS
  if (proto.ints?.length) return AttributeType.INTS
  if (proto.strings?.length) return AttributeType.STRINGS
  if (Object.hasOwn(proto, 'f')) return AttributeType.FLOAT
  if (Object.hasOwn(proto, 'i')) return AttributeType.INT
  if (Object.hasOwn(proto, 's')) return AttributeType.STRING
  return AttributeType.UNDEFINED
}

function decodeAttribute(proto: onnx.IAttributeProto, what: string, context: AttributeContext): AttributeValue {
  switch (kindOf(proto)) {
    case AttributeType.FLOAT:
      return proto.f ?? 0
    case AttributeType.INT:
      return clampedInt(proto.i)
    case AttributeType.STRING:
      return decodeText(proto.s ?? new Uint8Array())
    case AttributeType.TENSOR:
      return decodeTensor(proto.t ?? {}, context.files)
    case AttributeType.SPARSE_TENSOR:
      return decodeSparseTensor(proto.sparseTensor ?? {}, context.files)
    case AttributeType.GRAPH:
      return context.graphOf(proto.g ?? {})
    case AttributeType.GRAPHS:
      return (proto.graphs ?? []).map(context.graphOf)
    case AttributeType.FLOATS:
      return proto.floats ?? []
    case AttributeType.INTS:
      return (proto.ints ?? []).map(clampedInt)
    case AttributeType.STRINGS:
      return (proto.strings ?? []).map(decodeText)
    case AttributeType.TYPE_PROTO:
      return decodeType(proto.tp ?? {}, proto.name ?? '')
    default:
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${what}: attribute '${proto.name}' has the kind ${proto.type}, which lanewise does not read`,
      )
  }
}

/** An integer attribute; those beyond 2^53, which stand for "to the end", are limited to that. */
const clampedInt = (value: onnx.IAttributeProto['i']): number => {
  const exact = Number(wideToBigInt((value ?? 0) as number))
  return Math.min(Math.max(exact, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}

/** The attributes of `node` that differ from their defaults, with their schemas. */
export function writtenAttributes(node: Node): { name: string; schema: AttributeSchema; value: AttributeValue }[] {
  const schemas = definitionOf(node.op).attributes ?? {}
  return Object.entries(node.attributes).flatMap(([name, value]) => {
    const schema = schemas[name]
    return value === undefined || schema === undefined || schema.internal || sameValue(value, schema.default)
      ? []
      : [{ name, schema, value }]
  })
}

/** The attributes of `node` that differ from their defaults, typed by the op's schema; `encodeGraph` writes subgraphs. */
export const encodeAttributes = (node: Node, encodeGraph: EncodeGraph): onnx.IAttributeProto[] =>
  writtenAttributes(node).map(({ name, schema, value }) => ({
    name,
    ...encodeAttribute(schema.type, value, encodeGraph),
  }))

type EncodeGraph = (graph: Graph) => onnx.IGraphProto

const sameValue = (a: AttributeValue, b: AttributeValue | undefined) =>
  b !== undefined && JSON.stringify(a) === JSON.stringify(b)

function encodeAttribute(
  type: AttributeSchema['type'],
  value: AttributeValue,
  encodeGraph: EncodeGraph,
): onnx.IAttributeProto {
  switch (type) {
    case 'float':
      return { type: AttributeType.FLOAT, f: value as number }
    case 'int':
      return { type: AttributeType.INT, i: value as number }
    case 'string':
      return { type: AttributeType.STRING, s: encodeText(value as string) }
    case 'floats':
      return { type: AttributeType.FLOATS, floats: [...(value as readonly number[])] }
    case 'ints':
      return { type: AttributeType.INTS, ints: [...(value as readonly number[])] }
    case 'strings':
      return { type: AttributeType.STRINGS, strings: (value as readonly string[]).map(encodeText) }
    case 'tensor':
      return { type: AttributeType.TENSOR, t: encodeTensor(value as Tensor) }
    case 'type':
      return { type: AttributeType.TYPE_PROTO, tp: encodeType(value as TensorType) }
    case 'graph':
      return isGraph(value)
        ? { type: AttributeType.GRAPH, g: encodeGraph(value) }
        : { type: AttributeType.GRAPHS, graphs: (value as readonly Graph[]).map(encodeGraph) }
  }
}
