import type { DType } from '../core/dtype.js'
import type { Attributes, ConstantOf, Graph, Node, Value } from '../core/ir.js'
import { isConcrete } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { inferTypes } from '../graph/infer.js'
import { Rewriter } from '../graph/rewrite.js'
import { withDefaults } from '../ops/definition.js'
import { Emitter } from '../ops/emitter.js'
import { definitionOf } from '../ops/index.js'
import type { Pass } from './pass.js'

/** Whether the backend has a kernel for a node. */
export type Accelerates = (node: Node, constant: ConstantOf) => boolean

/** What float16 and bfloat16 composites are left to: the reference backend, which rounds their results only. */
const widened = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** Ops for which the backend has no kernel become their decompositions, as far down as it takes. */
export const expandComposites = (accelerates: Accelerates): Pass => ({
  name: 'expand composites',
  concerns: ({ op }) => definitionOf(op).decompose !== undefined,
  run(graph: Graph): Graph {
    const rewriter = new Rewriter(graph)
    const emitter = new BodyEmitter(rewriter, accelerates)
    for (const node of graph.nodes) {
      const results = emitter.body(rewriter.resolved(node))
      if (results)
        node.outputs.forEach((output, index) => {
          rewriter.replace(output, results[index])
        })
      else rewriter.keep(node)
    }
    return rewriter.finish()
  },
})

/** Writes bodies into the next graph. */
class BodyEmitter extends Emitter {
  readonly #rewriter: Rewriter
  readonly #accelerates: Accelerates
  #prefix = 'body'

  constructor(rewriter: Rewriter, accelerates: Accelerates) {
    super()
    this.#rewriter = rewriter
    this.#accelerates = accelerates
  }

  /** The results of the node's body; undefined where it has none or needs none. */
  body(node: Node): readonly Value[] | undefined {
    const definition = definitionOf(node.op)
    const filled = { ...node, attributes: withDefaults(definition, node.attributes) }
    if (!definition.decompose || this.#accelerates(filled, this.#rewriter.constantOf)) return undefined
    if (!node.inputs.every((input) => !input || (isConcrete(input.shape) && !widened(input.dtype)))) return undefined
    const outer = this.#prefix
    this.#prefix = node.name
    try {
      return definition.decompose(this, filled)
    } finally {
      this.#prefix = outer
    }
  }

  emit(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}, outputs?: number) {
    const name = `${this.#prefix}/${op.replace(/^.*\./, '')}`
    if (definitionOf(op).decompose) {
      const trimmed = inputs.slice(0, inputs.findLastIndex((input) => input !== undefined) + 1)
      const draft: Node = { op, name, inputs: trimmed, outputs: [], attributes }
      const types = inferTypes(draft, this.constantOf)
      const count = outputs ?? Math.max(1, definitionOf(op).outputs[0])
      const results = this.body({
        ...draft,
        outputs: types.slice(0, count).map(({ dtype, shape }) => ({ name, dtype, shape })),
      })
      if (results) return results
    }
    return this.#rewriter.write(op, inputs, attributes, name, outputs)
  }

  constant(tensor: Tensor, name = 'constant'): Value {
    return this.#rewriter.constant(tensor, `${this.#prefix}/${name}`)
  }

  constantOf = (value: Value): Tensor | undefined => this.#rewriter.constantOf(value)
}
