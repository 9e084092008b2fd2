import { LanewiseError } from '../core/errors.js'
import type { Attributes, Graph, TensorType, Value } from '../core/ir.js'
import { unranked } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { atOnce } from '../core/turns.js'
import { GraphBuilder } from '../graph/builder.js'
import { constantTensor } from '../ops/generators.js'
import { operators } from '../ops/index.js'
import { aboutOf, metadataOf, originOf } from './about.js'
import { checkAttributeNames, decodeAttributes, refuseInternalAttributes } from './attributes.js'
import { Declarations } from './declared.js'
import type { ExternalFiles } from './external.js'
import { functionsOf, inlineFunctions, type ModelFunctions, type SourceNode } from './functions.js'
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from './messages.js'
import { opOf } from './needs.js'
import { isReplacement } from './opsets/draft.js'
import { adaptNode, checkOpset, cureOf, isRewritten, newestOpOf, newestOpset } from './opsets/index.js'
import { domainOf, type Opsets, opsetsOf } from './opsets/versions.js'
import { capturesOf, inOrder } from './order.js'
import { decodeModel, deepestSubgraph, describeProto, refuseDepth, wideToNumber } from './proto.js'
import { decodeSparseTensor, decodeTensor } from './tensors.js'
import { decodeValueType } from './types.js'

export interface ImportOptions {
  /** The content of the files that hold the model's external data, by the name that the model gives. */
  readonly externalData?: ExternalFiles
  /** Names of overridable initializers that become inputs, without their content. */
  readonly overridden?: ReadonlySet<string>
}

/**
 * An ONNX model file as a graph of the newest opset: names, symbolic dimensions and metadata kept, nodes brought into
 * topological order, model functions expanded. Throws INVALID_MODEL, or UNSUPPORTED_OP that lists every op lanewise
 * lacks, before anything runs.
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Graph {
  return importProto(decodeModel(bytes), options)
}

/** As importModel, of a model that is decoded already. */
export const importProto = (model: ModelProto, options: ImportOptions = {}): Graph =>
  atOnce(importParts(model, options))

/** As `importProto`, stopping between any two nodes. */
export function* importParts(model: ModelProto, options: ImportOptions = {}): Generator<void, Graph> {
  const proto = model.graph ?? {}
  const importer: Importer = {
    functions: functionsOf(model),
    files: options.externalData ?? new Map(),
    overridden: options.overridden ?? new Set(),
    declarations: new Declarations(),
  }
  const opsets = modelOpsets(model, proto)
  refuseUnknownOps(proto, opsets, importer.functions)
  const metadata = metadataOf(model.metadataProps)
  const builder = yield* importGraph(importer, proto, opsets, undefined)
  const { declarations } = importer
  const outputs = new Map(
    [...declarations.of({ output: proto.output ?? [] })].map(([name, { shape }]) => [name, shape]),
  )
  return builder.build({ metadata, origin: originOf(model, outputs, declarations.notes) })
}

/** What stays the same throughout a model. */
interface Importer {
  readonly functions: ModelFunctions
  readonly files: ExternalFiles
  readonly overridden: ReadonlySet<string>
  readonly declarations: Declarations
}

/**
 * The initializers that a caller may replace: those that are inputs, too, in models of IR 4 and newer. Older models had
 * to list all of them as inputs.
 */
export function overridableInputs(model: ModelProto): readonly ValueInfoProto[] {
  if (wideToNumber(model.irVersion) < 4) return []
  const names = new Set(model.graph?.initializer?.map(({ name }) => name))
  return (model.graph?.input ?? []).filter(({ name }) => names.has(name))
}

/** A value of the graph around, under the name that the subgraph uses. */
interface Captured {
  readonly name: string
  readonly value: Value
}

/** The graph around a subgraph: what it may capture. */
interface Scope {
  readonly depth: number
  readonly values: ReadonlyMap<string, Value>
  readonly constantOf: (value: Value) => Tensor | undefined
}

function modelOpsets(model: ModelProto, graph: GraphProto): Opsets {
  const opsets = new Map(opsetsOf(model.opsetImport ?? []))
  const opset = opsets.get('')
  if (opset !== undefined) checkOpset(opset)
  else if (!model.opsetImport?.length && wideToNumber(model.irVersion) < 3) opsets.set('', 1)
  else if (graph.node?.some(({ domain }) => domainOf(domain) === ''))
    throw new LanewiseError('INVALID_MODEL', 'the model names no ai.onnx opset')
  return opsets
}

const isKnown = (op: string): boolean =>
  (Object.hasOwn(operators, newestOpOf(op)) || isRewritten(op)) && !op.startsWith('lanewise.')

function refuseUnknownOps(graph: GraphProto, opsets: Opsets, functions: ModelFunctions): void {
  const missing = new Map<string, number>()
  const visit = (protos: readonly NodeProto[], depth: number) => {
    for (const { proto } of inlineFunctions(protos, opsets, functions)) {
      const op = opOf(proto)
      if (!isKnown(op)) missing.set(op, (missing.get(op) ?? 0) + 1)
      for (const { g, graphs } of proto.attribute ?? [])
        for (const inner of [g, ...(graphs ?? [])]) {
          if (inner && depth >= deepestSubgraph) refuseDepth(proto)
          if (inner) visit(inner.node ?? [], depth + 1)
        }
    }
  }
  visit(graph.node ?? [], 0)
  if (missing.size > 0)
    throw new LanewiseError(
      'UNSUPPORTED_OP',
      `the model needs ops that lanewise does not have: ${[...missing].map(([name, count]) => `${name} (${count} node${count > 1 ? 's' : ''})`).join(', ')}${cureOf([...missing.keys()])}`,
    )
}

function refuseSubgraph(what: string): never {
  throw new LanewiseError('INVALID_MODEL', `${what} holds a subgraph`)
}

/**
 * `proto` as a graph in a builder. In a subgraph, `scope` is what surrounds it, captured values are its last inputs, and
 * `operands` are the types of the others where it leaves them out.
 */
function* importGraph(
  importer: Importer,
  proto: GraphProto,
  opsets: Opsets,
  scope: Scope | undefined,
  captured: readonly Captured[] = [],
  operands: readonly (TensorType | undefined)[] = [],
): Generator<void, GraphBuilder> {
  const builder = new GraphBuilder(proto.name || 'model')
  const values = new Map<string, Value>()
  const depth = scope ? scope.depth + 1 : 0
  const declared = importer.declarations.of(proto)
  const define = (name: string, value: Value) => {
    if (values.has(name)) throw new LanewiseError('INVALID_MODEL', `the value '${name}' is defined twice`)
    values.set(name, value)
  }
  const outputs = new Set(proto.output?.map(({ name }) => name ?? ''))
  /** A constant that is an output as it stands leaves its name to the Identity that gives it out. */
  const defineConstant = (name: string, tensor: Tensor) =>
    define(name, builder.constant(tensor, outputs.has(name) ? `${name}/value` : name))

  // Of constants with one name, which exporters that copy nodes write, the last one counts, as in onnxruntime.
  const initializers = new Map<string, () => Tensor>()
  for (const tensor of proto.initializer ?? [])
    initializers.set(tensor.name ?? '', () => decodeTensor(tensor, importer.files))
  for (const tensor of proto.sparseInitializer ?? [])
    initializers.set(tensor.values?.name ?? '', () => decodeSparseTensor(tensor, importer.files))
  const sources = inlineFunctions(proto.node ?? [], opsets, importer.functions)
  for (const { proto: node } of sources)
    if (opOf(node) === 'Constant') initializers.set(node.output?.[0] ?? '', () => constantOf(importer, node))
  if (!scope) for (const name of importer.overridden) initializers.delete(name)
  const inputs = (proto.input ?? []).filter(({ name }) => !initializers.has(name ?? ''))
  for (const [index, input] of inputs.entries()) {
    const name = input.name ?? ''
    const { dtype, shape, container } = decodeValueType(input, operands[index])
    define(name, builder.input(name, dtype, shape, container))
  }
  for (const { name, value } of captured) define(name, builder.input(name, value.dtype, value.shape, value.container))
  for (const [name, read] of initializers) defineConstant(name, read())

  const nodes = sources.filter(({ proto: node }) => opOf(node) !== 'Constant')
  builder.reserve(nodes.flatMap(({ proto: node }) => node.output ?? []))
  /** The value called `name`; a constant of the graphs around is copied in when it is first asked for. */
  const lookUp = (name: string): Value | undefined => {
    const known = values.get(name)
    if (known || !scope) return known
    const outer = scope.values.get(name)
    const tensor = outer && scope.constantOf(outer)
    if (!tensor) return undefined
    define(name, builder.constant(tensor, outputs.has(name) ? `${name}/value` : name))
    return values.get(name)
  }
  const names = new Set<string>()
  for (const source of inOrder(nodes, (name) => lookUp(name) !== undefined)) {
    importNode(source)
    yield
  }

  function importNode({ proto: node, opsets: within }: SourceNode): void {
    const what = describeProto(node)
    const named = node.output ?? []
    const outputNames = named.slice(0, named.findLastIndex((name) => name !== '') + 1)
    const op = opOf(node)
    const captures = capturesOf(node)
      .map((name): Captured => ({ name, value: lookUp(name)! }))
      .filter(({ value }) => !builder.constantOf(value))
    let inputs = (node.input ?? []).map((name) => (name === '' ? undefined : lookUp(name)))
    const given = operandsOf(op, inputs)
    const inner: Scope = { depth, values, constantOf: (value) => builder.constantOf(value) }
    const own = decodeAttributes(node.attribute ?? [], what, {
      files: importer.files,
      graphOf: (graph) => {
        if (depth >= deepestSubgraph) refuseDepth(node)
        return atOnce(importGraph(importer, graph, within, inner, captures, given)).build()
      },
    })
    const attributes: Attributes = captures.length ? { ...own, captures: captures.length } : own
    // Captured values follow the operands: those of a Loop that may be left out keep their places.
    if (op === 'Loop') inputs = [inputs[0], inputs[1], ...inputs.slice(2)]
    inputs = [...inputs, ...captures.map(({ value }) => value)]
    const opset = within.get(domainOf(node.domain)) ?? newestOpset
    const label = node.name || outputNames.find((name) => name) || op
    const name = uniqueIn(names, label)
    const about = aboutOf(node)
    const typed = (type: TensorType, output: number) =>
      importer.declarations.check(node, outputNames[output], type, declared.get(outputNames[output]))
    try {
      refuseInternalAttributes(op, own)
      const adapted = builder.scope(name, () =>
        adaptNode({ op, inputs, attributes, outputs: outputNames.length }, opset, builder),
      )
      if (!isReplacement(adapted)) checkAttributeNames(adapted.op, adapted.attributes)
      const results = isReplacement(adapted)
        ? adapted.values
        : builder.node(adapted.op, name, adapted.inputs, adapted.attributes, outputNames, about, typed)
      outputNames.forEach((output, index) => {
        const value = results[index]
        if (output && value) define(output, value)
      })
    } catch (error) {
      if (!(error instanceof LanewiseError) || error.message.includes(`'${name}'`)) throw error
      throw new LanewiseError(error.code, `${what}: ${error.message}`, { cause: error })
    }
  }

  for (const { name } of proto.output ?? []) {
    const value = lookUp(name ?? '')
    if (!value) throw new LanewiseError('INVALID_MODEL', `no node computes the output '${name}'`)
    builder.output(value, name ?? '')
  }
  return builder
}

/** The content of a Constant node. */
function constantOf({ files }: Importer, node: NodeProto): Tensor {
  const what = describeProto(node)
  const graphOf = () => refuseSubgraph(what)
  const tensor = constantTensor(decodeAttributes(node.attribute ?? [], what, { files, graphOf }))
  if (!tensor) throw new LanewiseError('INVALID_MODEL', `${what} holds no value`)
  return tensor
}

/** `name`, with a number behind it if it is taken; taken from here on. */
function uniqueIn(names: Set<string>, name: string): string {
  let unique = name
  for (let suffix = 1; names.has(unique); suffix++) unique = `${name}_${suffix}`
  names.add(unique)
  return unique
}

/** What a node's operands tell of its subgraphs' inputs: shapes may change from one iteration to the next. */
function operandsOf(op: string, inputs: readonly (Value | undefined)[]): readonly (TensorType | undefined)[] {
  const types = inputs.map((input) => input && { dtype: input.dtype, shape: unranked, container: input.container })
  if (op === 'Loop') return [{ dtype: 'int64', shape: [] }, { dtype: 'bool', shape: [] }, ...types.slice(2)]
  return op === 'SequenceMap' ? types.map((type) => type && { ...type, container: undefined }) : types
}
