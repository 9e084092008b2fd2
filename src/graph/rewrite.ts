import { LanewiseError } from '../core/errors.js'
import type { Attributes, Graph, Node, TensorType, Value } from '../core/ir.js'
import { formatType, isConcrete, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { withDefaults } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import { inferTypes, namedValue } from './infer.js'

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && a.container === b.container && sameShape(a.shape, b.shape)

/**
 * Whether a value of type `type` may stand where `old` was: dtypes are equal, and ranks too, unless the old shape was not
 * known (a symbol that turns out to be 1 may vanish).
 */
const canBecome = (old: TensorType, type: TensorType): boolean =>
  old.dtype === type.dtype && (!isConcrete(old.shape) || old.shape.length === type.shape.length)

/** The names of all values and nodes of `graph`. */
function namesOf(graph: Graph): Set<string> {
  const names = new Set<string>()
  for (const values of [graph.inputs, graph.constants.keys(), graph.variables.keys()])
    for (const { name } of values) names.add(name)
  for (const { name, outputs } of graph.nodes) {
    names.add(name)
    for (const output of outputs) names.add(output.name)
  }
  return names
}

function addOutputs(producers: Map<Value, Node>, node: Node): void {
  for (const output of node.outputs) producers.set(output, node)
}

/** Who reads each value of `graph`, one entry a reading operand. */
function usersOf(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const users = new Map<Value, Node[]>()
  for (const node of graph.nodes)
    for (const input of node.inputs) {
      if (!input) continue
      const known = users.get(input)
      if (known) known.push(node)
      else users.set(input, [node])
    }
  return users
}

/** `graph` without the nodes, constants and variables that no output and no update needs; itself where there are none. */
export function withoutDead(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs)
  for (const { variable, value } of graph.updates) needed.add(variable).add(value)
  const isNeeded = (value: Value): boolean => needed.has(value)
  const nodes: Node[] = []
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index]
    if (!node.outputs.some(isNeeded)) continue
    for (const input of node.inputs) if (input) needed.add(input)
    nodes.push(node)
  }
  const constants = only(graph.constants, needed)
  const variables = only(graph.variables, needed)
  if (nodes.length === graph.nodes.length && constants === graph.constants && variables === graph.variables)
    return graph
  return { ...graph, constants, variables, nodes: nodes.reverse() }
}

/** The entries of `map` whose keys are `needed`; itself where all are. */
function only<T>(map: ReadonlyMap<Value, T>, needed: ReadonlySet<Value>): ReadonlyMap<Value, T> {
  const kept = new Map<Value, T>()
  map.forEach((item, value) => {
    if (needed.has(value)) kept.set(value, item)
  })
  return kept.size === map.size ? map : kept
}

/**
 * Writes the next version of a graph, front to back. A pass walks `graph.nodes` and, for each, keeps it, writes others
 * in its place, or declares its results equal to earlier values. Values of the old graph may be used as operands
 * throughout: they stand for whatever has replaced them.
 */
export class Rewriter {
  readonly graph: Graph
  readonly #inputs: readonly Value[]
  /** Constants that the old graph does not have. */
  readonly #added = new Map<Value, Tensor>()
  readonly #nodes: Node[] = []
  /** The nodes of the new graph by what they write, once one is asked for. */
  #producers: Map<Value, Node> | undefined
  readonly #replacements = new Map<Value, Value>()
  #names: Set<string> | undefined
  #users: ReadonlyMap<Value, readonly Node[]> | undefined
  #leaving: ReadonlySet<Value> | undefined
  #byTensor: Map<Tensor, Value> | undefined

  /** `inputs` are the new graph's inputs, in the order of the old ones; the same unless told. */
  constructor(graph: Graph, inputs: readonly Value[] = graph.inputs) {
    this.graph = graph
    this.#inputs = inputs
    for (let index = 0; index < inputs.length; index++) this.replace(graph.inputs[index], inputs[index])
  }

  /** Readers in the old graph. */
  get users(): ReadonlyMap<Value, readonly Node[]> {
    this.#users ??= usersOf(this.graph)
    return this.#users
  }

  /** What stands for `value` in the new graph. */
  resolve(value: Value): Value {
    let current = value
    for (let next = this.#replacements.get(current); next; next = this.#replacements.get(current)) current = next
    return current
  }

  /** Makes `by` stand for `old` from here on. */
  replace(old: Value, by: Value): void {
    const target = this.resolve(by)
    if (old !== target) this.#replacements.set(old, target)
  }

  /** The content of `value` if it is a constant. */
  constantOf = (value: Value | undefined): Tensor | undefined => {
    if (!value) return undefined
    const resolved = this.resolve(value)
    return this.graph.constants.get(resolved) ?? this.#added.get(resolved)
  }

  /** The node of the new graph that writes `value`. */
  producer(value: Value | undefined): Node | undefined {
    if (!value) return undefined
    if (!this.#producers) {
      this.#producers = new Map()
      for (const node of this.#nodes) addOutputs(this.#producers, node)
    }
    return this.#producers.get(this.resolve(value))
  }

  /** Whether `value` of the old graph is an output, or the new content of a variable. */
  leaves(value: Value): boolean {
    this.#leaving ??= new Set([...this.graph.outputs, ...this.graph.updates.map((update) => update.value)])
    return this.#leaving.has(value)
  }

  /** The only reader of `value` in the old graph; undefined if there are more, or if it leaves the graph. */
  onlyUser(value: Value): Node | undefined {
    const users = this.users.get(value)
    return users?.length === 1 && !this.leaves(value) ? users[0] : undefined
  }

  /** The node with its operands resolved. */
  resolved(node: Node): Node {
    if (this.#replacements.size === 0) return node
    const inputs = this.#resolvedAll(node.inputs)
    return inputs === node.inputs ? node : { ...node, inputs }
  }

  /** Appends `node`, its outputs typed anew where the types of its operands have changed, or what is known of them. */
  keep(node: Node): void {
    const resolved = this.resolved(node)
    if (resolved === node || this.#hasSameOperands(node, resolved)) this.#append(resolved)
    else this.#write(resolved, node.outputs)
  }

  /**
   * Appends a node. `results` are the old values that its outputs stand for; given a string instead, the outputs
   * (`outputs` of them, as many as the op has at least unless told) are new and named after it.
   */
  write(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    results: readonly Value[] | string,
    outputs?: number,
  ): readonly Value[] {
    const definition = definitionOf(op)
    let count = inputs.length
    while (count > 0 && inputs[count - 1] === undefined) count--
    const trimmed = this.#resolvedAll(count === inputs.length ? inputs : inputs.slice(0, count))
    const name = this.unique(typeof results === 'string' ? results : results[0].name)
    return this.#write(
      { op, name, inputs: trimmed, outputs: [], attributes: withDefaults(definition, attributes) },
      typeof results === 'string' ? (outputs ?? Math.max(1, definition.outputs[0])) : results,
    )
  }

  constant(tensor: Tensor, name: string): Value {
    const value = namedValue(this.unique(name), { dtype: tensor.type, shape: tensor.dims })
    this.#added.set(value, tensor)
    return value
  }

  /** The constant that holds this very tensor: one value, however often it is asked for. */
  shared(tensor: Tensor, name: string): Value {
    if (!this.#byTensor)
      this.#byTensor = new Map([...this.graph.constants, ...this.#added].map(([value, content]) => [content, value]))
    const known = this.#byTensor.get(tensor)
    if (known) return known
    const value = this.constant(tensor, name)
    this.#byTensor.set(tensor, value)
    return value
  }

  /** A 1-D int64 constant. */
  ints(values: readonly number[], name: string): Value {
    return this.constant(new Tensor('int64', values, [values.length]), name)
  }

  /** `name`, with a number behind it if it is taken; taken from here on. */
  unique(name: string): string {
    this.#names ??= namesOf(this.graph)
    let unique = name
    for (let suffix = 1; this.#names.has(unique); suffix++) unique = `${name}_${suffix}`
    this.#names.add(unique)
    return unique
  }

  /** The new graph, without nodes, constants and variables that nothing needs. Outputs keep their names. */
  finish(): Graph {
    const outputs = this.graph.outputs.map((output) => {
      const value = this.resolve(output)
      if (value.name === output.name) return value
      const named = { ...value, name: output.name }
      this.#append({
        op: 'Identity',
        name: this.unique(`${output.name}/Identity`),
        inputs: [value],
        outputs: [named],
        attributes: {},
      })
      return named
    })
    if (this.#isUntouched()) return this.graph
    return withoutDead({
      ...this.graph,
      inputs: this.#inputs,
      constants: this.#added.size > 0 ? new Map([...this.graph.constants, ...this.#added]) : this.graph.constants,
      nodes: this.#nodes,
      outputs,
      updates: this.graph.updates.map(({ variable, value }) => ({ variable, value: this.resolve(value) })),
    })
  }

  /** Whether every node of the old graph stands as it was, and no other does. */
  #isUntouched(): boolean {
    const { nodes, inputs } = this.graph
    return (
      this.#replacements.size === 0 &&
      this.#inputs === inputs &&
      this.#nodes.length === nodes.length &&
      nodes.every((node, index) => node === this.#nodes[index])
    )
  }

  #write(draft: Node, results: readonly Value[] | number): readonly Value[] {
    const types = inferTypes(draft, this.constantOf)
    const count = Math.min(types.length, typeof results === 'number' ? results : results.length)
    const outputs: Value[] = []
    for (let index = 0; index < count; index++) {
      const type = types[index]
      outputs.push(
        typeof results === 'number'
          ? namedValue(index === 0 ? draft.name : this.unique(`${draft.name}:${index}`), type)
          : this.#typed(results[index], type),
      )
    }
    this.#append({ ...draft, outputs })
    return outputs
  }

  /** What stands for `old`, now that it is of type `type`. */
  #typed(old: Value, type: TensorType): Value {
    if (sameType(old, type)) return old
    if (!canBecome(old, type))
      throw new LanewiseError(
        'INVALID_MODEL',
        `'${old.name}' (${formatType(old)}) cannot be written as ${formatType(type)}`,
      )
    const typed = namedValue(old.name, type)
    this.replace(old, typed)
    return typed
  }

  /** `values` with those that are replaced; itself where none is. */
  #resolvedAll(values: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
    let resolved: (Value | undefined)[] | undefined
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      const current = value && this.resolve(value)
      if (current === value) continue
      resolved ??= [...values]
      resolved[index] = current
    }
    return resolved ?? values
  }

  /** Whether inference can tell nothing of `resolved` that it has not told of `node`: operands changed, but not their types. */
  #hasSameOperands(node: Node, resolved: Node): boolean {
    for (let index = 0; index < node.inputs.length; index++) {
      const old = node.inputs[index]
      const current = resolved.inputs[index]
      if (old === current || !old || !current) continue
      if (!sameType(old, current) || this.constantOf(current) || this.graph.constants.has(old)) return false
    }
    return true
  }

  #append(node: Node): void {
    this.#nodes.push(node)
    if (this.#producers) addOutputs(this.#producers, node)
  }
}
