import type { Backend, Executable } from './backend/backend.js'
import { evaluate } from './backend/reference/evaluate.js'
import { compile } from './compile.js'
import type { DType, TypedArray } from './core/dtype.js'
import { LanewiseError } from './core/errors.js'
import type { Graph, Value } from './core/ir.js'
import { concrete, formatShape, type Shape } from './core/shape.js'
import { Tensor } from './core/tensor.js'
import { type BackendOptions, createBackend, defaultBackend } from './environment.js'
import { specialize } from './graph/specialize.js'
import { type LoadOptions, loadGraph, type ModelSource } from './onnx/source.js'

/** What a session's input or output takes, in onnxruntime-common's form. */
export interface ValueMetadata {
  readonly name: string
  readonly isTensor: true
  readonly type: DType
  /** A number, or the name of a size that each run may choose. */
  readonly shape: Shape
}

export interface SessionOptions extends BackendOptions, LoadOptions {}

export type Feeds = Readonly<Record<string, Tensor>>
/** The outputs to compute: names, or preallocated tensors to fill (null: allocate). */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>

interface SessionPlan {
  readonly executable: Executable
  readonly outputs: readonly Value[]
}

/** Compiled forms kept for different input shapes; the least recently used goes first. */
const plansKept = 8

/** An ONNX model, ready to run. The shapes of onnxruntime-common's InferenceSession. */
export class InferenceSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata: readonly ValueMetadata[]
  readonly outputMetadata: readonly ValueMetadata[]
  /** Free text that came with the model. */
  readonly metadata: Readonly<Record<string, string>>
  readonly #graph: Graph
  readonly #backend: Backend
  readonly #ownsBackend: boolean
  readonly #plans = new Map<string, SessionPlan>()
  readonly #notes: Set<string>
  #queue: Promise<unknown> = Promise.resolve()
  #released = false

  private constructor(graph: Graph, backend: Backend, ownsBackend: boolean) {
    this.#graph = graph
    this.#backend = backend
    this.#ownsBackend = ownsBackend
    this.inputNames = graph.inputs.map(({ name }) => name)
    this.outputNames = graph.outputs.map(({ name }) => name)
    this.inputMetadata = graph.inputs.map(describe)
    this.outputMetadata = graph.outputs.map(describe)
    this.metadata = graph.metadata
    this.#notes = new Set(backend.report.notes)
  }

  /** What runs slower than it could, and why: of the backend, and of each input shape that has run. */
  get notes(): readonly string[] {
    return [...this.#notes]
  }

  /**
   * Loads a model from a path, a URL or its bytes. Options that name a backend, threads or a build give the session a
   * backend of its own; without them it shares the default one. Throws INVALID_MODEL, UNSUPPORTED_OP, DATA_NOT_FOUND.
   */
  static async create(
    source: ModelSource,
    { externalData, ...options }: SessionOptions = {},
  ): Promise<InferenceSession> {
    const graph = await loadGraph(source, { externalData })
    const owns = Object.values(options).some((option) => option !== undefined)
    const backend = owns ? await createBackend(options) : await defaultBackend()
    return new InferenceSession(graph, backend, owns)
  }

  /**
   * Runs the model. `feeds` holds a tensor for each input; the result one for each output, or for each of `fetches`.
   * Throws SHAPE_MISMATCH or TYPE_MISMATCH, naming the input; INVALID_ARGUMENT for unknown names; DISPOSED after release.
   */
  async run(feeds: Feeds, fetches: Fetches = this.outputNames): Promise<Record<string, Tensor>> {
    const wanted = Array.isArray(fetches) ? (fetches as readonly string[]) : Object.keys(fetches)
    const preallocated = Array.isArray(fetches) ? {} : (fetches as Readonly<Record<string, Tensor | null>>)
    this.#check(feeds, wanted)
    const result = this.#queue.then(async () => {
      if (this.#released) throw new LanewiseError('DISPOSED', 'the session was released')
      const { executable, outputs } = this.#planFor(feeds)
      for (const name of this.inputNames) executable.write(name, feeds[name].data as TypedArray)
      await executable.run()
      const results: Record<string, Tensor> = {}
      for (const name of wanted) {
        const { dtype, shape } = outputs.find((output) => output.name === name)!
        const computed = new Tensor(dtype, await executable.read(name), concrete(shape, `the output '${name}'`))
        results[name] = fill(name, preallocated[name], computed)
      }
      return results
    })
    this.#queue = result.catch(() => {})
    return result
  }

  /** Frees what the session holds, once the runs under way are done. It cannot run afterwards. */
  async release(): Promise<void> {
    await this.#queue
    if (this.#released) return
    this.#released = true
    for (const { executable } of this.#plans.values()) executable.dispose()
    this.#plans.clear()
    if (this.#ownsBackend) this.#backend.dispose()
  }

  #check(feeds: Feeds, wanted: readonly string[]): void {
    if (this.#released) throw new LanewiseError('DISPOSED', 'the session was released')
    for (const { name, dtype, shape } of this.#graph.inputs) {
      const tensor = feeds[name]
      if (!(tensor instanceof Tensor))
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `no tensor is fed to the input '${name}' (${dtype} ${formatShape(shape)})`,
        )
      if (tensor.type !== dtype)
        throw new LanewiseError('TYPE_MISMATCH', `the input '${name}' is ${dtype}, it was fed ${tensor.type}`)
    }
    for (const name of Object.keys(feeds))
      if (!this.inputNames.includes(name))
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `there is no input '${name}'; the inputs are ${this.inputNames.join(', ')}`,
        )
    for (const name of wanted)
      if (!this.outputNames.includes(name))
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `there is no output '${name}'; the outputs are ${this.outputNames.join(', ')}`,
        )
  }

  #planFor(feeds: Feeds): SessionPlan {
    const key = this.inputNames.map((name) => feeds[name].dims.join('x')).join(';')
    let plan = this.#plans.get(key)
    this.#plans.delete(key)
    if (plan === undefined) {
      const [oldest] = this.#plans.keys()
      if (this.#plans.size >= plansKept) {
        this.#plans.get(oldest)!.executable.dispose()
        this.#plans.delete(oldest)
      }
      const shapes = Object.fromEntries(this.inputNames.map((name) => [name, [...feeds[name].dims]]))
      const graph = specialize(this.#graph, shapes, evaluate)
      plan = { executable: compile(graph, this.#backend), outputs: graph.outputs }
      for (const note of plan.executable.notes) this.#notes.add(note)
    }
    this.#plans.set(key, plan)
    return plan
  }
}

const describe = ({ name, dtype, shape }: Value): ValueMetadata => ({ name, isTensor: true, type: dtype, shape })

function fill(name: string, target: Tensor | null | undefined, source: Tensor): Tensor {
  if (!target) return source
  if (target.type !== source.type || target.size !== source.size)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the output '${name}' is ${formatType(source)}, the tensor given for it ${formatType(target)}`,
    )
  ;(target.data as Float32Array).set(source.data as Float32Array)
  return target
}

const formatType = (tensor: Tensor) => `${tensor.type} ${formatShape(tensor.dims)}`
