import { isFloat, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, Value } from '../core/ir.js'
import { formatShape, sameShape } from '../core/shape.js'
import type { GraphBuilder } from '../graph/builder.js'
import { withDefaults } from '../ops/definition.js'
import { isStopped } from '../ops/emitter.js'
import { definitionOf, loadedDefinitionOf } from '../ops/index.js'
import { ruleOf } from './rules/index.js'
import { unbroadcast } from './unbroadcast.js'

/**
 * Appends to `builder` the nodes that compute the gradients of `loss` by each of `by`: reverse mode, only along
 * paths from `by` to `loss`. `seed` is the gradient by `loss` itself, of its shape; 1 if absent, and then the loss must be a scalar.
 * An answer is undefined where the loss does not depend on the value. Contributions to one value are added in a fixed order,
 * last use first. Throws UNSUPPORTED_OP, naming the node, where a path crosses an op that cannot be differentiated.
 * Rules write ops of the pack `training`, which must be loaded.
 */
export function differentiate(
  builder: GraphBuilder,
  loss: Value,
  by: readonly Value[],
  seed?: Value,
): readonly (Value | undefined)[] {
  checkSeed(loss, seed)
  const forward = [...builder.nodes]
  const needed = dependents(forward, by)
  if (!needed.has(loss)) return by.map(() => undefined)
  return builder.scope('gradient', () => {
    const gradients = new Map([[loss, seed ?? builder.scalar(1, loss.dtype as NumericDType)]])
    walkBack(builder, forward, gradients, needed)
    return by.map((value) => gradients.get(value))
  })
}

/** Adds to `gradients`, which holds those of what `nodes` lead to, the gradients of the values in `needed`. */
function walkBack(
  builder: GraphBuilder,
  nodes: readonly Node[],
  gradients: Map<Value, Value>,
  needed: ReadonlySet<Value>,
): void {
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => gradients.has(output) && needed.has(output))) continue
    inputGradients(builder, node, gradients, needed).forEach((gradient, index) => {
      const input = node.inputs[index]
      if (gradient && input && needed.has(input))
        accumulate(builder, gradients, input, unbroadcast(builder, gradient, input))
    })
  }
}

function accumulate(builder: GraphBuilder, gradients: Map<Value, Value>, value: Value, gradient: Value): void {
  const sofar = gradients.get(value)
  gradients.set(value, sofar ? builder.add(sofar, gradient) : gradient)
}

function checkSeed(loss: Value, seed: Value | undefined): void {
  if (!isFloat(loss.dtype))
    throw new LanewiseError(
      'TYPE_MISMATCH',
      `the loss '${loss.name}' is ${loss.dtype}; only float values have gradients`,
    )
  if (!seed && loss.shape.length !== 0)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the loss '${loss.name}' has the shape ${formatShape(loss.shape)}; reduce it to a scalar, or give a seed of that shape`,
    )
  if (seed && (!sameShape(seed.shape, loss.shape) || seed.dtype !== loss.dtype))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the seed (${seed.dtype} ${formatShape(seed.shape)}) must be of the loss's type, ${loss.dtype} ${formatShape(loss.shape)}`,
    )
}

/** Every float value that depends on one of `by` through ops that do not cut the gradient; `by` included. */
function dependents(nodes: readonly Node[], by: readonly Value[]): ReadonlySet<Value> {
  const found = new Set<Value>(by)
  for (const node of nodes) {
    if (!node.inputs.some((input) => input && found.has(input))) continue
    const { gradientUnknown, decompose } = loadedDefinitionOf(node.op)
    if (!ruleOf(node.op) && !gradientUnknown && !decompose) continue
    for (const output of node.outputs) if (isFloat(output.dtype) && !isStopped(output)) found.add(output)
  }
  return found
}

function inputGradients(
  builder: GraphBuilder,
  node: Node,
  gradients: ReadonlyMap<Value, Value>,
  needed: ReadonlySet<Value>,
): readonly (Value | undefined)[] {
  const definition = definitionOf(node.op)
  const results = ruleOf(node.op)?.({
    emit: builder,
    node,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes: withDefaults(definition, node.attributes),
    gradient: (index) => gradients.get(node.outputs[index]),
    constant: (index) => {
      const input = node.inputs[index]
      return input && builder.constantOf(input)
    },
    needs: (index) => {
      const input = node.inputs[index]
      return input !== undefined && needed.has(input)
    },
  })
  if (results) return results
  if (definition.decompose) return throughBody(builder, node, definition.decompose, gradients, needed)
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `${node.op} '${node.name}' lies between the loss and a trained value, and has no gradient; freeze what comes before it, or take it out of the loss`,
  )
}

/**
 * The gradients by the inputs of a node whose op is differentiated as its decomposition: the body is written once more,
 * and merges with that of the forward pass where a backend expands both.
 */
function throughBody(
  builder: GraphBuilder,
  node: Node,
  decompose: (emit: GraphBuilder, node: Node) => readonly Value[],
  gradients: ReadonlyMap<Value, Value>,
  needed: ReadonlySet<Value>,
): readonly (Value | undefined)[] {
  const start = builder.nodes.length
  const results = decompose(builder, node)
  const body = builder.nodes.slice(start)
  const local = new Map<Value, Value>()
  node.outputs.forEach((output, index) => {
    const gradient = gradients.get(output)
    if (gradient) accumulate(builder, local, results[index], gradient)
  })
  const inputs = node.inputs.filter((input) => input !== undefined)
  walkBack(
    builder,
    body,
    local,
    dependents(
      body,
      inputs.filter((input) => needed.has(input)),
    ),
  )
  return node.inputs.map((input, index) =>
    input && node.inputs.indexOf(input) === index ? local.get(input) : undefined,
  )
}
