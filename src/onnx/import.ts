import { LanewiseError } from '../core/errors.js'
import type { Graph, Value } from '../core/ir.js'
import type { Dim } from '../core/shape.js'
import { GraphBuilder } from '../graph/builder.js'
import { constantTensor } from '../ops/generators.js'
import { operators } from '../ops/index.js'
import { decodeAttributes } from './attributes.js'
import { adaptNode, checkOpset } from './opsets.js'
import { decodeModel, type onnx, wideToNumber } from './proto.js'
import { decodeDType, decodeTensor } from './tensors.js'

/**
 * An ONNX model file as a graph of the newest opset: names, symbolic dimensions and metadata kept, nodes brought into
 * topological order. Throws INVALID_MODEL, or UNSUPPORTED_OP that lists every op lanewise lacks, before anything runs.
 */
export function importModel(bytes: Uint8Array): Graph {
  const model = decodeModel(bytes)
  const proto = model.graph as onnx.IGraphProto
  const opset = opsetOf(model)
  refuseUnknownOps(proto)

  const builder = new GraphBuilder(proto.name || 'model')
  const values = new Map<string, Value>()
  const define = (name: string, value: Value) => {
    if (values.has(name)) throw new LanewiseError('INVALID_MODEL', `the value '${name}' is defined twice`)
    values.set(name, value)
  }

  const initializers = new Set(proto.initializer?.map(({ name }) => name))
  for (const tensor of proto.initializer ?? []) {
    const name = tensor.name ?? ''
    define(name, builder.constant(decodeTensor(tensor), name))
  }
  for (const input of proto.input ?? []) {
    const name = input.name ?? ''
    if (initializers.has(name)) continue
    const { dtype, shape } = decodeType(input)
    define(name, builder.input(name, dtype, shape))
  }
  for (const node of inOrder(proto.node ?? [], new Set(values.keys()))) {
    const what = describe(node)
    const attributes = decodeAttributes(node.attribute ?? [], what)
    const outputNames = node.output ?? []
    if (node.opType === 'Constant') {
      const tensor = constantTensor(attributes)
      if (!tensor) throw new LanewiseError('UNSUPPORTED_OP', `${what} holds no dense value`)
      define(outputNames[0], builder.constant(tensor, outputNames[0]))
      continue
    }
    const inputs = (node.input ?? []).map((name) => (name === '' ? undefined : values.get(name)))
    const draft = adaptNode({ op: node.opType ?? '', inputs, attributes, outputs: outputNames.length }, opset, builder)
    const outputs = builder.node(draft.op, node.name || outputNames[0], draft.inputs, draft.attributes, outputNames)
    outputNames.forEach((name, index) => {
      if (name) define(name, outputs[index])
    })
  }
  for (const { name } of proto.output ?? []) {
    const value = values.get(name ?? '')
    if (!value) throw new LanewiseError('INVALID_MODEL', `no node computes the output '${name}'`)
    builder.output(value, name ?? '')
  }
  return builder.build(Object.fromEntries(model.metadataProps.map(({ key, value }) => [key ?? '', value ?? ''])))
}

const describe = (node: onnx.INodeProto) => `${node.opType} '${node.name || node.output?.[0]}'`

function opsetOf(model: onnx.ModelProto): number {
  const entry = model.opsetImport.find(({ domain }) => !domain || domain === 'ai.onnx')
  if (!entry) throw new LanewiseError('INVALID_MODEL', 'the model names no ai.onnx opset')
  const opset = wideToNumber(entry.version)
  checkOpset(opset)
  return opset
}

function refuseUnknownOps(graph: onnx.IGraphProto): void {
  const missing = new Map<string, number>()
  for (const { domain, opType } of graph.node ?? []) {
    const name = !domain || domain === 'ai.onnx' ? (opType ?? '') : `${domain}.${opType}`
    if (!Object.hasOwn(operators, name) || name.startsWith('lanewise.')) missing.set(name, (missing.get(name) ?? 0) + 1)
  }
  missing.delete('Constant')
  if (missing.size > 0)
    throw new LanewiseError(
      'UNSUPPORTED_OP',
      `the model needs ops that lanewise does not have: ${[...missing].map(([name, count]) => `${name} (${count} node${count > 1 ? 's' : ''})`).join(', ')}`,
    )
}

function decodeType(info: onnx.IValueInfoProto): { dtype: Value['dtype']; shape: Dim[] } {
  const what = `input '${info.name}'`
  const tensor = info.type?.tensorType
  if (!tensor) throw new LanewiseError('UNSUPPORTED_OP', `${what} is not a tensor`)
  if (!tensor.shape) throw new LanewiseError('INVALID_MODEL', `${what} has no shape; lanewise needs its rank`)
  const shape = (tensor.shape.dim ?? []).map((dim, axis): Dim => {
    if (dim.dimParam) return dim.dimParam
    if (!Object.hasOwn(dim, 'dimValue')) return `${info.name}_${axis}`
    const size = wideToNumber(dim.dimValue)
    if (size < 0) throw new LanewiseError('INVALID_MODEL', `${what} has the dimension ${size}`)
    return size
  })
  return { dtype: decodeDType(tensor.elemType, what), shape }
}

/** The nodes in topological order: the given order where it is one. Throws INVALID_MODEL for a cycle or an input that nothing defines. */
function inOrder(nodes: readonly onnx.INodeProto[], known: ReadonlySet<string>): onnx.INodeProto[] {
  const producers = new Map<string, onnx.INodeProto>()
  for (const node of nodes) for (const name of node.output ?? []) if (name) producers.set(name, node)
  const ordered = new Set<onnx.INodeProto>()
  const open = new Set<onnx.INodeProto>()
  for (const root of nodes) {
    const stack = [root]
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const missing = ordered.has(node) ? undefined : firstMissing(node)
      if (missing) {
        if (open.has(missing))
          throw new LanewiseError('INVALID_MODEL', `${describe(missing)} depends on its own output`)
        open.add(node)
        stack.push(missing)
      } else {
        ordered.add(node)
        open.delete(node)
        stack.pop()
      }
    }
  }
  return [...ordered]

  function firstMissing(node: onnx.INodeProto): onnx.INodeProto | undefined {
    for (const name of node.input ?? []) {
      if (!name || known.has(name)) continue
      const producer = producers.get(name)
      if (!producer)
        throw new LanewiseError('INVALID_MODEL', `${describe(node)} reads '${name}', which nothing defines`)
      if (producer === node) throw new LanewiseError('INVALID_MODEL', `${describe(node)} depends on its own output`)
      if (!ordered.has(producer)) return producer
    }
    return undefined
  }
}
