import type { AttributeValue, Graph, Value } from '../core/ir.js'
import { formatShape, formatType } from '../core/shape.js'
import { isGraph, subgraphsOf } from '../core/subgraph.js'
import { Tensor } from '../core/tensor.js'

const shownElements = 8

const formatTensor = (tensor: Tensor): string => {
  const shown = Array.from({ length: Math.min(tensor.size, shownElements) }, (_, index) => `${tensor.data[index]}`)
  return `${tensor.type} ${formatShape(tensor.dims)} {${shown.join(', ')}${tensor.size > shownElements ? ', …' : ''}}`
}

function formatAttribute(value: AttributeValue): string {
  if (value instanceof Tensor) return formatTensor(value)
  if (isGraph(value)) return `graph ${value.name}`
  if (Array.isArray(value)) return `[${value.map((item) => (isGraph(item) ? `graph ${item.name}` : item)).join(', ')}]`
  if (typeof value === 'object' && 'dtype' in value) return formatType(value)
  return `${value}`
}

const declaration = (value: Value): string => `%${value.name}: ${formatType(value)}`

/** The graph as text, one line a value or node: `%y: float32 [128, 10] = Softmax(%x) {axis: -1}`. */
export function printGraph(graph: Graph): string {
  const lines = [`graph ${graph.name}`]
  for (const input of graph.inputs) lines.push(`  input ${declaration(input)}`)
  for (const [value, tensor] of graph.constants) lines.push(`  constant %${value.name} = ${formatTensor(tensor)}`)
  for (const [value, variable] of graph.variables)
    lines.push(`  variable ${declaration(value)} = ${variable.name}${variable.trainable ? ' (trainable)' : ''}`)
  for (const node of graph.nodes) {
    const attributes = Object.entries(node.attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${formatAttribute(value)}`],
    )
    const inputs = node.inputs.map((input) => (input ? `%${input.name}` : '-')).join(', ')
    lines.push(
      `  ${node.outputs.map(declaration).join(', ')} = ${node.op}(${inputs})${attributes.length ? ` {${attributes.join(', ')}}` : ''}`,
    )
    for (const [, body] of subgraphsOf(node))
      lines.push(
        ...printGraph(body)
          .trimEnd()
          .split('\n')
          .map((line) => `    ${line}`),
      )
  }
  for (const output of graph.outputs) lines.push(`  output %${output.name}`)
  for (const { variable, value } of graph.updates) lines.push(`  update %${variable.name} <- %${value.name}`)
  return `${lines.join('\n')}\n`
}
