import type { TypedArray } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Variable } from '../core/ir.js'
import { formatShape, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { Backend, Storage } from './backend.js'

interface Contents {
  backend: Backend
  changes: number
  /** What was written since the last change, where a device may lose it. */
  readonly written: Map<Variable, Tensor>
  readonly held: Map<Variable, Tensor>
  readonly storages: Map<Variable, Storage>
}

/** The memory of variables in one backend. A variable gets its memory, and its first content, when it is first used. */
export class VariableStore {
  #contents: Contents
  readonly #initial: (variable: Variable) => Tensor | undefined

  /** `initial` gives the first content of variables that `write` was not called for. */
  constructor(backend: Backend, initial: (variable: Variable) => Tensor | undefined = () => undefined) {
    this.#contents = { backend, changes: 0, written: new Map(), held: new Map(), storages: new Map() }
    this.#initial = initial
  }

  get backend(): Backend {
    return this.#contents.backend
  }

  /** Makes both one store: from then on each holds the variables of either. False, and nothing is done, unless they share a backend. */
  join(other: VariableStore): boolean {
    const [own, its] = [this.#contents, other.#contents]
    if (own === its) return true
    if (own.backend !== its.backend) return false
    for (const kind of ['written', 'held', 'storages'] as const)
      for (const [variable, content] of its[kind]) (own[kind] as Map<Variable, unknown>).set(variable, content)
    own.changes = Math.max(own.changes, its.changes) + 1
    other.#contents = own
    return true
  }

  /** Grows whenever runs may have changed variables: equal numbers, equal content of what was not written. */
  get changes(): number {
    return this.#contents.changes
  }

  /** To be called after runs that change variables. */
  noteChange(): void {
    this.#contents.changes++
    this.#contents.written.clear()
  }

  /** The memory of `variable`. Throws INVALID_ARGUMENT when it has no content yet, OUT_OF_MEMORY. */
  readonly storageOf = (variable: Variable): Storage => {
    const known = this.#contents.storages.get(variable)
    if (known) return known
    const initial = this.#initial(variable)
    if (initial === undefined)
      throw new LanewiseError('INVALID_ARGUMENT', `variable '${variable.name}' has no content; write it first`)
    this.write(variable, initial)
    return this.#contents.storages.get(variable)!
  }

  has(variable: Variable): boolean {
    return this.#contents.storages.has(variable)
  }

  /** Replaces the content of `variable`. Throws SHAPE_MISMATCH or TYPE_MISMATCH. */
  write(variable: Variable, content: Tensor): void {
    if (content.type !== variable.dtype)
      throw new LanewiseError('TYPE_MISMATCH', `variable '${variable.name}' is ${variable.dtype}, got ${content.type}`)
    if (!sameShape(content.dims, variable.shape))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `variable '${variable.name}' has the shape ${formatShape(variable.shape)}, got ${formatShape(content.dims)}`,
      )
    let storage = this.#contents.storages.get(variable)
    if (storage === undefined) {
      storage = this.backend.allocate(variable.dtype, variable.shape, false)
      this.#contents.storages.set(variable, storage)
    }
    storage.write(content.data as TypedArray)
    if (this.backend.mayBeLost)
      this.#contents.written.set(variable, new Tensor(content.type, (content.data as TypedArray).slice(), content.dims))
  }

  /** A copy of the content of `variable`. Throws INVALID_ARGUMENT when it has none yet. */
  async read(variable: Variable): Promise<Tensor> {
    return new Tensor(variable.dtype, await this.storageOf(variable).read(), variable.shape)
  }

  /** As `write`, for content that no run changes: `restore` takes it from `content` itself. */
  hold(variable: Variable, content: Tensor): void {
    this.write(variable, content)
    this.#contents.written.delete(variable)
    this.#contents.held.set(variable, content)
  }

  /** As `snapshot`, without asking the backend, where no run has changed what was written; else undefined. */
  get written(): ReadonlyMap<Variable, Tensor> | undefined {
    const known = (variable: Variable) => this.#contents.written.has(variable) || this.#contents.held.has(variable)
    return this.backend.mayBeLost && [...this.#contents.storages.keys()].every(known)
      ? new Map(this.#contents.written)
      : undefined
  }

  /** Copies of everything that runs may change, for `restore`. */
  async snapshot(): Promise<ReadonlyMap<Variable, Tensor>> {
    const changing = [...this.#contents.storages.keys()].filter((variable) => !this.#contents.held.has(variable))
    return new Map(await Promise.all(changing.map(async (variable) => [variable, await this.read(variable)] as const)))
  }

  /** Goes on in `backend`, with the content of a snapshot; variables that came later have none. Executables are to be loaded anew. */
  restore(backend: Backend, snapshot: ReadonlyMap<Variable, Tensor>): void {
    for (const storage of this.#contents.storages.values()) storage.dispose()
    this.#contents.storages.clear()
    this.#contents.backend = backend
    this.noteChange()
    for (const [variable, content] of snapshot) this.write(variable, content)
    for (const [variable, content] of this.#contents.held) this.hold(variable, content)
  }

  /** Gives back the memory of `variable`; executables that use it must be gone. */
  release(variable: Variable): void {
    this.#contents.storages.get(variable)?.dispose()
    this.#contents.storages.delete(variable)
    this.#contents.held.delete(variable)
    this.#contents.written.delete(variable)
  }

  /** Gives back all memory. */
  dispose(): void {
    for (const storage of this.#contents.storages.values()) storage.dispose()
    this.#contents.storages.clear()
    this.#contents.held.clear()
    this.#contents.written.clear()
  }
}
