import type { Graph, Node, Value } from '../core/ir.js'
import { inversePermutation, normalizeAxis, permute } from '../core/shape.js'
import { Rewriter } from '../graph/rewrite.js'
import { intAttribute, intsAttribute } from '../ops/definition.js'
import { traitsOf } from '../ops/index.js'
import { reducedAxes } from '../ops/reduction.js'
import { DeferredTransposes, elements } from './deferred.js'
import type { Pass } from './pass.js'
import { compose, identity, isIdentity, onRank, type Permutation, without } from './permutation.js'

/** Ops to which all axes but the one of their attribute `axis` are alike. */
const joinsAlongAxis: ReadonlySet<string> = new Set(['Concat'])

/** Ops on input 0 whose input 3 names the axes that their other inputs speak of; the first axes if it is absent. */
const namesAxes: ReadonlySet<string> = new Set(['Pad', 'Slice'])

/** Ops on input 0 that work along the axis of their attribute `axis`; their other inputs have no axes of their own. */
const worksAlongAxis: ReadonlySet<string> = new Set([
  'Gather',
  'lanewise.GatherGradient',
  'lanewise.Resample',
  'QuantizeLinear',
  'DequantizeLinear',
])

/** How far ahead a choice of layout looks. */
const horizon = 8

/**
 * Transposes sink: through elementwise ops, reductions, concatenations, pads, slices and what works along one axis, until they meet their inverse and both
 * vanish, or an op that needs its operand's axes where they are. Where the operands of an op come in different layouts,
 * the op takes the one that moves the fewest elements, there and in what follows.
 */
export const cancelTransposes: Pass = {
  name: 'cancel transposes',
  concerns: ({ op }) => op === 'Transpose',
  run(graph: Graph): Graph {
    const walk = new Walk(graph)
    for (const node of graph.nodes) walk.visit(node)
    return walk.finish()
  },
}

class Walk {
  readonly #rewriter: Rewriter
  readonly #deferred: DeferredTransposes

  constructor(graph: Graph) {
    this.#rewriter = new Rewriter(graph)
    this.#deferred = new DeferredTransposes(this.#rewriter)
  }

  visit(node: Node): void {
    const sunk =
      node.op === 'Transpose'
        ? this.#transpose(node)
        : isAlike(node)
          ? this.#sink(node)
          : traitsOf(node.op).reduction
            ? this.#reduce(node)
            : namesAxes.has(node.op)
              ? this.#renameAxes(node)
              : isAlongAxis(node)
                ? this.#renameAxis(node)
                : false
    if (sunk) return
    for (const input of node.inputs) if (input) this.#deferred.materialise(input)
    this.#rewriter.keep(node)
  }

  finish(): Graph {
    const { outputs, updates } = this.#rewriter.graph
    for (const value of [...outputs, ...updates.map((update) => update.value)]) this.#deferred.materialise(value)
    return this.#rewriter.finish()
  }

  #transpose(node: Node): boolean {
    const { source, perm } = this.#deferred.of(node.inputs[0]!)
    this.#deferred.defer(node.outputs[0], { source, perm: compose(perm, permOf(node)) })
    return true
  }

  #sink(node: Node): boolean {
    const inputs = node.inputs.filter((input) => input !== undefined)
    if (!inputs.some((input) => this.#deferred.isDeferred(input))) return false
    const output = node.outputs[0]
    const rank = output.shape.length
    const candidates = new Map<string, Permutation>()
    for (const input of inputs) {
      const perm = onRank(this.#deferred.of(input).perm, rank)
      candidates.set(perm.join(), perm)
    }
    candidates.set(identity(rank).join(), identity(rank))
    let best: { perm: Permutation; cost: number } | undefined
    for (const perm of candidates.values()) {
      const moved = inputs.reduce((sum, input) => sum + this.#deferred.cost(input, perm), 0)
      const cost = moved + elements(output.shape) * this.#demand(output, perm, horizon)
      if (!best || cost < best.cost) best = { perm, cost }
    }
    const { perm } = best!
    if (isIdentity(perm)) return false
    const operands = node.inputs.map((input) => input && this.#deferred.aligned(input, perm))
    const attributes = joinsAlongAxis.has(node.op)
      ? { ...node.attributes, axis: perm[normalizeAxis(intAttribute(node.attributes, 'axis'), rank)] }
      : node.attributes
    const results = this.#rewriter.write(node.op, operands, attributes, node.name)
    node.outputs.forEach((result, index) => {
      this.#deferred.defer(result, { source: results[index], perm })
    })
    return true
  }

  /** How many transposes `value` leads to, up to `depth` ops away, if it is kept as a transpose by `perm`. */
  #demand(value: Value, perm: Permutation, depth: number): number {
    const settled = isIdentity(perm)
    if (depth === 0) return settled ? 0 : 1
    let needed = this.#rewriter.leaves(value) && !settled
    let demand = 0
    for (const user of new Set(this.#rewriter.users.get(value) ?? [])) {
      const output = user.outputs[0]
      if (user.op === 'Transpose') demand += this.#demand(output, compose(perm, permOf(user)), depth - 1)
      else if (
        (isAlike(user) || (isAlongAxis(user) && user.inputs[0] === value)) &&
        output.shape.length === perm.length
      )
        demand += this.#demand(output, perm, depth - 1)
      else needed ||= !settled && !traitsOf(user.op).reduction
    }
    return demand + (needed ? 1 : 0)
  }

  #reduce(node: Node): boolean {
    const [input] = node.inputs as [Value]
    if (!this.#deferred.isDeferred(input)) return false
    const { source, perm } = this.#deferred.of(input)
    const axes = this.#reducedAxes(node, perm.length)
    if (!axes) return false
    const moved = axes.map((axis) => perm[axis]).sort((a, b) => a - b)
    const one = 'axis' in node.attributes
    const operands = one ? [source] : [source, this.#rewriter.ints(moved, `${node.name}/axes`)]
    const attributes = one ? { ...node.attributes, axis: moved[0] } : node.attributes
    const [result] = this.#rewriter.write(node.op, operands, attributes, node.name)
    const keepDims = intAttribute(node.attributes, 'keepdims') === 1
    this.#deferred.defer(node.outputs[0], { source: result, perm: keepDims ? perm : without(perm, moved) })
    return true
  }

  #renameAxes(node: Node): boolean {
    const [input, first, second, axes, ...rest] = node.inputs
    if (!input || !first || !this.#deferred.isDeferred(input)) return false
    const { source, perm } = this.#deferred.of(input)
    const known = this.#rewriter.constantOf(axes)?.toNumbers()
    const count = first.shape[0]
    if ((axes && !known) || typeof count !== 'number') return false
    const named = known ?? identity(node.op === 'Pad' ? perm.length : count)
    const moved = named.map((axis) => perm[normalizeAxis(axis, perm.length)])
    const operands = [source, first, second, this.#rewriter.ints(moved, `${node.name}/axes`), ...rest]
    const [result] = this.#rewriter.write(node.op, operands, node.attributes, node.name)
    this.#deferred.defer(node.outputs[0], { source: result, perm })
    return true
  }

  #renameAxis(node: Node): boolean {
    const [input, ...rest] = node.inputs as readonly Value[]
    if (!this.#deferred.isDeferred(input)) return false
    for (const operand of rest) this.#deferred.materialise(operand)
    const { source, perm } = this.#deferred.of(input)
    const shape = intsAttribute(node.attributes, 'input_shape')
    const attributes = {
      ...node.attributes,
      ...(rest[0].shape.length > 0 && {
        axis: perm[normalizeAxis(intAttribute(node.attributes, 'axis'), perm.length)],
      }),
      ...(shape && { input_shape: permute(shape, inversePermutation(perm)) }),
    }
    const [result] = this.#rewriter.write(node.op, [source, ...rest], attributes, node.name)
    this.#deferred.defer(node.outputs[0], { source: result, perm })
    return true
  }

  /** The axes that `node` reduces; undefined where they are not known, or there are none. */
  #reducedAxes(node: Node, rank: number): readonly number[] | undefined {
    if ('axis' in node.attributes) return [normalizeAxis(intAttribute(node.attributes, 'axis'), rank)]
    const tensor = this.#rewriter.constantOf(node.inputs[1])
    if (node.inputs[1] && !tensor) return undefined
    const axes = reducedAxes(tensor?.toNumbers(), rank, node.attributes)
    return axes.length > 0 ? axes : undefined
  }
}

/** Whether a transpose of all operands is a transpose of all results. */
const isAlike = (node: Node): boolean => {
  const { elementwise, random } = traitsOf(node.op)
  if (node.outputs.length !== 1) return false
  return joinsAlongAxis.has(node.op) || (elementwise === true && !random && !('axis' in node.attributes))
}

/** Whether the node keeps all axes but one as they are: a Gather with one axis of indices does, and so do scales along an axis. */
const isAlongAxis = ({ op, inputs, outputs }: Node): boolean =>
  worksAlongAxis.has(op) &&
  outputs[0].shape.length === inputs[0]!.shape.length &&
  (op === 'lanewise.Resample' || inputs[1]!.shape.length <= 1)

const permOf = (node: Node): Permutation =>
  intsAttribute(node.attributes, 'perm') ?? [...identity(node.inputs[0]!.shape.length)].reverse()
