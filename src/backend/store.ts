import type { TypedArray } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Variable } from '../core/ir.js'
import { formatShape, sameShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import type { Backend, Storage } from './backend.js'

/** The memory of variables in one backend. A variable gets its memory, and its first content, when it is first used. */
export class VariableStore {
  #backend: Backend
  #changes = 0
  /** What was written since the last change, where a device may lose it. */
  readonly #written = new Map<Variable, Tensor>()
  readonly #held = new Map<Variable, Tensor>()
  readonly #initial: (variable: Variable) => Tensor | undefined
  readonly #storages = new Map<Variable, Storage>()

  /** `initial` gives the first content of variables that `write` was not called for. */
  constructor(backend: Backend, initial: (variable: Variable) => Tensor | undefined = () => undefined) {
    this.#backend = backend
    this.#initial = initial
  }

  get backend(): Backend {
    return this.#backend
  }

  /** Grows whenever runs may have changed variables: equal numbers, equal content of what was not written. */
  get changes(): number {
    return this.#changes
  }

  /** To be called after runs that change variables. */
  noteChange(): void {
    this.#changes++
    this.#written.clear()
  }

  /** The memory of `variable`. Throws INVALID_ARGUMENT when it has no content yet, OUT_OF_MEMORY. */
  readonly storageOf = (variable: Variable): Storage => {
    const known = this.#storages.get(variable)
    if (known) return known
    const initial = this.#initial(variable)
    if (initial === undefined)
      throw new LanewiseError('INVALID_ARGUMENT', `variable '${variable.name}' has no content; write it first`)
    this.write(variable, initial)
    return this.#storages.get(variable)!
  }

  has(variable: Variable): boolean {
    return this.#storages.has(variable)
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
    let storage = this.#storages.get(variable)
    if (storage === undefined) {
      storage = this.backend.allocate(variable.dtype, variable.shape)
      this.#storages.set(variable, storage)
    }
    storage.write(content.data as TypedArray)
    if (this.backend.mayBeLost)
      this.#written.set(variable, new Tensor(content.type, (content.data as TypedArray).slice(), content.dims))
  }

  /** A copy of the content of `variable`. Throws INVALID_ARGUMENT when it has none yet. */
  async read(variable: Variable): Promise<Tensor> {
    return new Tensor(variable.dtype, await this.storageOf(variable).read(), variable.shape)
  }

  /** As `write`, for content that no run changes: `restore` takes it from `content` itself. */
  hold(variable: Variable, content: Tensor): void {
    this.write(variable, content)
    this.#written.delete(variable)
    this.#held.set(variable, content)
  }

  /** As `snapshot`, without asking the backend, where no run has changed what was written; else undefined. */
  get written(): ReadonlyMap<Variable, Tensor> | undefined {
    const known = (variable: Variable) => this.#written.has(variable) || this.#held.has(variable)
    return this.backend.mayBeLost && [...this.#storages.keys()].every(known) ? new Map(this.#written) : undefined
  }

  /** Copies of everything that runs may change, for `restore`. */
  async snapshot(): Promise<ReadonlyMap<Variable, Tensor>> {
    const changing = [...this.#storages.keys()].filter((variable) => !this.#held.has(variable))
    return new Map(await Promise.all(changing.map(async (variable) => [variable, await this.read(variable)] as const)))
  }

  /** Goes on in `backend`, with the content of a snapshot; variables that came later have none. Executables are to be loaded anew. */
  restore(backend: Backend, snapshot: ReadonlyMap<Variable, Tensor>): void {
    for (const storage of this.#storages.values()) storage.dispose()
    this.#storages.clear()
    this.#backend = backend
    this.noteChange()
    for (const [variable, content] of snapshot) this.write(variable, content)
    for (const [variable, content] of this.#held) this.hold(variable, content)
  }

  /** Gives back the memory of `variable`; executables that use it must be gone. */
  release(variable: Variable): void {
    this.#storages.get(variable)?.dispose()
    this.#storages.delete(variable)
    this.#held.delete(variable)
    this.#written.delete(variable)
  }

  /** Gives back all memory. */
  dispose(): void {
    for (const storage of this.#storages.values()) storage.dispose()
    this.#storages.clear()
    this.#held.clear()
    this.#written.clear()
  }
}
