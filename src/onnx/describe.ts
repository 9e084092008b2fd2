import type { Source } from '../core/source.js'
import { type LoadOptions, loadModel } from './source.js'

/** What an ONNX model holds, after its import: functions expanded, ops in their newest forms. */
export interface ModelDescription {
  /** The graph's name. */
  readonly name: string
  readonly producer: string | undefined
  readonly inputs: readonly PortDescription[]
  readonly outputs: readonly PortDescription[]
  /** In the order that they run in; those of subgraphs follow the node that holds them. */
  readonly nodes: readonly NodeDescription[]
  /** Number of nodes by op, in alphabetical order. */
  readonly ops: Readonly<Record<string, number>>
  /** Elements of all constants but those of the types that shapes, indices and conditions have: int64, bool and strings. */
  readonly parameters: number
  /** Bytes of all constants in memory. */
  readonly constantBytes: number
  readonly metadata: Readonly<Record<string, string>>
  /** What the import noticed. */
  readonly notes: readonly string[]
}

/** An input or output of a model: its element type, and its shape, with names for sizes that are open. */
export interface PortDescription {
  readonly name: string
  /** As in ONNX: `float32`, `int64`, …; of a sequence or optional the type of its elements. */
  readonly type: string
  /** A number, or the name of a size that each run may choose. */
  readonly shape: readonly (number | string)[]
  readonly container?: string | undefined
}

/** A node of a model, with the names of the values that it reads and makes. */
export interface NodeDescription {
  readonly name: string
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly PortDescription[]
}

/**
 * Reads an ONNX model from a path, a URL or its bytes and tells what is in it, without running it.
 * Throws INVALID_MODEL, UNSUPPORTED_OP, DATA_NOT_FOUND, IO_ERROR.
 */
export async function describeOnnx(source: Source, options: LoadOptions = {}): Promise<ModelDescription> {
  const [{ describeGraph }, { graph }] = await Promise.all([import('./describe-graph.js'), loadModel(source, options)])
  return describeGraph(graph)
}
