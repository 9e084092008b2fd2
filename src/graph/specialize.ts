import { LanewiseError } from '../core/errors.js'
import type { Graph, Value } from '../core/ir.js'
import { formatShape, isConcrete, isUnranked } from '../core/shape.js'
import type { Evaluate } from './fold.js'
import { createResolver } from './resolver.js'
import { Rewriter } from './rewrite.js'

/**
 * `graph` for inputs of the given shapes: every symbolic dimension is bound, every node's types are inferred anew,
 * what the shapes determine becomes constants, and control flow that it decides is gone. Inputs without symbolic dimensions need not be named.
 * Throws SHAPE_MISMATCH when a shape does not fit, INVALID_ARGUMENT for a name that is no input.
 */
export function specialize(
  graph: Graph,
  inputShapes: Readonly<Record<string, readonly number[]>>,
  evaluate: Evaluate,
): Graph {
  const unknown = Object.keys(inputShapes).find((name) => graph.inputs.every((input) => input.name !== name))
  if (unknown !== undefined)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `'${unknown}' is no input of the model; its inputs are ${graph.inputs.map((input) => `'${input.name}'`).join(', ')}`,
    )
  const bindings = new Map<string, { readonly size: number; readonly by: Value }>()
  const rewriter = new Rewriter(
    graph,
    graph.inputs.map((input) => bind(input, inputShapes[input.name], bindings)),
  )
  const expander = createResolver(rewriter, evaluate)
  for (const node of graph.nodes) if (!expander.expand(node)) rewriter.keep(node)
  return rewriter.finish()
}

function bind(
  input: Value,
  given: readonly number[] | undefined,
  bindings: Map<string, { readonly size: number; readonly by: Value }>,
): Value {
  if (input.container) return input
  if (given === undefined) {
    if (isConcrete(input.shape)) return input
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `input '${input.name}' needs a shape that fits ${formatShape(input.shape)}`,
    )
  }
  const refuse = (reason: string): never => {
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `input '${input.name}' takes ${input.dtype} ${formatShape(input.shape)}, got ${formatShape(given)}: ${reason}`,
    )
  }
  if (isUnranked(input.shape)) return { ...input, shape: [...given] }
  if (given.length !== input.shape.length) refuse(`it has ${given.length} dimensions, ${input.shape.length} are needed`)
  input.shape.forEach((dim, axis) => {
    const size = given[axis]
    if (!Number.isInteger(size) || size < 0) refuse(`dimension ${axis} is no size`)
    if (typeof dim === 'number') {
      if (dim !== size) refuse(`dimension ${axis} must be ${dim}`)
      return
    }
    const bound = bindings.get(dim)
    if (bound && bound.size !== size)
      refuse(`dimension ${axis} ('${dim}') must be ${bound.size}, as input '${bound.by.name}' says`)
    bindings.set(dim, { size, by: input })
  })
  return isConcrete(input.shape) ? input : { ...input, shape: [...given] }
}
