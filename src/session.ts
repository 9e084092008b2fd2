import type { Backend } from './backend/backend.js'
import type { DType } from './core/dtype.js'
import { LanewiseError } from './core/errors.js'
import type { Container, Graph, HostValue, Value } from './core/ir.js'
import { formatShape, isConcrete, type Shape } from './core/shape.js'
import type { Source } from './core/source.js'
import { Tensor } from './core/tensor.js'
import { type BackendOptions, createBackend, defaultBackend } from './environment.js'
import { outputShapeOf } from './onnx/about.js'
import { type LoadedModel, type LoadOptions, loadModel } from './onnx/source.js'
import { load, type Runnable } from './program/runnable.js'

/** What a session's input or output takes, in onnxruntime-common's form. */
export interface ValueMetadata {
  readonly name: string
  /** False for sequences and optionals: `type` and `shape` are those of their elements. */
  readonly isTensor: boolean
  readonly container?: Container | undefined
  readonly type: DType
  /** A number, or the name of a size that each run may choose. */
  readonly shape: Shape
}

/** What `InferenceSession.create` takes: where and how the model runs, and how its files come. */
export interface SessionOptions extends BackendOptions, LoadOptions {}

/** A tensor for each input; a list of tensors for a sequence, null for an optional without a value. */
export type Feeds = Readonly<Record<string, HostValue>>
/** The outputs to compute: names, or preallocated tensors to fill (null: allocate). */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>

/** What `run` takes. */
export interface RunOptions {
  /** Ends the run with the signal's reason: before it starts, or between two nodes of a model with loops. */
  readonly signal?: AbortSignal
}

/** Compiled forms kept for different input shapes; the least recently used goes first. */
const plansKept = 8

/** An ONNX model, ready to run. The shapes of onnxruntime-common's InferenceSession. */
export class InferenceSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata: readonly ValueMetadata[]
  readonly outputMetadata: readonly ValueMetadata[]
  /**
   * Initializers that the model lists as inputs, too (IR 4 and newer): a run may feed them, and takes the model's own
   * content for those that it does not. As in onnxruntime, they are not among the inputs.
   */
  readonly overridableMetadata: readonly ValueMetadata[]
  /** Free text that came with the model. */
  readonly metadata: Readonly<Record<string, string>>
  #model: LoadedModel
  /** The graph for each set of overridable initializers that were fed: their names, sorted. */
  readonly #graphs = new Map<string, Graph>()
  #backend: Backend
  #ownsBackend: boolean
  readonly #plans = new Map<string, Runnable>()
  readonly #notes: Set<string>
  #queue: Promise<unknown> = Promise.resolve()
  #released = false

  private constructor(model: LoadedModel, backend: Backend, ownsBackend: boolean) {
    const { graph } = model
    this.#model = model
    this.#graphs.set('', graph)
    this.#backend = backend
    this.#ownsBackend = ownsBackend
    this.inputNames = graph.inputs.map(({ name }) => name)
    this.outputNames = graph.outputs.map(({ name }) => name)
    this.inputMetadata = graph.inputs.map(describe)
    this.outputMetadata = graph.outputs.map((value) => describe({ ...value, shape: outputShapeOf(graph, value) }))
    this.overridableMetadata = model.overridable.map(describe)
    this.metadata = graph.metadata
    this.#notes = new Set(graph.origin?.notes)
  }

  /** What runs slower than it could, and why: of the backend, and of each input shape that has run. */
  get notes(): readonly string[] {
    return [...new Set([...this.#backend.report.notes, ...this.#notes])]
  }

  /**
   * Loads a model from a path, a URL, its bytes, a Blob, a stream or a response of fetch. Options that name a backend, threads or a build give the session a
   * backend of its own; without them it shares the default one. Throws INVALID_MODEL, UNSUPPORTED_OP, and what reading files throws: DATA_NOT_FOUND,
   * IO_ERROR, INVALID_DATA for a wrong `integrity`, and the reason of `signal`.
   */
  static async create(
    source: Source,
    { externalData, onProgress, signal, cache, integrity, ...options }: SessionOptions = {},
  ): Promise<InferenceSession> {
    const owns = Object.values(options).some((option) => option !== undefined)
    const [model, backend] = await Promise.allSettled([
      loadModel(source, { externalData, onProgress, signal, cache, integrity }),
      owns ? createBackend(options) : defaultBackend(),
    ])
    if (model.status === 'rejected') {
      if (owns && backend.status === 'fulfilled') backend.value.dispose()
      throw model.reason
    }
    if (backend.status === 'rejected') throw backend.reason
    return new InferenceSession(model.value, backend.value, owns)
  }

  /**
   * Runs the model. `feeds` holds a tensor for each input; the result one for each output, or for each of `fetches`, which may be
   * left out before `options`.
   * Throws SHAPE_MISMATCH or TYPE_MISMATCH, naming the input; INVALID_ARGUMENT for unknown names; DISPOSED after release.
   */
  async run<T extends HostValue = Tensor>(
    feeds: Feeds,
    fetches: Fetches | RunOptions = this.outputNames,
    options: RunOptions = {},
  ): Promise<Record<string, T>> {
    if ('signal' in fetches && !this.outputNames.includes('signal'))
      return this.run<T>(feeds, undefined, fetches as RunOptions)
    const wanted = Array.isArray(fetches) ? (fetches as readonly string[]) : Object.keys(fetches)
    const preallocated = Array.isArray(fetches) ? {} : (fetches as Readonly<Record<string, Tensor | null>>)
    this.#check(feeds, wanted)
    const result = this.#queue.then(async () => {
      if (this.#released) throw new LanewiseError('DISPOSED', 'the session was released')
      options.signal?.throwIfAborted()
      const overridden = this.#overridden(feeds)
      const graph = this.#graphFor(overridden)
      const inputs = graph.inputs.map(({ name }) => feeds[name])
      const compute = async () => {
        const plan = await this.#planFor(graph, overridden, inputs)
        const results = await plan.run(inputs, wanted, options.signal)
        for (const note of plan.notes) this.#notes.add(note)
        return results
      }
      const computed = await compute().catch(async (error: unknown) => {
        await this.#fallBack(error)
        return compute()
      })
      const isFixed = graph.inputs.every(({ shape, container }) => !container && isConcrete(shape))
      if (isFixed && this.#model.overridable.length === 0) this.#forget()
      return Object.fromEntries(
        wanted.map((name) => [
          name,
          fill(name, Object.hasOwn(preallocated, name) ? preallocated[name] : null, computed[name]) as T,
        ]),
      )
    })
    this.#queue = result.catch(() => {})
    return result
  }

  /** Frees what the session holds, once the runs under way are done. It cannot run afterwards. */
  async release(): Promise<void> {
    await this.#queue
    if (this.#released) return
    this.#released = true
    for (const plan of this.#plans.values()) plan.dispose()
    this.#plans.clear()
    this.#forget()
    if (this.#ownsBackend) this.#backend.dispose()
  }

  /** Moves to the backend for what this one refuses. Throws `error` unless there is one. */
  async #fallBack(error: unknown): Promise<void> {
    const refused = error instanceof LanewiseError && error.code === 'UNSUPPORTED_OP'
    const backend = refused && (await this.#backend.substitute?.())
    if (!backend) throw error
    for (const plan of this.#plans.values()) plan.dispose()
    this.#plans.clear()
    if (this.#ownsBackend) this.#backend.dispose()
    this.#backend = backend
    this.#ownsBackend = true
    this.#notes.add(`the model runs on ${backend.report.name}: ${error.message}`)
  }

  /** Lets go of nodes and weights, once no further plan can need them. */
  #forget(): void {
    const graph: Graph = { ...this.#model.graph, nodes: [], constants: new Map() }
    this.#model = { ...this.#model, graph, override: () => graph }
    this.#graphs.clear()
    this.#graphs.set('', graph)
  }

  /** Names that are fed and are no inputs. */
  #misnamed(feeds: Feeds): string {
    const names = Object.keys(feeds).filter((name) => !this.inputNames.includes(name))
    return names.length ? `; there is no input '${names.join("', '")}'` : ''
  }

  #check(feeds: Feeds, wanted: readonly string[]): void {
    if (this.#released) throw new LanewiseError('DISPOSED', 'the session was released')
    if (typeof feeds !== 'object' || feeds === null)
      throw new LanewiseError('INVALID_ARGUMENT', `feeds are tensors by the names of inputs, got ${feeds}`)
    const fedOverrides = this.#model.overridable.filter(({ name }) => Object.hasOwn(feeds, name))
    for (const { name, dtype, shape, container } of [...this.#model.graph.inputs, ...fedOverrides]) {
      const tensor = feeds[name]
      if (container) {
        checkContainer(name, container, tensor)
        continue
      }
      if (!(tensor instanceof Tensor))
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `no tensor is fed to the input '${name}' (${dtype} ${formatShape(shape)})${wrapping(tensor, dtype)}${this.#misnamed(feeds)}`,
        )
      if (tensor.type !== dtype)
        throw new LanewiseError('TYPE_MISMATCH', `the input '${name}' is ${dtype}, it was fed ${tensor.type}`)
    }
    for (const name of Object.keys(feeds))
      if (!this.inputNames.includes(name) && fedOverrides.every((input) => input.name !== name))
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

  /** The names of the overridable initializers that are fed, sorted. */
  #overridden(feeds: Feeds): readonly string[] {
    return this.#model.overridable.flatMap(({ name }) => (Object.hasOwn(feeds, name) ? [name] : [])).sort()
  }

  /** The graph whose inputs are the model's and `overridden`: imported anew when it is first asked for. */
  #graphFor(overridden: readonly string[]): Graph {
    const key = overridden.join('\n')
    const known = this.#graphs.get(key)
    if (known) return known
    const graph = this.#model.override(new Set(overridden))
    this.#graphs.set(key, graph)
    return graph
  }

  async #planFor(graph: Graph, overridden: readonly string[], inputs: readonly HostValue[]): Promise<Runnable> {
    const shapes = inputs.map((value) => (value instanceof Tensor ? value.dims.join('x') : '-'))
    const key = [...overridden, shapes.join(';')].join('\n')
    let plan = this.#plans.get(key)
    this.#plans.delete(key)
    if (plan === undefined) {
      const [oldest] = this.#plans.keys()
      if (this.#plans.size >= plansKept) {
        this.#plans.get(oldest)!.dispose()
        this.#plans.delete(oldest)
      }
      plan = await load(graph, inputs, this.#backend)
    }
    this.#plans.set(key, plan)
    return plan
  }
}

/** What to do with a value that is no tensor. */
const wrapping = (value: unknown, dtype: DType): string =>
  ArrayBuffer.isView(value) || Array.isArray(value) ? `: wrap the data as new Tensor('${dtype}', data, dims)` : ''

function checkContainer(name: string, container: Container, value: HostValue | undefined): void {
  const isOptional = container !== 'sequence'
  const holds = value === null ? isOptional : container === 'optional' ? value instanceof Tensor : Array.isArray(value)
  if (!holds) throw new LanewiseError('TYPE_MISMATCH', `the input '${name}' takes ${article(container)} of tensors`)
}

const article = (container: Container) => `${container.startsWith('o') ? 'an' : 'a'} ${container}`

const describe = ({ name, dtype, shape, container }: Value): ValueMetadata => ({
  name,
  isTensor: !container,
  ...(container ? { container } : {}),
  type: dtype,
  shape,
})

function fill(name: string, target: Tensor | null | undefined, source: HostValue): HostValue {
  if (!target) return source
  if (!Array.isArray(target.dims) || !target.data)
    throw new LanewiseError('INVALID_ARGUMENT', `the output '${name}' fills a tensor, got ${target}`)
  if (!(source instanceof Tensor))
    throw new LanewiseError('TYPE_MISMATCH', `the output '${name}' is no tensor: it cannot fill one`)
  if (target.type !== source.type || formatShape(target.dims) !== formatShape(source.dims))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the output '${name}' is ${formatType(source)}, the tensor given for it ${formatType(target)}`,
    )
  ;(target.data as Float32Array).set(source.data as Float32Array)
  return target
}

const formatType = (tensor: Tensor) => `${tensor.type} ${formatShape(tensor.dims)}`
