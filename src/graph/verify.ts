import { LanewiseError } from '../core/errors.js'
import type { Graph, Node, TensorType, Value } from '../core/ir.js'
import { formatShape, formatType, isConcrete, isUnranked, type Shape, sameShape } from '../core/shape.js'
import { subgraphsOf } from '../core/subgraph.js'
import { inferTypes } from './infer.js'

/** Throws INVALID_MODEL, naming the node or value, unless `graph` keeps the rules of `Graph` and of its ops. */
export function verify(graph: Graph): void {
  const defined = new Set<Value>()
  const names = new Set<string>()
  const define = (value: Value, by: string, passed = false): void => {
    if (defined.has(value)) refuse(graph, by, `defines '${value.name}', which is defined already`)
    if (names.has(value.name) && !passed) refuse(graph, by, `defines a second value called '${value.name}'`)
    defined.add(value)
    names.add(value.name)
  }
  for (const input of graph.inputs) define(input, 'the input list')
  for (const [value, tensor] of graph.constants) {
    define(value, 'the constant list')
    if (value.dtype !== tensor.type || !sameShape(value.shape, tensor.dims))
      refuse(
        graph,
        `constant '${value.name}'`,
        `is ${formatType(value)}, its tensor ${tensor.type} ${formatShape(tensor.dims)}`,
      )
  }
  for (const [value, variable] of graph.variables) {
    define(value, 'the variable list')
    if (value.dtype !== variable.dtype || !sameShape(value.shape, variable.shape))
      refuse(
        graph,
        `variable '${value.name}'`,
        `is ${formatType(value)}, its variable ${variable.dtype} ${formatShape(variable.shape)}`,
      )
  }
  const nodeNames = new Set<string>()
  for (const node of graph.nodes) {
    const by = `${node.op} '${node.name}'`
    if (nodeNames.has(node.name)) refuse(graph, by, 'has the name of another node')
    nodeNames.add(node.name)
    for (const input of node.inputs)
      if (input && !defined.has(input)) refuse(graph, by, `reads '${input.name}', which is not defined before it`)
    verifyTypes(graph, node, by)
    for (const [name, body] of subgraphsOf(node)) verifySubgraph(graph, node, name, body)
    for (const output of node.outputs) define(output, by, passesOn(node))
  }
  const replaced = new Set<Value>()
  for (const { variable, value } of graph.updates) {
    const by = `the update of '${variable.name}'`
    if (!graph.variables.has(variable)) refuse(graph, by, 'targets a value that is no variable')
    if (replaced.has(variable)) refuse(graph, by, 'is given twice')
    if (!defined.has(value)) refuse(graph, by, `reads '${value.name}', which is not defined`)
    if (variable.dtype !== value.dtype || !shapesAgree(variable.shape, value.shape))
      refuse(graph, by, `stores ${formatType(value)} in ${formatType(variable)}`)
    replaced.add(variable)
  }
  for (const output of graph.outputs) {
    if (!defined.has(output)) refuse(graph, `output '${output.name}'`, 'is not defined')
    if (replaced.has(output))
      refuse(graph, `output '${output.name}'`, 'is a variable that the graph replaces; give out its Identity instead')
  }
}

/** Whether `node` gives out an input of the graph under the same name. */
export const passesOn = ({ op, inputs, outputs }: Node): boolean =>
  op === 'Identity' && outputs[0].name === inputs[0]?.name

function refuse(graph: Graph, what: string, problem: string): never {
  throw new LanewiseError('INVALID_MODEL', `graph '${graph.name}': ${what} ${problem}`)
}

/** Symbolic dimensions agree with any dimension: they are bound when the graph is specialised. */
const shapesAgree = (a: Shape, b: Shape): boolean =>
  isUnranked(a) ||
  isUnranked(b) ||
  (a.length === b.length &&
    a.every((dim, axis) => typeof dim === 'string' || typeof b[axis] === 'string' || dim === b[axis]))

function verifyTypes(graph: Graph, node: Node, by: string): void {
  let types: readonly TensorType[]
  try {
    types = inferTypes(node, (value) => graph.constants.get(value))
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    throw new LanewiseError('INVALID_MODEL', `graph '${graph.name}': ${error.message}`, { cause: error })
  }
  for (const [index, output] of node.outputs.entries()) {
    const type = types[index]
    if (!type) refuse(graph, by, `has ${node.outputs.length} outputs, inference says ${types.length}`)
    // Where inference can say less than is known (a shape computed from data), the known shape only must not contradict.
    const agrees = isConcrete(type.shape) ? sameShape(type.shape, output.shape) : shapesAgree(type.shape, output.shape)
    if (type.dtype !== output.dtype || type.container !== output.container || !agrees)
      refuse(graph, by, `writes '${output.name}' as ${formatType(output)}, inference says ${formatType(type)}`)
  }
}

/** A subgraph keeps the rules itself; its last inputs are fed by the node's captured operands, and have their types. */
function verifySubgraph(graph: Graph, node: Node, name: string, body: Graph): void {
  verify(body)
  const by = `the ${name} of ${node.op} '${node.name}'`
  const count = (node.attributes['captures'] as number | undefined) ?? 0
  if (count > body.inputs.length || count > node.inputs.length) refuse(graph, by, `captures ${count} values it lacks`)
  for (let index = 1; index <= count; index++) {
    const inner = body.inputs.at(-index)!
    const outer = node.inputs.at(-index)
    if (outer?.dtype !== inner.dtype || outer.container !== inner.container)
      refuse(graph, by, `captures '${outer?.name}' as ${formatType(inner)}`)
  }
}
