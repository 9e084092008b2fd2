import type { Node, Value } from '../core/ir.js'
import type { Dim } from '../core/shape.js'
import { normalizeAxis } from '../core/shape.js'
import { Rewriter } from '../graph/rewrite.js'
import { intAttribute } from '../ops/definition.js'
import { productOf } from '../ops/views.js'
import type { Pass } from './pass.js'

/** Content of a small integer tensor whose elements may be symbolic dimensions. */
type Sizes = readonly Dim[]

/**
 * Follows symbolic dimensions through the arithmetic on shapes that exporters write (Shape, Gather, Slice, Concat, Cast,
 * products …) to the Reshape that uses them, and writes its target as a constant: a symbolic entry becomes 0 where it
 * keeps the dimension at its place, else the one -1.
 */
export const foldShapes: Pass = {
  name: 'fold shapes',
  run(graph) {
    const rewriter = new Rewriter(graph)
    const known = new Map<Value, Sizes>()
    const sizesOf = (value: Value | undefined): Sizes | undefined => {
      const constant = rewriter.constantOf(value)
      if (constant && constant.dims.length <= 1 && (constant.type === 'int64' || constant.type === 'int32'))
        return constant.toNumbers()
      return value && known.get(rewriter.resolve(value))
    }
    for (const node of graph.nodes) {
      const target = node.op === 'Reshape' && !rewriter.constantOf(node.inputs[1]) ? sizesOf(node.inputs[1]) : undefined
      const isPlain = target && !(target.includes(0) && intAttribute(node.attributes, 'allowzero') === 1)
      const constant = isPlain && reshapeTarget(rewriter.resolve(node.inputs[0]!), target)
      if (constant) {
        const shape = rewriter.ints(constant, `${node.name}/shape`)
        rewriter.write('Reshape', [node.inputs[0], shape], {}, node.outputs)
        continue
      }
      rewriter.keep(node)
      const sizes = follow(rewriter, node, sizesOf)
      if (sizes) known.set(rewriter.resolve(node.outputs[0]), sizes)
    }
    return rewriter.finish()
  },
}

/** `target` with 0 and -1 for its symbols; undefined where that cannot say it. */
function reshapeTarget(input: Value, target: Sizes): number[] | undefined {
  const kept = target.map((dim, axis) => (typeof dim === 'string' && input.shape[axis] === dim ? 0 : dim))
  const open = kept.filter((dim) => typeof dim === 'string')
  if (open.length > 1 || (open.length === 1 && kept.includes(-1))) return undefined
  return kept.map((dim) => (typeof dim === 'string' ? -1 : dim))
}

/** What `node` computes, if it computes sizes from known sizes. */
function follow(
  rewriter: Rewriter,
  node: Node,
  sizesOf: (value: Value | undefined) => Sizes | undefined,
): Sizes | undefined {
  const { op, inputs, attributes } = node
  if (op === 'Shape') {
    const { shape } = rewriter.resolve(inputs[0]!)
    const end = attributes['end'] === undefined ? shape.length : intAttribute(attributes, 'end')
    return shape.slice(intAttribute(attributes, 'start'), end)
  }
  const first = sizesOf(inputs[0])
  if (!first) return undefined
  switch (op) {
    case 'Identity':
    case 'Cast':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
      return first
    case 'Concat': {
      const parts = inputs.map(sizesOf)
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined
    }
    case 'Gather': {
      const indices = rewriter.constantOf(inputs[1])?.toNumbers()
      return indices?.map((index) => first[normalizeAxis(index, first.length)])
    }
    case 'Slice': {
      const [starts, ends, axes, steps] = inputs.slice(1).map((input) => rewriter.constantOf(input)?.toNumbers())
      const plain = starts?.length === 1 && ends?.length === 1 && (axes?.[0] ?? 0) === 0 && (steps?.[0] ?? 1) === 1
      return plain ? first.slice(starts[0], ends[0]) : undefined
    }
    case 'ReduceProd':
      return [productOf(first)]
    case 'Mul': {
      const second = sizesOf(inputs[1])
      if (!second || (first.length !== second.length && first.length !== 1 && second.length !== 1)) return undefined
      const length = Math.max(first.length, second.length)
      const at = (sizes: Sizes, index: number) => sizes[sizes.length === 1 ? 0 : index]
      return Array.from({ length }, (_, index) => productOf([at(first, index), at(second, index)]))
    }
    default:
      return undefined
  }
}
