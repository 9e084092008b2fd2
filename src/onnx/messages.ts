/** The messages of onnx.proto and onnx-data.proto: by field number the name, what it holds, and whether it repeats. */
export const messages = {
  AttributeProto: {
    1: ['name', 'string'],
    2: ['f', 'float'],
    3: ['i', 'int64'],
    4: ['s', 'bytes'],
    5: ['t', 'TensorProto'],
    6: ['g', 'GraphProto'],
    7: ['floats', 'float', 'repeated'],
    8: ['ints', 'int64', 'repeated'],
    9: ['strings', 'bytes', 'repeated'],
    10: ['tensors', 'TensorProto', 'repeated'],
    11: ['graphs', 'GraphProto', 'repeated'],
    13: ['docString', 'string'],
    14: ['tp', 'TypeProto'],
    15: ['typeProtos', 'TypeProto', 'repeated'],
    20: ['type', 'int32'],
    21: ['refAttrName', 'string'],
    22: ['sparseTensor', 'SparseTensorProto'],
    23: ['sparseTensors', 'SparseTensorProto', 'repeated'],
  },
  ValueInfoProto: {
    1: ['name', 'string'],
    2: ['type', 'TypeProto'],
    3: ['docString', 'string'],
    4: ['metadataProps', 'StringStringEntryProto', 'repeated'],
  },
  NodeProto: {
    1: ['input', 'string', 'repeated'],
    2: ['output', 'string', 'repeated'],
    3: ['name', 'string'],
    4: ['opType', 'string'],
    5: ['attribute', 'AttributeProto', 'repeated'],
    6: ['docString', 'string'],
    7: ['domain', 'string'],
    8: ['overload', 'string'],
    9: ['metadataProps', 'StringStringEntryProto', 'repeated'],
  },
  ModelProto: {
    1: ['irVersion', 'int64'],
    2: ['producerName', 'string'],
    3: ['producerVersion', 'string'],
    4: ['domain', 'string'],
    5: ['modelVersion', 'int64'],
    6: ['docString', 'string'],
    7: ['graph', 'GraphProto'],
    8: ['opsetImport', 'OperatorSetIdProto', 'repeated'],
    14: ['metadataProps', 'StringStringEntryProto', 'repeated'],
    25: ['functions', 'FunctionProto', 'repeated'],
  },
  StringStringEntryProto: {
    1: ['key', 'string'],
    2: ['value', 'string'],
  },
  GraphProto: {
    1: ['node', 'NodeProto', 'repeated'],
    2: ['name', 'string'],
    5: ['initializer', 'TensorProto', 'repeated'],
    10: ['docString', 'string'],
    11: ['input', 'ValueInfoProto', 'repeated'],
    12: ['output', 'ValueInfoProto', 'repeated'],
    13: ['valueInfo', 'ValueInfoProto', 'repeated'],
    15: ['sparseInitializer', 'SparseTensorProto', 'repeated'],
    16: ['metadataProps', 'StringStringEntryProto', 'repeated'],
  },
  TensorProto: {
    1: ['dims', 'int64', 'repeated'],
    2: ['dataType', 'int32'],
    4: ['floatData', 'float', 'repeated'],
    5: ['int32Data', 'int32', 'repeated'],
    6: ['stringData', 'bytes', 'repeated'],
    7: ['int64Data', 'int64', 'repeated'],
    8: ['name', 'string'],
    9: ['rawData', 'bytes'],
    10: ['doubleData', 'double', 'repeated'],
    11: ['uint64Data', 'uint64', 'repeated'],
    12: ['docString', 'string'],
    13: ['externalData', 'StringStringEntryProto', 'repeated'],
    14: ['dataLocation', 'int32'],
  },
  SparseTensorProto: {
    1: ['values', 'TensorProto'],
    2: ['indices', 'TensorProto'],
    3: ['dims', 'int64', 'repeated'],
  },
  TensorShapeProto: {
    1: ['dim', 'Dimension', 'repeated'],
  },
  Dimension: {
    1: ['dimValue', 'int64'],
    2: ['dimParam', 'string'],
    3: ['denotation', 'string'],
  },
  TypeProto: {
    1: ['tensorType', 'TensorTypeProto'],
    4: ['sequenceType', 'ElementTypeProto'],
    5: ['mapType', 'MapTypeProto'],
    6: ['denotation', 'string'],
    8: ['sparseTensorType', 'TensorTypeProto'],
    9: ['optionalType', 'ElementTypeProto'],
  },
  TensorTypeProto: {
    1: ['elemType', 'int32'],
    2: ['shape', 'TensorShapeProto'],
  },
  ElementTypeProto: {
    1: ['elemType', 'TypeProto'],
  },
  MapTypeProto: {
    1: ['keyType', 'int32'],
    2: ['valueType', 'TypeProto'],
  },
  OperatorSetIdProto: {
    1: ['domain', 'string'],
    2: ['version', 'int64'],
  },
  FunctionProto: {
    1: ['name', 'string'],
    4: ['input', 'string', 'repeated'],
    5: ['output', 'string', 'repeated'],
    6: ['attribute', 'string', 'repeated'],
    7: ['node', 'NodeProto', 'repeated'],
    8: ['docString', 'string'],
    9: ['opsetImport', 'OperatorSetIdProto', 'repeated'],
    10: ['domain', 'string'],
    11: ['attributeProto', 'AttributeProto', 'repeated'],
    12: ['valueInfo', 'ValueInfoProto', 'repeated'],
    13: ['overload', 'string'],
    14: ['metadataProps', 'StringStringEntryProto', 'repeated'],
  },
  SequenceProto: {
    1: ['name', 'string'],
    2: ['elemType', 'int32'],
    3: ['tensorValues', 'TensorProto', 'repeated'],
    5: ['sequenceValues', 'SequenceProto', 'repeated'],
  },
  OptionalProto: {
    1: ['name', 'string'],
    2: ['elemType', 'int32'],
    3: ['tensorValue', 'TensorProto'],
    5: ['sequenceValue', 'SequenceProto'],
  },
} as const

/** What a field of a scalar kind holds. Integers of 64 bits beyond 2^53 are BigInts. */
interface Scalars {
  string: string
  bytes: Uint8Array
  float: number
  double: number
  int32: number
  int64: number | bigint
  uint64: number | bigint
}

export type ScalarKind = keyof Scalars
export type MessageName = keyof typeof messages

/** A field of a message: its name, its kind, and whether it repeats. */
export type Field = readonly [name: string, kind: ScalarKind | MessageName, repeated?: 'repeated']

type Tables = typeof messages
type Content<Kind> = Kind extends ScalarKind ? Scalars[Kind] : Kind extends MessageName ? Message<Kind> : never
type Value<F> = F extends readonly [string, infer Kind, 'repeated']
  ? readonly Content<Kind>[]
  : F extends readonly [string, infer Kind]
    ? Content<Kind>
    : never
type NameOf<F> = F extends readonly [infer Name extends string, ...unknown[]] ? Name : never

/** A message as an object: fields that it leaves out are not there. */
export type Message<Name extends MessageName> = {
  readonly [Key in keyof Tables[Name] as NameOf<Tables[Name][Key]>]?: Value<Tables[Name][Key]> | undefined
}

export type AttributeProto = Message<'AttributeProto'>
export type FunctionProto = Message<'FunctionProto'>
export type GraphProto = Message<'GraphProto'>
export type ModelProto = Message<'ModelProto'>
export type NodeProto = Message<'NodeProto'>
export type OperatorSetIdProto = Message<'OperatorSetIdProto'>
export type SparseTensorProto = Message<'SparseTensorProto'>
export type StringStringEntryProto = Message<'StringStringEntryProto'>
export type TensorProto = Message<'TensorProto'>
export type TensorShapeProto = Message<'TensorShapeProto'>
export type TypeProto = Message<'TypeProto'>
export type ValueInfoProto = Message<'ValueInfoProto'>

/** AttributeProto.AttributeType */
export const attributeType = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  TYPE_PROTO: 13,
} as const

/** How a kind lies in a file: 0 a varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes. */
export const wireOf = (kind: Field[1]): number =>
  kind === 'int32' || kind === 'int64' || kind === 'uint64' ? 0 : kind === 'double' ? 1 : kind === 'float' ? 5 : 2
