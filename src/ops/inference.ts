import { LanewiseError } from '../core/errors.js'
import type { Attributes, AttributeValue, Node, TensorType } from '../core/ir.js'
import { type Dim, formatShape, highestRank, longestSymbol, mostElements } from '../core/shape.js'
import { isGraph } from '../core/subgraph.js'
import { Tensor } from '../core/tensor.js'
import { type AttributeSchema, type OpDefinition, withDefaults } from './definition.js'
import { definitionOf } from './index.js'

const isList = (value: AttributeValue, type: 'number' | 'string'): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === type)

const fits: Readonly<Record<AttributeSchema['type'], (value: AttributeValue) => boolean>> = {
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  ints: (value) => isList(value, 'number') && (value as readonly number[]).every(Number.isInteger),
  floats: (value) => isList(value, 'number'),
  strings: (value) => isList(value, 'string'),
  tensor: (value) => value instanceof Tensor,
  graph: isGraph,
  type: (value) => typeof value === 'object' && 'dtype' in value,
}

function checkAttributes(definition: OpDefinition, attributes: Attributes): void {
  for (const name in definition.attributes) {
    const { type, required } = definition.attributes[name]
    const value = attributes[name]
    if (value === undefined ? required : !fits[type](value))
      throw new LanewiseError('INVALID_MODEL', `attribute ${name} must be given as ${type}`)
  }
}

function checkInputCount({ inputs }: OpDefinition, count: number): void {
  const min = inputs[0]
  const max = inputs[1]
  if (count >= min && count <= max) return
  const takes = min === max ? min : `${min} to ${Number.isFinite(max) ? max : 'any number of'}`
  throw new LanewiseError('INVALID_MODEL', `takes ${takes} inputs, got ${count}`)
}

/** Refuses what is no shape, or none that memory holds; symbols that have grown into long formulas get short names. */
function checkedType(type: TensorType, output: number, node: Node): TensorType {
  const { shape } = type
  const fail = (code: 'SHAPE_MISMATCH' | 'INVALID_MODEL', reason = ''): never => {
    throw new LanewiseError(code, `output ${output} would have the shape ${formatShape(shape.slice(0, 9))}${reason}`)
  }
  if (shape.length > highestRank) fail('INVALID_MODEL', `: more than ${highestRank} dimensions`)
  let elements = 1
  let largest = 0
  let hasLongSymbols = false
  for (const dim of shape) {
    if (typeof dim === 'string') hasLongSymbols ||= dim.length > longestSymbol
    else {
      if (!(Number.isSafeInteger(dim) && dim >= 0)) fail('SHAPE_MISMATCH')
      elements *= dim
      largest = Math.max(largest, dim)
    }
  }
  if (largest > mostElements || elements > mostElements) fail('INVALID_MODEL', `: more than ${mostElements} elements`)
  if (!hasLongSymbols) return type
  const short = (dim: Dim, axis: number) =>
    typeof dim === 'string' && dim.length > longestSymbol ? `${node.name.slice(0, 99)}:${output}.${axis}` : dim
  return { ...type, shape: shape.map(short) }
}

/**
 * The types of a node's outputs, for operands of the types `inputs`; `constant` gives the content of an input that is
 * known. What a definition's `infer` may rely on is checked here: the number of inputs, and attributes of the schema's
 * types; and so is that it answers with shapes. Throws LanewiseError with the cause only; the caller adds the node's name.
 */
export function inferOutputs(
  node: Node,
  inputs: readonly (TensorType | undefined)[],
  constant: (index: number) => Tensor | undefined,
): readonly TensorType[] {
  const definition = definitionOf(node.op)
  const attributes = withDefaults(definition, node.attributes)
  checkInputCount(definition, inputs.length)
  checkAttributes(definition, attributes)
  const types = definition.infer({ node, inputs, attributes, constant })
  return types.map((type, output) => checkedType(type, output, node))
}
