import { type DType, isHalf } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Graph, Node, TensorType, Value } from '../../core/ir.js'
import { NotLoaded } from '../../core/later.js'
import { formatShape, sameShape } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { GraphBuilder } from '../../graph/builder.js'
import { withDefaults } from '../../ops/definition.js'
import { definitionOf, isProgramOp, loadedDefinitionOf } from '../../ops/index.js'
import { inferOutputs } from '../../ops/inference.js'
import { kernelOf } from './loaded.js'
import { numbersOf, tensorOf } from './numbers.js'

/**
 * Runs one node on host tensors: outputs in the node's order. Types are inferred from the tensors themselves,
 * so the values of `node` may be symbolic. Throws LanewiseError, naming the node, and NotLoaded.
 */
export function evaluate(node: Node, inputs: readonly (Tensor | undefined)[]): readonly Tensor[] {
  if (isProgramOp(node.op))
    throw new LanewiseError('UNSUPPORTED_OP', `${node.op} '${node.name}' runs in a program only, or expanded`)
  const definition = loadedDefinitionOf(node.op)
  const attributes = withDefaults(definition, node.attributes)
  const kernel = kernelOf(node.op)
  try {
    const types = inputs.map((input) => input && { dtype: input.type, shape: input.dims })
    const outputs = inferOutputs(node, types, (index) => inputs[index])
    return kernel ? kernel({ inputs, outputs, attributes }) : evaluateBody({ ...node, attributes }, inputs, outputs)
  } catch (error) {
    // Hosts throw a RangeError where an array is too long for them.
    if (!(error instanceof LanewiseError || error instanceof RangeError)) throw error
    const code = error instanceof LanewiseError ? error.code : 'OUT_OF_MEMORY'
    const operands = inputs.map((input) => (input ? `${input.type} ${formatShape(input.dims)}` : '-'))
    throw new LanewiseError(code, `${node.op} '${node.name}' (${operands.join(', ')}): ${error.message}`, {
      cause: error,
    })
  }
}

/** As `evaluate`; undefined where what runs the node has not come, for those who can do without the results. */
export function evaluateLoaded(node: Node, inputs: readonly (Tensor | undefined)[]): readonly Tensor[] | undefined {
  try {
    return evaluate(node, inputs)
  } catch (error) {
    if (error instanceof NotLoaded) return undefined
    throw error
  }
}

/** Runs the decomposition of a node. Float operands of 16 bits are widened, so that only the results are rounded to them. */
function evaluateBody(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly TensorType[],
): readonly Tensor[] {
  const builder = new GraphBuilder(node.name)
  const values = inputs.map(
    (input) => input && builder.constant(convert(input, isHalf(input.type) ? 'float32' : input.type)),
  )
  const results = definitionOf(node.op).decompose!(builder, { ...node, inputs: values })
  const tensors = interpret(builder.build(), new Map())
  return results.map((result, index) => convert(tensors.get(result)!, outputs[index].dtype))
}

const convert = (tensor: Tensor, dtype: DType): Tensor =>
  tensor.type === dtype ? tensor : tensorOf(dtype, numbersOf(tensor), tensor.dims)

/**
 * Runs a graph node by node. `feeds` holds the content of every input and variable value; the answer holds those,
 * the constants and every value that a node wrote. Throws DATA_NOT_FOUND for a missing feed, SHAPE_MISMATCH or TYPE_MISMATCH for a wrong one.
 */
export function interpret(graph: Graph, feeds: ReadonlyMap<Value, Tensor>): ReadonlyMap<Value, Tensor> {
  const tensors = new Map<Value, Tensor>(graph.constants)
  for (const value of [...graph.inputs, ...graph.variables.keys()]) {
    const feed = feeds.get(value)
    if (!feed) throw new LanewiseError('DATA_NOT_FOUND', `no content was given for '${value.name}'`)
    if (feed.type !== value.dtype)
      throw new LanewiseError('TYPE_MISMATCH', `'${value.name}' is ${value.dtype}, got ${feed.type}`)
    const bound = value.shape.map((dim, axis) => (typeof dim === 'string' ? feed.dims[axis] : dim))
    if (!sameShape(bound, feed.dims))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `'${value.name}' has the shape ${formatShape(value.shape)}, got ${formatShape(feed.dims)}`,
      )
    tensors.set(value, feed)
  }
  for (const node of graph.nodes) {
    const results = evaluate(
      node,
      node.inputs.map((input) => input && tensors.get(input)),
    )
    node.outputs.forEach((output, index) => {
      tensors.set(output, results[index])
    })
  }
  return tensors
}
