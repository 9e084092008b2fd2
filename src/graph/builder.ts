import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type {
  About,
  Attributes,
  Container,
  Graph,
  Node,
  TensorType,
  Value,
  Variable,
  VariableUpdate,
} from '../core/ir.js'
import { formatShape, type Shape, sameShape } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { withDefaults } from '../ops/definition.js'
import { Emitter } from '../ops/emitter.js'
import { definitionOf } from '../ops/index.js'
import { describeNode, inferTypes, typeOf } from './infer.js'

/** Writes a graph: checks every node against its op's schema, fills in defaults, infers types, names values. */
export class GraphBuilder extends Emitter {
  readonly #name: string
  readonly #inputs: Value[] = []
  readonly #constants = new Map<Value, Tensor>()
  readonly #variables = new Map<Value, Variable>()
  readonly #variableValues = new Map<Variable, Value>()
  readonly #replaced = new Map<Variable, Value>()
  readonly #nodes: Node[] = []
  readonly #outputs: Value[] = []
  readonly #updates: VariableUpdate[] = []
  readonly #producers = new Map<Value, Node>()
  readonly #names = new Set<string>()
  /** The next suffix of a name, the earlier ones being taken. */
  readonly #suffixes = new Map<string, number>()
  readonly #reserved = new Set<string>()
  #prefix = ''

  constructor(name = 'lanewise') {
    super()
    this.#name = name
  }

  /** Continues `graph`: its values stay valid, nodes are appended. */
  static from(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder(graph.name)
    builder.#inputs.push(...graph.inputs)
    for (const [value, tensor] of graph.constants) builder.#constants.set(value, tensor)
    for (const [value, variable] of graph.variables) {
      builder.#variables.set(value, variable)
      builder.#variableValues.set(variable, value)
    }
    builder.#outputs.push(...graph.outputs)
    builder.#updates.push(...graph.updates)
    for (const node of graph.nodes) builder.#append(node)
    for (const value of [...graph.inputs, ...graph.constants.keys(), ...graph.variables.keys()])
      builder.#names.add(value.name)
    return builder
  }

  /** Keeps `names` for outputs that are named from outside: nothing else will be called so. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#reserved.add(name)
  }

  /** The nodes written so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes
  }

  input(name: string, dtype: DType, shape: Shape, container?: Container): Value {
    const value = { name: this.#unique(name), ...typeOf({ dtype, shape, container }) }
    this.#inputs.push(value)
    return value
  }

  constant(tensor: Tensor, name = 'constant'): Value {
    const value = { name: this.#unique(this.#prefix + name), dtype: tensor.type, shape: tensor.dims }
    this.#constants.set(value, tensor)
    return value
  }

  /** From here on, `variable(variable)` gives `value`; what is stored changes by `update` alone. */
  replaceVariable(variable: Variable, value: Value): void {
    this.variable(variable)
    this.#replaced.set(variable, value)
  }

  /** The value of `variable` at the start of a run; the same value each time it is asked for. */
  variable(variable: Variable): Value {
    const known = this.#replaced.get(variable) ?? this.#variableValues.get(variable)
    if (known) return known
    const value = { name: this.#unique(variable.name), dtype: variable.dtype, shape: variable.shape }
    this.#variables.set(value, variable)
    this.#variableValues.set(variable, value)
    return value
  }

  emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    outputs?: number,
  ): readonly Value[] {
    const name = this.#unique(this.#prefix + op.replace(/^.*\./, ''))
    const count = outputs ?? Math.max(1, definitionOf(op).outputs[0])
    return this.node(
      op,
      name,
      inputs,
      attributes,
      Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}:${index}`)),
    )
  }

  /**
   * `emit` under names given from outside, as an importer needs it. An empty output name gets one made up. `typed` may
   * know more of an output's type than inference.
   */
  node(
    op: string,
    name: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    outputNames: readonly string[],
    about?: About,
    typed: (type: TensorType, output: number) => TensorType = (type) => type,
  ): readonly Value[] {
    const definition = definitionOf(op)
    const trimmed = inputs.slice(0, inputs.findLastIndex((input) => input !== undefined) + 1)
    const draft: Node = { op, name, inputs: trimmed, outputs: [], attributes: withDefaults(definition, attributes) }
    const types = inferTypes(draft, (value) => this.#constants.get(value))
    if (outputNames.length > types.length)
      throw new LanewiseError(
        'INVALID_MODEL',
        `${describeNode(draft)}: has ${types.length} outputs, got ${outputNames.length} names for them`,
      )
    const values = types.slice(0, outputNames.length).map((type, index) => ({
      ...typed(typeOf(type), index),
      name: outputNames[index] || this.#unique(`${name}:${index}`),
    }))
    this.#append({ ...draft, outputs: values, ...(about ? { about } : {}) })
    return values
  }

  /** Runs `write` with `name/` put before the names of the nodes it emits. */
  scope<T>(name: string, write: () => T): T {
    const outer = this.#prefix
    this.#prefix = `${outer}${name}/`
    try {
      return write()
    } finally {
      this.#prefix = outer
    }
  }

  /** Makes `value` a graph output, under `name` if given (an Identity node carries the new name where needed). */
  output(value: Value, name = value.name): Value {
    let output = value
    if (name !== value.name || this.#outputs.includes(value) || !this.#producers.has(value)) {
      this.#reserved.delete(name)
      // What is given out as it came in keeps its name: callers feed and fetch by it.
      const passed = name === value.name && this.#inputs.includes(value)
      output = { name: passed ? name : this.#unique(name), ...typeOf(value) }
      this.#append({
        op: 'Identity',
        name: this.#unique(`${name}/Identity`),
        inputs: [value],
        outputs: [output],
        attributes: {},
      })
    }
    this.#outputs.push(output)
    return output
  }

  /** After a run, `variable` takes the content of `value`. Throws SHAPE_MISMATCH. */
  update(variable: Variable, value: Value): void {
    if (!sameShape(variable.shape, value.shape) || variable.dtype !== value.dtype)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `variable '${variable.name}' (${variable.dtype} ${formatShape(variable.shape)}) cannot take ${value.dtype} ${formatShape(value.shape)}`,
      )
    const stored = this.#variableValues.get(variable) ?? this.variable(variable)
    this.#updates.push({ variable: stored, value })
  }

  /** The node that writes `value`; undefined for inputs, constants and variables. */
  producer(value: Value): Node | undefined {
    return this.#producers.get(value)
  }

  /** The content of `value` if it is a constant. */
  constantOf(value: Value): Tensor | undefined {
    return this.#constants.get(value)
  }

  /** The graph; what came with a model goes on with it. */
  build({ metadata = {}, origin }: Partial<Pick<Graph, 'metadata' | 'origin'>> = {}): Graph {
    return {
      name: this.#name,
      inputs: [...this.#inputs],
      constants: new Map(this.#constants),
      variables: new Map(this.#variables),
      nodes: [...this.#nodes],
      outputs: [...this.#outputs],
      updates: [...this.#updates],
      metadata,
      ...(origin ? { origin } : {}),
    }
  }

  #append(node: Node): void {
    this.#nodes.push(node)
    this.#names.add(node.name)
    for (const output of node.outputs) {
      this.#producers.set(output, node)
      this.#names.add(output.name)
    }
  }

  #unique(name: string): string {
    let unique = name
    let suffix = this.#suffixes.get(name) ?? 1
    for (; this.#names.has(unique) || this.#reserved.has(unique); suffix++) unique = `${name}_${suffix}`
    this.#suffixes.set(name, suffix)
    this.#names.add(unique)
    return unique
  }
}
