import type { Backend, Executable } from '../backend/backend.js'
import { evaluate } from '../backend/reference/evaluate.js'
import { compile } from '../compile.js'
import type { TypedArray } from '../core/dtype.js'
import type { Graph, Node, Value } from '../core/ir.js'
import { concrete, isConcrete, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { createResolver } from '../graph/resolver.js'
import { Rewriter } from '../graph/rewrite.js'
import { isStatic } from '../graph/static.js'
import { withOperators } from '../packs/index.js'

/** Stretches whose results have fewer elements in all get a plan only once they have run this often: it costs a millisecond. */
const fewElements = 512
const runsBeforePlan = 3
/** Forms that a segment keeps, of all its stretches, with a plan and without; of each kind the first goes when there are more. */
const plansKept = 32
const walksKept = 1024
/** A stretch that ran node by node in this many shapes gets no plan for them, and is not looked into for others whose inputs are small. */
const shapesBeforeTrust = 4

/** A stretch of a segment, compiled for certain input shapes; without an executable its nodes run one by one. */
interface Form {
  readonly end: number
  readonly executable: Executable | undefined
  /** What it reads, as values of the graph. */
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  /** The values of the graph that `outputs` stand for. */
  readonly results: readonly Value[]
  /** How often it has run node by node although a plan could run it; undefined where none can, or one does. */
  runs: number | undefined
}

/** The form whose nodes run one by one. */
const walk = (end: number, runs: number | undefined): Form => ({
  end,
  executable: undefined,
  inputs: [],
  outputs: [],
  results: [],
  runs,
})

/** Looks up the tensor that a value holds. */
export type TensorOf = (value: Value) => Tensor

/** Neighbouring nodes of a graph that may run in one plan, or in several where a shape follows from data. */
export class Segment {
  readonly #graph: Graph
  readonly #nodes: readonly Node[]
  /** Values of the segment that something after it reads. */
  readonly #needed: ReadonlySet<Value>
  readonly #backend: Backend
  readonly #plans = new Map<string, Form>()
  readonly #walks = new Map<string, Form>()
  /** By where a stretch begins that has had no plan yet: where it ended last, and in how many shapes it ran. */
  readonly #walked = new Map<number, { end: number; shapes: number }>()
  readonly #inputsAt = new Map<number, readonly Value[]>()
  readonly #notes: Set<string>

  constructor(graph: Graph, nodes: readonly Node[], needed: ReadonlySet<Value>, backend: Backend, notes: Set<string>) {
    this.#graph = graph
    this.#nodes = nodes
    this.#needed = needed
    this.#backend = backend
    this.#notes = notes
  }

  /** Runs all nodes. `store` takes each result that is needed later. */
  async run(tensorOf: TensorOf, store: (value: Value, tensor: Tensor) => void): Promise<void> {
    const inner = new Map<Value, Tensor>()
    const find: TensorOf = (value) => inner.get(value) ?? tensorOf(value)
    const keep = (value: Value, tensor: Tensor) => {
      inner.set(value, tensor)
      if (this.#needed.has(value)) store(value, tensor)
    }
    for (let start = 0; start < this.#nodes.length; ) {
      const form = await withOperators(() => this.#formFor(start, find))
      if (form.executable) {
        for (const input of form.inputs) form.executable.write(input.name, find(input).data as TypedArray)
        await form.executable.run()
        for (const [index, { name, dtype, shape }] of form.outputs.entries())
          keep(form.results[index], new Tensor(dtype, await form.executable.read(name), concrete(shape)))
      } else
        for (const node of this.#nodes.slice(start, form.end)) {
          const results = evaluate(
            node,
            node.inputs.map((input) => input && find(input)),
          )
          node.outputs.forEach((output, index) => {
            keep(output, results[index])
          })
        }
      start = form.end
    }
  }

  dispose(): void {
    for (const { executable } of this.#plans.values()) executable?.dispose()
    this.#plans.clear()
    this.#walks.clear()
  }

  #formFor(start: number, tensorOf: TensorOf): Form {
    let inputs = this.#inputsAt.get(start)
    if (!inputs) {
      inputs = this.#inputsOf(this.#nodes.slice(start))
      this.#inputsAt.set(start, inputs)
    }
    const dims = inputs.map((value) => tensorOf(value).dims)
    const key = `${start}:${dims.map((shape) => shape.join('x')).join(';')}`
    const known = this.#plans.get(key) ?? this.#walks.get(key)
    const walked = this.#walked.get(start)
    const isVaried = walked !== undefined && walked.shapes >= shapesBeforeTrust
    const size = () => new Map(inputs.map((value, index) => [value, dims[index]]))
    if (known) {
      if (known.runs === undefined || isVaried || ++known.runs <= runsBeforePlan) return known
      return this.#keep(start, key, this.#plan(start, known.end, size()))
    }
    const isSmall = () => dims.reduce((sum, shape) => sum + sizeOf(shape), 0) < fewElements
    return this.#keep(start, key, isVaried && isSmall() ? walk(walked.end, 1) : this.#cut(start, size()))
  }

  #keep(start: number, key: string, form: Form): Form {
    this.#walks.delete(key)
    const forms = form.executable ? this.#plans : this.#walks
    forms.set(key, form)
    if (form.executable) this.#walked.delete(start)
    else if (form.runs === 1)
      this.#walked.set(start, { end: form.end, shapes: (this.#walked.get(start)?.shapes ?? 0) + 1 })
    if (this.#plans.size > plansKept) this.#forget(start)
    if (this.#walks.size > walksKept) this.#walks.delete(this.#walks.keys().next().value!)
    return form
  }

  /** Drops the plan that was made first. */
  #forget(start: number): void {
    const [[oldest, { executable }]] = this.#plans
    executable?.dispose()
    this.#plans.delete(oldest)
    const { op, name } = this.#nodes[start]
    this.#notes.add(`what follows ${op} '${name}' has met more than ${plansKept} shapes: each new one is compiled anew`)
  }

  /** The form that takes the most nodes from `start` on. */
  #cut(start: number, dims: ReadonlyMap<Value, readonly number[]>): Form {
    const { length, elements } = this.#knownLength(start, dims)
    const end = start + Math.max(length, 1)
    const nodes = this.#nodes.slice(start, end)
    if (length === 0) {
      this.#notes.add(`${nodes[0].op} '${nodes[0].name}' runs in the reference backend: its shape follows from data`)
      return walk(end, undefined)
    }
    return elements < fewElements ? walk(end, 1) : this.#plan(start, end, dims)
  }

  /** Nodes `start` to `end` in one plan. */
  #plan(start: number, end: number, dims: ReadonlyMap<Value, readonly number[]>): Form {
    const nodes = this.#nodes.slice(start, end)
    const inputs = this.#inputsOf(nodes)
    const results = this.#outputsOf(start, end)
    const graph = bind(this.#graphOf(nodes, results), dims)
    const executable = isStatic(graph) ? compile(graph, this.#backend) : undefined
    for (const note of executable?.notes ?? []) this.#notes.add(note)
    return { end, executable, inputs, outputs: graph.outputs, results, runs: undefined }
  }

  /** How many nodes from `start` on have results of known shape, and how many elements these have. */
  #knownLength(start: number, dims: ReadonlyMap<Value, readonly number[]>): { length: number; elements: number } {
    const nodes = this.#nodes.slice(start)
    const rewriter = rewriterFor(this.#graphOf(nodes, []), dims)
    const expander = createResolver(rewriter, evaluate)
    let elements = 0
    for (const [length, node] of nodes.entries()) {
      if (!expander.expand(node)) rewriter.keep(node)
      for (const output of node.outputs) {
        const { shape } = rewriter.resolve(output)
        if (!isConcrete(shape)) return { length, elements }
        elements += sizeOf(shape)
      }
    }
    return { length: nodes.length, elements }
  }

  #graphOf(nodes: readonly Node[], outputs: readonly Value[]): Graph {
    const read = new Set(nodes.flatMap(({ inputs }) => inputs))
    return {
      name: this.#graph.name,
      inputs: this.#inputsOf(nodes),
      constants: new Map([...this.#graph.constants].filter(([value]) => read.has(value))),
      variables: new Map(),
      nodes,
      outputs,
      updates: [],
      metadata: {},
    }
  }

  /** What `nodes` read from before them. */
  #inputsOf(nodes: readonly Node[]): readonly Value[] {
    const own = new Set(nodes.flatMap(({ outputs }) => outputs))
    const read = nodes.flatMap(({ inputs }) => inputs.filter((input) => input !== undefined))
    return [...new Set(read)].filter((value) => !own.has(value) && !this.#graph.constants.has(value))
  }

  /** The results of nodes `start` to `end` that nodes after them, or others after the segment, read. */
  #outputsOf(start: number, end: number): readonly Value[] {
    const later = new Set(this.#nodes.slice(end).flatMap(({ inputs }) => inputs))
    return this.#nodes
      .slice(start, end)
      .flatMap(({ outputs }) => outputs)
      .filter((value) => later.has(value) || this.#needed.has(value))
  }
}

/** A rewriter of `graph` whose inputs have the shapes that their tensors have, whatever was declared. */
const rewriterFor = (graph: Graph, dims: ReadonlyMap<Value, readonly number[]>): Rewriter =>
  new Rewriter(
    graph,
    graph.inputs.map((input) => ({ ...input, shape: dims.get(input)! })),
  )

function bind(graph: Graph, dims: ReadonlyMap<Value, readonly number[]>): Graph {
  const rewriter = rewriterFor(graph, dims)
  const expander = createResolver(rewriter, evaluate)
  for (const node of graph.nodes) if (!expander.expand(node)) rewriter.keep(node)
  return rewriter.finish()
}
