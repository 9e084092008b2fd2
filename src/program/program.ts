import type { Backend } from '../backend/backend.js'
import { completeKernels } from '../backend/reference/complete.js'
import { evaluate } from '../backend/reference/evaluate.js'
import { evaluateSequence, isSequenceOp } from '../backend/reference/sequences.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, HostValue, Node, Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'
import { isHostNode } from '../graph/static.js'
import { withDefaults } from '../ops/definition.js'
import { definitionOf, isProgramOp } from '../ops/index.js'
import { type Call, runControl } from './control.js'
import { Segment } from './segment.js'

/** A program lets the event loop have a turn after this many milliseconds. */
const turnMs = 50

/** One thing that a routine does, and the values that nothing reads after it. */
interface Action {
  readonly run: Segment | Node
  readonly dying: readonly Value[]
}

/** A graph, cut into segments and nodes of the host. */
interface Routine {
  readonly graph: Graph
  readonly actions: readonly Action[]
}

/**
 * Runs graphs that no single plan can: with control flow, sequences, optionals, strings, or shapes that follow from data.
 * Between the nodes that the host runs lie segments, which are compiled for each input shape that they meet.
 */
export class Program {
  readonly #backend: Backend
  readonly #routines = new Map<Graph, Routine>()
  readonly #graph: Graph
  readonly #notes = new Set<string>()
  #turn = 0
  #signal: AbortSignal | undefined

  constructor(graph: Graph, backend: Backend) {
    completeKernels()
    this.#graph = graph
    this.#backend = backend
    const hosted = graph.nodes.filter(isHostNode).map(({ op, name }) => `${op} '${name}'`)
    if (hosted.length > 0)
      this.#notes.add(`the model runs in several plans, as the host runs ${hosted.slice(0, 8).join(', ')}`)
    if (hosted.length > 8) this.#notes.add(`the host runs ${hosted.length} nodes in all`)
  }

  /** What runs slower than it could, and why, as far as runs have shown. */
  get notes(): readonly string[] {
    return [...this.#notes]
  }

  /**
   * Runs the graph on a value for each of its inputs, in their order; a value for each output. The event loop gets its
   * turn in between, and `signal` may end the run: it throws the signal's reason. Throws LanewiseError, naming the node.
   */
  async run(inputs: readonly HostValue[], signal?: AbortSignal): Promise<readonly HostValue[]> {
    this.#turn = performance.now()
    this.#signal = signal
    return this.#call(this.#graph, inputs)
  }

  /** Frees the plans of all segments. */
  dispose(): void {
    for (const { actions } of this.#routines.values())
      for (const { run } of actions) if (run instanceof Segment) run.dispose()
    this.#routines.clear()
  }

  readonly #call: Call = async (graph, inputs) => {
    const { actions } = this.#routineOf(graph)
    const values = new Map<Value, HostValue>(graph.constants)
    graph.inputs.forEach((input, index) => {
      const value = inputs[index]
      if (value instanceof Tensor && value.type !== input.dtype)
        throw new LanewiseError(
          'TYPE_MISMATCH',
          `'${input.name}' of graph '${graph.name}' is ${input.dtype}, got ${value.type}`,
        )
      values.set(input, value)
    })
    for (const { run, dying } of actions) {
      if (performance.now() - this.#turn > turnMs) {
        await new Promise((resolve) => setTimeout(resolve))
        this.#turn = performance.now()
        this.#signal?.throwIfAborted()
      }
      if (run instanceof Segment)
        await run.run(
          (value) => tensorIn(values, value),
          (value, tensor) => values.set(value, tensor),
        )
      else {
        const results = await this.#runNode(
          run,
          run.inputs.map((input) => input && values.get(input)),
        )
        run.outputs.forEach((output, index) => {
          values.set(output, results[index])
        })
      }
      for (const value of dying) values.delete(value)
    }
    return graph.outputs.map((output) => values.get(output)!)
  }

  async #runNode(node: Node, inputs: readonly (HostValue | undefined)[]): Promise<readonly HostValue[]> {
    const attributes = withDefaults(definitionOf(node.op), node.attributes)
    if (isSequenceOp(node.op)) return [evaluateSequence(node.op, node.name, inputs, attributes)]
    if (isProgramOp(node.op)) return runControl(node, inputs, attributes, this.#call)
    if (node.op === 'Identity') return [inputs[0]!]
    return evaluate(node, inputs as readonly (Tensor | undefined)[])
  }

  #routineOf(graph: Graph): Routine {
    const known = this.#routines.get(graph)
    if (known) return known
    const groups: Node[][] = []
    for (const [index, node] of graph.nodes.entries()) {
      const isHost = isHostNode(node)
      if (index === 0 || isHost || isHostNode(graph.nodes[index - 1])) groups.push([node])
      else groups.at(-1)!.push(node)
    }
    const lastRead = new Map<Value, number>()
    groups.forEach((nodes, position) => {
      for (const { inputs, outputs } of nodes)
        for (const value of [...inputs, ...outputs]) if (value) lastRead.set(value, position)
    })
    for (const output of graph.outputs) lastRead.set(output, groups.length)
    const dying = groups.map((): Value[] => [])
    for (const [value, position] of lastRead)
      if (position < groups.length && !graph.constants.has(value)) dying[position].push(value)
    const actions = groups.map((nodes, position): Action => {
      if (isHostNode(nodes[0])) return { run: nodes[0], dying: dying[position] }
      const results = nodes.flatMap(({ outputs }) => outputs)
      const needed = new Set(results.filter((value) => lastRead.get(value)! > position))
      return { run: new Segment(graph, nodes, needed, this.#backend, this.#notes), dying: dying[position] }
    })
    const routine = { graph, actions }
    this.#routines.set(graph, routine)
    return routine
  }
}

function tensorIn(values: ReadonlyMap<Value, HostValue>, value: Value): Tensor {
  const content = values.get(value)
  if (content instanceof Tensor) return content
  throw new LanewiseError('TYPE_MISMATCH', `'${value.name}' must be a tensor, it holds a sequence or nothing`)
}
