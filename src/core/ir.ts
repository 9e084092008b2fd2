import type { DType } from './dtype.js'
import type { Shape } from './shape.js'
import type { Tensor } from './tensor.js'

/** What a value holds instead of one tensor: a list of tensors, or perhaps nothing. */
export type Container = 'sequence' | 'optional' | 'optional(sequence)'

/** `dtype` and `shape` are those of the elements where the value is a container. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
  readonly container?: Container | undefined
}

/** What a value holds at run time: a tensor, a sequence, or null for an optional without a value. */
export type HostValue = Tensor | readonly HostValue[] | null

/** An SSA value: written once, by one node, or given from outside. Identity is the object; `name` is for people and export. */
export interface Value extends TensorType {
  readonly name: string
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | TensorType
  | Graph
  | readonly Graph[]
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>

/** Looks up the content of a value in a graph's constants; undefined if it is not one. */
export type ConstantOf = (value: Value) => Tensor | undefined

/** One application of an op. Absent optional inputs are undefined. */
export interface Node {
  /** An ONNX op name (`Conv`), or a domain and a name (`lanewise.ConvNhwc`). */
  readonly op: string
  readonly name: string
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  readonly attributes: Attributes
  /** What the file that it came from says of it. */
  readonly about?: About | undefined
}

/** Free text that came with a model, a graph or a node, and goes back out with it. */
export interface About {
  readonly doc: string
  readonly metadata: Readonly<Record<string, string>>
}

/** What a model's file says besides the graph. An exported model says it, too. */
export interface Origin {
  readonly producerName: string
  readonly producerVersion: string
  readonly domain: string
  readonly modelVersion: number
  /** The model's own documentation. */
  readonly doc: string
  readonly graph: About
  /** The shapes that the file gives for its outputs: their names for sizes, where inference has none. */
  readonly outputs: ReadonlyMap<string, Shape>
  /** Where the file contradicts itself in what does not count. */
  readonly notes: readonly string[]
}

/**
 * Named state that outlives a run: weights, moving statistics, optimizer slots, resident datasets.
 * Identity is the object: graphs refer to it, and a backend's store maps it to memory.
 */
export interface Variable {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  trainable: boolean
}

/**
 * A dataflow graph: immutable, nodes in topological order. Values may be shared between graphs, as a pass
 * rewrites nodes and keeps the rest. Every value is exactly one of: an input, a constant, a variable's
 * content at the start of the run, a node's output. Subgraphs (the attributes of If, Loop, Scan …) refer to no value
 * outside: what they capture comes in through their last inputs, which the node's last `captures` operands feed.
 */
export interface Graph {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly constants: ReadonlyMap<Value, Tensor>
  readonly variables: ReadonlyMap<Value, Variable>
  readonly nodes: readonly Node[]
  readonly outputs: readonly Value[]
  /** Once the nodes have run, each variable takes the content of `value`. */
  readonly updates: readonly VariableUpdate[]
  /** Free text that travels with an exported model. */
  readonly metadata: Readonly<Record<string, string>>
  /** Where the graph came from a file. */
  readonly origin?: Origin | undefined
}

export interface VariableUpdate {
  /** The value that stands for the variable in `Graph.variables`. */
  readonly variable: Value
  readonly value: Value
}
