import { arrayOf, type DType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Graph, Value, Variable } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { Plan } from '../../plan/plan.js'
import type { Backend, BackendReport, Executable, Storage } from '../backend.js'
import { completeKernels } from './complete.js'
import { interpret } from './evaluate.js'
import { requireKernels } from './loaded.js'

/** The backend that evaluates node by node in plain TypeScript: the oracle of the others. It takes every op. */
export function createReferenceBackend(): Backend {
  completeKernels()
  return new ReferenceBackend()
}

class ReferenceStorage implements Storage {
  readonly dtype: DType
  readonly shape: readonly number[]
  #tensor: Tensor | undefined

  constructor(dtype: DType, shape: readonly number[]) {
    this.dtype = dtype
    this.shape = shape
    this.#tensor = Tensor.zeros(dtype, shape)
  }

  /** The content, never written in place. Throws DISPOSED. */
  get tensor(): Tensor {
    if (this.#tensor) return this.#tensor
    throw new LanewiseError('DISPOSED', 'the memory of this variable was given back')
  }

  /** Makes `content` the content, without a copy. Throws DISPOSED. */
  replace(content: Tensor): void {
    if (this.tensor) this.#tensor = content
  }

  write(data: TypedArray): void {
    this.replace(copyOf(this, data, 'a variable'))
  }

  read(): TypedArray {
    return this.tensor.data.slice() as TypedArray
  }

  dispose(): void {
    this.#tensor = undefined
  }
}

/** A tensor with a copy of `data`. Throws SHAPE_MISMATCH or TYPE_MISMATCH, naming `what`. */
function copyOf(type: { dtype: DType; shape: readonly number[] }, data: TypedArray, what: string): Tensor {
  const size = sizeOf(type.shape)
  if (data.length !== size)
    throw new LanewiseError('SHAPE_MISMATCH', `${what} has ${size} elements, got ${data.length}`)
  if (type.dtype !== 'string' && !(data instanceof arrayOf(type.dtype)))
    throw new LanewiseError(
      'TYPE_MISMATCH',
      `${what} is ${type.dtype} and takes a ${arrayOf(type.dtype).name}, got a ${(data as object).constructor.name}`,
    )
  return new Tensor(type.dtype, data.slice() as TypedArray, type.shape)
}

class ReferenceBackend implements Backend {
  readonly report: BackendReport = {
    name: 'reference',
    threads: 1,
    variant: 'TypeScript',
    notes: ['plain loops with float64 accumulation: slow, for checking'],
  }

  async ready(): Promise<void> {}

  workspace(): number {
    return 0
  }

  accelerates(): boolean {
    return true
  }

  allocate(dtype: DType, shape: readonly number[]): Storage {
    return new ReferenceStorage(dtype, shape)
  }

  load(plan: Plan, storageOf: (variable: Variable) => Storage): Executable {
    requireKernels()
    return new ReferenceExecutable(plan, storageOf)
  }

  dispose(): void {}
}

class ReferenceExecutable implements Executable {
  readonly notes: readonly string[] = []
  readonly #graph: Graph
  /** The content of the inputs. */
  readonly #inputs: Map<Value, Tensor>
  readonly #storages: ReadonlyMap<Value, ReferenceStorage>
  /** What the last run gave; undefined before it. */
  #results: ReadonlyMap<Value, Tensor> | undefined
  #disposed = false

  constructor({ graph }: Plan, storageOf: (variable: Variable) => Storage) {
    this.#graph = graph
    this.#inputs = new Map(
      graph.inputs.map((input) => [input, Tensor.zeros(input.dtype, concrete(input.shape, `input '${input.name}'`))]),
    )
    const storages = new Map<Value, ReferenceStorage>()
    for (const [value, variable] of graph.variables) {
      const storage = storageOf(variable)
      if (!(storage instanceof ReferenceStorage))
        throw new LanewiseError('INVALID_ARGUMENT', `variable '${variable.name}' lies in the memory of another backend`)
      storages.set(value, storage)
    }
    this.#storages = storages
  }

  write(input: string, data: TypedArray): void {
    this.#check()
    const value = find(this.#graph.inputs, input, 'input')
    this.#inputs.set(value, copyOf({ dtype: value.dtype, shape: concrete(value.shape) }, data, `input '${input}'`))
  }

  run(): void {
    this.#check()
    const feeds = new Map(this.#inputs)
    for (const [value, storage] of this.#storages) feeds.set(value, storage.tensor)
    const results = interpret(this.#graph, feeds)
    for (const { variable, value } of this.#graph.updates) this.#storages.get(variable)!.replace(results.get(value)!)
    this.#results = results
  }

  read(output: string): TypedArray {
    this.#check()
    const value = find(this.#graph.outputs, output, 'output')
    const tensor = this.#results?.get(value)
    if (tensor === undefined) throw new LanewiseError('INVALID_ARGUMENT', `output '${output}' is read before a run`)
    return tensor.data.slice() as TypedArray
  }

  describe(): string {
    return this.#graph.nodes.map((node) => `${node.op} '${node.name}'`).join('\n')
  }

  dispose(): void {
    this.#disposed = true
    this.#inputs.clear()
    this.#results = undefined
  }

  #check(): void {
    if (this.#disposed) throw new LanewiseError('DISPOSED', 'this executable was disposed of')
  }
}

function find(values: readonly Value[], name: string, kind: string): Value {
  const value = values.find((candidate) => candidate.name === name)
  if (value) return value
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `the graph has no ${kind} '${name}'; its ${kind}s are ${values.map((candidate) => candidate.name).join(', ')}`,
  )
}
