import { LanewiseError } from '../core/errors.js'
import type { Attributes, AttributeValue, Node } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import type { AttributeSchema } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import { onnx, wideToNumber } from './proto.js'
import { decodeTensor, encodeTensor } from './tensors.js'

const { AttributeType } = onnx.AttributeProto
const decodeText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const encodeText = (text: string) => new TextEncoder().encode(text)

/** The attributes of a NodeProto. Throws UNSUPPORTED_OP for kinds that lanewise does not hold. */
export function decodeAttributes(protos: readonly onnx.IAttributeProto[], what: string): Attributes {
  const attributes: Record<string, AttributeValue> = {}
  for (const proto of protos) attributes[proto.name ?? ''] = decodeAttribute(proto, what)
  return attributes
}

function decodeAttribute(proto: onnx.IAttributeProto, what: string): AttributeValue {
  switch (proto.type) {
    case AttributeType.FLOAT:
      return proto.f ?? 0
    case AttributeType.INT:
      return wideToNumber(proto.i)
    case AttributeType.STRING:
      return decodeText(proto.s ?? new Uint8Array())
    case AttributeType.TENSOR:
      return decodeTensor(proto.t ?? {})
    case AttributeType.FLOATS:
      return proto.floats ?? []
    case AttributeType.INTS:
      return (proto.ints ?? []).map(wideToNumber)
    case AttributeType.STRINGS:
      return (proto.strings ?? []).map(decodeText)
    default:
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${what}: attribute '${proto.name}' has the kind ${proto.type}, which lanewise does not read`,
      )
  }
}

/** The attributes of `node` that differ from their defaults, with their schemas. */
export function writtenAttributes(node: Node): { name: string; schema: AttributeSchema; value: AttributeValue }[] {
  const schemas = definitionOf(node.op).attributes ?? {}
  return Object.entries(node.attributes).flatMap(([name, value]) => {
    const schema = schemas[name]
    return value === undefined || schema === undefined || sameValue(value, schema.default)
      ? []
      : [{ name, schema, value }]
  })
}

/** The attributes of `node` that differ from their defaults, typed by the op's schema. */
export const encodeAttributes = (node: Node): onnx.IAttributeProto[] =>
  writtenAttributes(node).map(({ name, schema, value }) => ({ name, ...encodeAttribute(schema.type, value) }))

const sameValue = (a: AttributeValue, b: AttributeValue | undefined) => JSON.stringify(a) === JSON.stringify(b)

function encodeAttribute(type: AttributeSchema['type'], value: AttributeValue): onnx.IAttributeProto {
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
    case 'graph':
      throw new LanewiseError('UNSUPPORTED_OP', 'subgraphs cannot be exported')
  }
}
