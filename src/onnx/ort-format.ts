import { LanewiseError } from '../core/errors.js'
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  TypeProto,
  ValueInfoProto,
} from './messages.js'
import { deepestSubgraph } from './proto.js'

/**
 * A field of a table: its name, what it holds (a scalar, another table, or the table of a union that the field `of` tells), and
 * whether it repeats. `bytes` is a vector of bytes, or a text that stays in UTF-8.
 */
type Field = readonly [name: string, kind: string, repeated?: 'repeated']

/** onnxruntime's format as its schema, ort.fbs, has it: of each table the fields that a model needs, by their place. */
const tables: Readonly<Record<string, Readonly<Record<number, Field>>>> = {
  InferenceSession: { 1: ['model', 'Model'] },
  Model: {
    0: ['irVersion', 'int64'],
    1: ['opsetImport', 'OperatorSetId', 'repeated'],
    2: ['producerName', 'string'],
    3: ['producerVersion', 'string'],
    4: ['domain', 'string'],
    5: ['modelVersion', 'int64'],
    6: ['docString', 'string'],
    7: ['graph', 'Graph'],
    8: ['graphDocString', 'string'],
    9: ['metadataProps', 'StringStringEntry', 'repeated'],
  },
  OperatorSetId: { 0: ['domain', 'string'], 1: ['version', 'int64'] },
  StringStringEntry: { 0: ['key', 'string'], 1: ['value', 'string'] },
  Graph: {
    0: ['initializer', 'Tensor', 'repeated'],
    1: ['values', 'ValueInfo', 'repeated'],
    2: ['node', 'Node', 'repeated'],
    5: ['inputs', 'string', 'repeated'],
    6: ['outputs', 'string', 'repeated'],
    7: ['sparseInitializer', 'SparseTensor', 'repeated'],
  },
  Node: {
    0: ['name', 'string'],
    1: ['docString', 'string'],
    2: ['domain', 'string'],
    5: ['opType', 'string'],
    8: ['input', 'string', 'repeated'],
    9: ['output', 'string', 'repeated'],
    10: ['attribute', 'Attribute', 'repeated'],
  },
  Attribute: {
    0: ['name', 'string'],
    2: ['type', 'int32'],
    3: ['f', 'float'],
    4: ['i', 'int64'],
    5: ['s', 'bytes'],
    6: ['t', 'Tensor'],
    7: ['g', 'Graph'],
    8: ['floats', 'float', 'repeated'],
    9: ['ints', 'int64', 'repeated'],
    10: ['strings', 'bytes', 'repeated'],
    11: ['tensors', 'Tensor', 'repeated'],
    12: ['graphs', 'Graph', 'repeated'],
  },
  Tensor: {
    0: ['name', 'string'],
    2: ['dims', 'int64', 'repeated'],
    3: ['dataType', 'int32'],
    4: ['rawData', 'bytes'],
    5: ['stringData', 'bytes', 'repeated'],
    6: ['external', 'int64'],
  },
  SparseTensor: { 0: ['values', 'Tensor'], 1: ['indices', 'Tensor'], 2: ['dims', 'int64', 'repeated'] },
  ValueInfo: { 0: ['name', 'string'], 1: ['docString', 'string'], 2: ['type', 'TypeInfo'] },
  TypeInfo: { 1: ['of', 'int8'], 2: ['value', 'union'] },
  TensorType: { 0: ['elemType', 'int32'], 1: ['shape', 'Shape'] },
  SequenceType: { 0: ['elemType', 'TypeInfo'] },
  Shape: { 0: ['dim', 'Dimension', 'repeated'] },
  Dimension: { 0: ['value', 'DimensionValue'] },
  DimensionValue: { 0: ['type', 'int8'], 1: ['dimValue', 'int64'], 2: ['dimParam', 'string'] },
}
const unions = [undefined, 'TensorType', 'SequenceType']

/** What the tables above hold, as far as their names and kinds are not those of ONNX's messages. */
interface TypeInfo {
  readonly of?: number
  readonly value?: {
    readonly elemType?: number | TypeInfo
    readonly shape?: { readonly dim?: readonly { readonly value?: { dimValue?: number; dimParam?: string } }[] }
  }
}
interface Graph {
  readonly initializer?: readonly Tensor[]
  readonly sparseInitializer?: GraphProto['sparseInitializer']
  readonly values?: readonly { readonly name?: string; readonly docString?: string; readonly type?: TypeInfo }[]
  readonly node?: readonly (Omit<NodeProto, 'attribute'> & { readonly attribute?: readonly Attribute[] })[]
  readonly inputs?: readonly string[]
  readonly outputs?: readonly string[]
}
type Tensor = TensorProto & { readonly external?: number | bigint }
type Attribute = Omit<AttributeProto, 'g' | 'graphs'> & { readonly g?: Graph; readonly graphs?: readonly Graph[] }
type Model = Omit<ModelProto, 'graph'> & { readonly graph?: Graph; readonly graphDocString?: string }

const damaged = (reason: string): LanewiseError =>
  new LanewiseError('INVALID_MODEL', `not a model in onnxruntime's format, or a truncated one: ${reason}`)

/** Subgraphs lie two tables below the graph around them. */
const deepest = 3 * deepestSubgraph

/** Reads FlatBuffers by `tables`. A file says more tables and elements than it has bytes only where it means some of them twice. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #texts = new Map<number, string>()
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  #budget: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#budget = bytes.length
  }

  root(): { readonly model?: Model } {
    return this.#table('InferenceSession', this.#target(0), 0)
  }

  #spend(amount: number): void {
    this.#budget -= amount
    if (this.#budget < 0) throw damaged('it says more than it holds')
  }

  /** Where the offset at `place` leads to. */
  #target(place: number): number {
    return place + this.#view.getUint32(place, true)
  }

  #table(name: string, at: number, depth: number): Record<string, unknown> {
    this.#spend(4)
    if (depth > deepest) throw damaged(`its tables nest more than ${deepest} deep`)
    const layout = at - this.#view.getInt32(at, true)
    const size = this.#view.getUint16(layout, true)
    const result: Record<string, unknown> = {}
    for (const [slot, [field, kind, repeated]] of Object.entries(tables[name])) {
      const entry = 4 + 2 * Number(slot)
      const offset = entry < size ? this.#view.getUint16(layout + entry, true) : 0
      if (offset === 0) continue
      const held = kind === 'union' ? unions[Number(result['of'])] : kind
      if (held === undefined) throw damaged(`it has a type of kind ${result['of']}, which lanewise does not know`)
      result[field] = repeated ? this.#vector(held, at + offset, depth) : this.#value(held, at + offset, depth)
    }
    return result
  }

  #value(kind: string, place: number, depth: number): unknown {
    switch (kind) {
      case 'int8':
        return this.#view.getInt8(place)
      case 'int32':
        return this.#view.getInt32(place, true)
      case 'float':
        return this.#view.getFloat32(place, true)
      case 'int64': {
        const value = this.#view.getBigInt64(place, true)
        return Number.isSafeInteger(Number(value)) ? Number(value) : value
      }
      case 'bytes':
        return this.#span(this.#target(place))
      case 'string':
        return this.#text(this.#target(place))
      default:
        return this.#table(kind, this.#target(place), depth + 1)
    }
  }

  #vector(kind: string, place: number, depth: number): unknown[] {
    const start = this.#target(place)
    const count = this.#view.getUint32(start, true)
    this.#spend(count)
    const size = kind === 'int64' ? 8 : 4
    return Array.from({ length: count }, (_, i) => this.#value(kind, start + 4 + i * size, depth))
  }

  #span(start: number): Uint8Array {
    const length = this.#view.getUint32(start, true)
    if (start + 4 + length > this.#bytes.length) throw damaged(`${length} bytes should follow byte ${start + 4}`)
    return this.#bytes.subarray(start + 4, start + 4 + length)
  }

  #text(start: number): string {
    const known = this.#texts.get(start)
    if (known !== undefined) return known
    const text = this.#utf8.decode(this.#span(start))
    this.#texts.set(start, text)
    return text
  }
}

function typeOf({ of, value = {} }: TypeInfo): TypeProto {
  const { elemType, shape } = value
  if (of === 2) return { sequenceType: { elemType: typeOf((elemType ?? {}) as TypeInfo) } }
  const dim = shape?.dim?.map(({ value: size = {} }) => size)
  return { tensorType: { elemType: elemType as number | undefined, ...(dim ? { shape: { dim } } : {}) } }
}

function tensorOf({ external, ...tensor }: Tensor): TensorProto {
  if (external !== undefined && external >= 0)
    throw new LanewiseError(
      'UNSUPPORTED_OP',
      `the initializer '${tensor.name}' lies in a file beside the model, which a .ort file's reader does not take; write the model with its weights inside`,
    )
  return tensor
}

function attributeOf({ g, graphs, ...attribute }: Attribute): AttributeProto {
  return {
    ...attribute,
    ...(g ? { g: graphOf(g) } : {}),
    ...(graphs ? { graphs: graphs.map((one) => graphOf(one)) } : {}),
  }
}

function graphOf(graph: Graph, name = ''): GraphProto {
  const { initializer = [], sparseInitializer, values = [], node = [], inputs = [], outputs = [] } = graph
  const types = new Map(
    values.map(({ type, ...value }) => [value.name, { ...value, ...(type ? { type: typeOf(type) } : {}) }]),
  )
  const valueInfoOf = (value: string): ValueInfoProto => types.get(value) ?? { name: value }
  const ports = new Set([...inputs, ...outputs])
  return {
    name,
    node: node.map(({ attribute = [], ...rest }) => ({ ...rest, attribute: attribute.map(attributeOf) })),
    initializer: initializer.map(tensorOf),
    sparseInitializer,
    input: inputs.map(valueInfoOf),
    output: outputs.map(valueInfoOf),
    valueInfo: [...types.values()].filter((value) => value.type && !ports.has(value.name ?? '')),
  }
}

/**
 * Parses a model in onnxruntime's own format (.ort) into the message that its ONNX file would give. What onnxruntime may
 * fuse when it loads the file stays unfused. Throws INVALID_MODEL for damaged content, UNSUPPORTED_OP for weights outside of the file.
 */
export function decodeOrtModel(bytes: Uint8Array): ModelProto {
  const read = (): Model | undefined => {
    try {
      return new Reader(bytes).root().model
    } catch (error) {
      throw error instanceof RangeError ? damaged('it leads beyond its end') : error
    }
  }
  const { graph, graphDocString, modelVersion, ...model } = read() ?? {}
  if (!graph) throw damaged('it holds no graph')
  // A model without a version is written as the largest integer.
  const version = Number.isSafeInteger(modelVersion) ? { modelVersion } : {}
  return { ...model, ...version, graph: { ...graphOf(graph, 'graph'), docString: graphDocString } }
}
