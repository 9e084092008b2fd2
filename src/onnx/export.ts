import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { About, Graph, Node, Value, Variable } from '../core/ir.js'
import { checkOptions } from '../core/options.js'
import { subgraphsOf } from '../core/subgraph.js'
import type { Tensor } from '../core/tensor.js'
import { GraphBuilder } from '../graph/builder.js'
import { passesOn } from '../graph/verify.js'
import { definitionOf, loadedDefinitionOf } from '../ops/index.js'
import { entriesOf, outputShapeOf } from './about.js'
import { encode } from './encode.js'
import { encodeAttributes, writtenAttributes } from './encode-attributes.js'
import type { GraphProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto } from './messages.js'
import { encodeTensor } from './tensors.js'
import { encodeType } from './types.js'

export interface ExportOptions {
  /** ai.onnx opset to write, 13 to 24; 18 unless told, or the first one that has every op of the graph. */
  readonly opset?: number | undefined
  /** Added to the graph's metadata. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Leaves out metadata, documentation, and the types of values that are neither inputs nor outputs. */
  readonly strip?: boolean | undefined
}

const exportOptions: Readonly<Record<keyof ExportOptions, true>> = { opset: true, metadata: true, strip: true }

const defaultOpset = 18
const oldestWritable = 13
const newestWritable = 24

/** The IR version that came with an opset, so that runtimes of its time accept the file. */
const irVersionOf = (opset: number): number =>
  opset >= 24 ? 12 : opset >= 23 ? 11 : opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : 7

/**
 * Writes an inference graph without variables as an ONNX model of standard ops: names, symbolic dimensions, the shape of
 * every value and the metadata kept. Throws UNSUPPORTED_OP for a node that the opset cannot say.
 */
export function exportModel(graph: Graph, options: ExportOptions = {}): Uint8Array {
  checkOptions('an export', options, exportOptions)
  const opset = options.opset ?? neededOpset(graph)
  if (!Number.isInteger(opset) || opset < oldestWritable || opset > newestWritable)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `opset ${opset}: lanewise writes ${oldestWritable} to ${newestWritable}`,
    )
  if (graph.variables.size > 0)
    throw new LanewiseError('INVALID_ARGUMENT', 'an exported graph holds constants, not variables: bake them first')
  const written = encodeGraph(graph, opset)
  const { origin } = options.strip ? { ...graph, origin: undefined } : graph
  return encode('ModelProto', {
    irVersion: irVersionOf(opset),
    producerName: origin?.producerName || 'lanewise',
    ...(origin?.producerVersion ? { producerVersion: origin.producerVersion } : {}),
    ...(origin?.domain ? { domain: origin.domain } : {}),
    ...(origin?.modelVersion ? { modelVersion: origin.modelVersion } : {}),
    ...(origin?.doc ? { docString: origin.doc } : {}),
    opsetImport: [{ domain: '', version: opset }, ...otherDomains(graph)],
    metadataProps: entriesOf({ ...(options.strip ? {} : graph.metadata), ...options.metadata }),
    graph: options.strip ? stripped(written) : { ...written, ...describe(origin?.graph) },
  })
}

/** A doc string and metadata as the fields of a graph's or a node's message. */
const describe = (about: About | undefined) => ({
  ...(about?.doc ? { docString: about.doc } : {}),
  ...(about ? { metadataProps: entriesOf(about.metadata) } : {}),
})

/** Without the types of inner values and without what nodes say of themselves. */
const stripped = (graph: GraphProto): GraphProto => ({
  ...graph,
  valueInfo: [],
  node: graph.node?.map(({ docString: _, metadataProps: __, ...node }) => node),
})

/** The domain of an op, by the name that `Node.op` holds; '' for ai.onnx. */
const domainOfOp = (op: string): string => op.slice(0, Math.max(0, op.lastIndexOf('.')))

/** The nodes of a graph and of all subgraphs in it. */
const nodesWithin = (graph: Graph): readonly Node[] =>
  graph.nodes.flatMap((node) => [node, ...subgraphsOf(node).flatMap(([, body]) => nodesWithin(body))])

/** The opsets that brought element types of few bits; opset 21 let quantization have those of 16 bits. */
const sinceOfTypes: Readonly<Partial<Record<DType, number>>> = {
  float8e4m3fn: 19,
  float8e4m3fnuz: 19,
  float8e5m2: 19,
  float8e5m2fnuz: 19,
  int4: 21,
  uint4: 21,
  float4e2m1: 23,
  float8e8m0: 24,
}
const quantizing: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear'])

function sinceOfValues({ op, inputs, outputs }: Node): number {
  const dtypes = [...inputs, ...outputs].flatMap((value) => value?.dtype ?? [])
  const is16Bits = quantizing.has(op) && dtypes.some((dtype) => dtype === 'int16' || dtype === 'uint16')
  return Math.max(is16Bits ? 21 : 0, ...dtypes.map((dtype) => sinceOfTypes[dtype] ?? 0))
}

/** The first opset, from the default on, that has every op which cannot be written in others, in the form that it has here. */
const neededOpset = (graph: Graph): number =>
  nodesWithin(graph).reduce((opset, node) => {
    const { since, decompose } = definitionOf(node.op)
    if (decompose || domainOfOp(node.op) !== '') return opset
    const attributes = writtenAttributes(node).map(({ schema }) => schema.since ?? 0)
    return Math.max(opset, since, sinceOfValues(node), ...attributes)
  }, defaultOpset)

/** The domains besides ai.onnx that a graph uses, each in the oldest version that has all its forms. */
function otherDomains(graph: Graph): OperatorSetIdProto[] {
  const versions = new Map<string, number>()
  for (const { op } of nodesWithin(graph)) {
    const domain = domainOfOp(op)
    if (domain !== '' && domain !== 'lanewise')
      versions.set(domain, Math.max(versions.get(domain) ?? 1, definitionOf(op).since))
  }
  return [...versions].map(([domain, version]) => ({ domain, version }))
}

/** What the graphs around a subgraph have named. */
interface Scope {
  readonly names: ReadonlySet<string>
  readonly constants: ReadonlyMap<Tensor, string>
}

const outermost: Scope = { names: new Set(), constants: new Map() }

/**
 * A graph in the file's form. In a subgraph the last inputs are what it captures: they go by the names `captured` that
 * the graph around has for them, as do constants that it shares; no other name hides one of `scope`.
 */
function encodeGraph(
  given: Graph,
  opset: number,
  scope: Scope = outermost,
  captured: readonly string[] = [],
): GraphProto {
  const graph = decompose(given, opset)
  const inputs = graph.inputs.slice(0, graph.inputs.length - captured.length)
  const names = new Map<Value, string>()
  const taken = new Set(scope.names)
  const assign = (value: Value) => {
    let unique = value.name
    for (let suffix = 1; taken.has(unique); suffix++) unique = `${value.name}_${suffix}`
    taken.add(unique)
    names.set(value, unique)
  }
  graph.inputs.slice(inputs.length).forEach((value, index) => {
    names.set(value, captured[index])
  })
  inputs.forEach(assign)
  const constants = new Map(scope.constants)
  const initializers: TensorProto[] = []
  for (const [value, tensor] of graph.constants) {
    const shared = scope.constants.get(tensor)
    if (shared !== undefined) names.set(value, shared)
    else {
      assign(value)
      constants.set(tensor, names.get(value)!)
      initializers.push(encodeTensor(tensor, names.get(value)!))
    }
  }
  const nodes = graph.nodes.filter((node) => !passesOn(node))
  for (const node of graph.nodes)
    if (passesOn(node)) names.set(node.outputs[0], names.get(node.inputs[0]!)!)
    else node.outputs.forEach(assign)

  const nameOf = (value: Value | undefined) => (value ? names.get(value)! : '')
  const encodeNode = (node: Node): NodeProto => {
    const count = node.inputs.length - ((node.attributes['captures'] as number | undefined) ?? 0)
    const around = node.inputs.slice(count).map(nameOf)
    const operands = node.inputs.slice(0, count)
    return {
      opType: node.op.slice(node.op.lastIndexOf('.') + 1),
      domain: domainOfOp(node.op),
      name: node.name,
      input: operands.slice(0, operands.findLastIndex((input) => input !== undefined) + 1).map(nameOf),
      output: node.outputs.map(nameOf),
      attribute: encodeAttributes(node, (body) => encodeGraph(body, opset, { names: taken, constants }, around)),
      ...describe(node.about),
    }
  }
  const encodeValue = (value: Value): ValueInfoProto => ({ name: nameOf(value), type: encodeType(value) })
  const encodeOutput = (value: Value): ValueInfoProto => ({
    name: nameOf(value),
    type: encodeType({ ...value, shape: outputShapeOf(graph, value) }),
  })
  const outputs = new Set(graph.outputs)
  return {
    name: graph.name,
    node: nodes.map(encodeNode),
    initializer: initializers,
    input: inputs.map(encodeValue),
    output: graph.outputs.map(encodeOutput),
    valueInfo: nodes.flatMap((node) => node.outputs.filter((value) => !outputs.has(value)).map(encodeValue)),
  }
}

/** Replaces every node that `opset` lacks by its decomposition, until only nodes of that opset are left. */
function decompose(graph: Graph, opset: number): Graph {
  const isWritable = (node: Node) =>
    domainOfOp(node.op) !== ''
      ? domainOfOp(node.op) !== 'lanewise'
      : definitionOf(node.op).since <= opset &&
        writtenAttributes(node).every(({ schema }) => (schema.since ?? 0) <= opset)
  if (graph.nodes.every(isWritable)) return graph
  const builder = new GraphBuilder(graph.name)
  const replaced = new Map<Value, Value>()
  const at = (value: Value): Value => replaced.get(value) ?? value
  for (const value of graph.inputs) {
    const { name, dtype, shape, container } = value
    replaced.set(value, builder.input(name, dtype, shape, container))
  }
  for (const [value, tensor] of graph.constants) replaced.set(value, builder.constant(tensor, value.name))
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => input && at(input))
    if (isWritable(node)) {
      const names = node.outputs.map(({ name }) => name)
      const outputs = builder.node(node.op, node.name, inputs, node.attributes, names, node.about)
      node.outputs.forEach((value, index) => {
        replaced.set(value, outputs[index])
      })
      continue
    }
    const rule = loadedDefinitionOf(node.op).decompose
    if (!rule)
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${node.op} '${node.name}' has no form in opset ${opset}; export with a newer one`,
      )
    const outputs = builder.scope(node.name, () => rule(builder, { ...node, inputs }))
    node.outputs.forEach((value, index) => {
      replaced.set(value, outputs[index])
    })
  }
  for (const output of graph.outputs) builder.output(at(output), output.name)
  return decompose(builder.build(graph), opset)
}

/** `graph` with each variable replaced by a constant of the content that `contents` holds for it. Updates are dropped. */
export function bakeVariables(graph: Graph, contents: ReadonlyMap<Variable, Tensor>): Graph {
  const constants = new Map(graph.constants)
  for (const [value, variable] of graph.variables) {
    const content = contents.get(variable)
    if (!content) throw new LanewiseError('INVALID_ARGUMENT', `no content is given for the variable '${variable.name}'`)
    constants.set(value, content)
  }
  return { ...graph, constants, variables: new Map(), updates: [] }
}
