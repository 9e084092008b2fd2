import type { About, Origin } from '../core/ir.js'
import type { Shape } from '../core/shape.js'
import { onnx, wideToNumber } from './proto.js'
import { fieldsOf } from './wire.js'

// Field numbers of onnx.proto; the protobuf library does not know metadata_props of graphs and nodes.
const modelGraph = 7
const graphNode = 1
const nodeAttribute = 5
const attributeGraph = 6
const attributeGraphs = 11
const graphMetadata = 16
const nodeMetadata = 9

type Entries = Readonly<Record<string, string>>

/** What the metadata_props of a model's graph and nodes say. */
export interface DeepMetadata {
  readonly graph: Entries
  readonly nodes: ReadonlyMap<onnx.INodeProto, Entries>
}

const last = (bytes: Uint8Array, wanted: number): Uint8Array | undefined =>
  [...fieldsOf(bytes)].findLast(({ field }) => field === wanted)?.bytes

const all = (bytes: Uint8Array, wanted: number): Uint8Array[] =>
  [...fieldsOf(bytes)].filter(({ field }) => field === wanted).map((item) => item.bytes)

const entriesOf = (messages: readonly Uint8Array[]): Entries =>
  Object.fromEntries(
    messages.map((message) => {
      const text = (field: number) => new TextDecoder().decode(last(message, field))
      return [text(1), text(2)]
    }),
  )

/** Reads what the protobuf library leaves out: `bytes` is the file of `model`. */
export function deepMetadata(model: onnx.IModelProto, bytes: Uint8Array): DeepMetadata {
  const nodes = new Map<onnx.INodeProto, Entries>()
  const visitGraph = (graph: onnx.IGraphProto, message: Uint8Array): Entries => {
    all(message, graphNode).forEach((node, index) => {
      const known = graph.node?.[index]
      if (known) visitNode(known, node)
    })
    return entriesOf(all(message, graphMetadata))
  }
  const visitNode = (node: onnx.INodeProto, message: Uint8Array) => {
    const own = all(message, nodeMetadata)
    if (own.length > 0) nodes.set(node, entriesOf(own))
    const attributes = node.attribute ?? []
    if (!attributes.some(({ g, graphs }) => g || graphs?.length)) return
    all(message, nodeAttribute).forEach((attribute, index) => {
      const { g, graphs } = attributes[index] ?? {}
      const inner = g && last(attribute, attributeGraph)
      if (inner) visitGraph(g, inner)
      all(attribute, attributeGraphs).forEach((graph, at) => {
        if (graphs?.[at]) visitGraph(graphs[at], graph)
      })
    })
  }
  const graph = last(bytes, modelGraph)
  return { graph: model.graph && graph ? visitGraph(model.graph, graph) : {}, nodes }
}

/** `doc` and `metadata` as a node or a graph holds them; undefined where both are empty. */
export const aboutOf = (doc: string | null | undefined, metadata: Entries = {}): About | undefined =>
  doc || Object.keys(metadata).length > 0 ? { doc: doc ?? '', metadata } : undefined

/** What the file of `model` says besides its graph. */
export const originOf = (
  model: onnx.IModelProto,
  metadata: Entries,
  outputs: ReadonlyMap<string, Shape>,
  notes: readonly string[],
): Origin => ({
  producerName: model.producerName ?? '',
  producerVersion: model.producerVersion ?? '',
  domain: model.domain ?? '',
  modelVersion: wideToNumber(model.modelVersion),
  doc: model.docString ?? '',
  graph: { doc: model.graph?.docString ?? '', metadata },
  outputs,
  notes,
})

/** The messages to write, with what the protobuf library has no field for. */
export interface WrittenNode extends onnx.INodeProto {
  readonly metadataProps?: Entries | undefined
}
export interface WrittenGraph extends Omit<onnx.IGraphProto, 'node'> {
  readonly node: WrittenNode[]
  readonly metadataProps?: Entries | undefined
}

type Writer = ReturnType<typeof onnx.ModelProto.encode>

/** Writes field `field`: the message that `write` writes. */
const message = (writer: Writer, field: number, write: () => unknown): void => {
  writer.uint32(field * 8 + 2).fork()
  write()
  writer.ldelim()
}

const encodeEntries = (writer: Writer, field: number, entries: Entries = {}): void => {
  for (const [key, value] of Object.entries(entries))
    message(writer, field, () => onnx.StringStringEntryProto.encode({ key, value }, writer))
}

function encodeNode(writer: Writer, node: WrittenNode): void {
  onnx.NodeProto.encode({ ...node, attribute: [] }, writer)
  for (const { g, graphs, ...attribute } of node.attribute ?? [])
    message(writer, nodeAttribute, () => {
      onnx.AttributeProto.encode(attribute, writer)
      if (g) message(writer, attributeGraph, () => encodeGraph(writer, g as WrittenGraph))
      for (const graph of graphs ?? [])
        message(writer, attributeGraphs, () => encodeGraph(writer, graph as WrittenGraph))
    })
  encodeEntries(writer, nodeMetadata, node.metadataProps)
}

function encodeGraph(writer: Writer, graph: WrittenGraph): void {
  onnx.GraphProto.encode({ ...graph, node: [] }, writer)
  for (const node of graph.node) message(writer, graphNode, () => encodeNode(writer, node))
  encodeEntries(writer, graphMetadata, graph.metadataProps)
}

/** The bytes of a model whose graph is `graph`. */
export function encodeModel(model: onnx.IModelProto, graph: WrittenGraph): Uint8Array {
  const writer = onnx.ModelProto.encode(model)
  message(writer, modelGraph, () => encodeGraph(writer, graph))
  // In Node the encoder gives a Buffer over shared memory, whose slice() is no copy.
  return new Uint8Array(writer.finish())
}
