import type { VariableStore } from '../../backend/store.js'
import { LanewiseError } from '../../core/errors.js'
import type { Variable } from '../../core/ir.js'
import type { Tensor } from '../../core/tensor.js'

/** Devices and threads that may be lost at one step before training gives up. */
const lossesBorne = 3

/** Everything that training changes, as it was after `iterations` steps. */
export interface KeptState {
  readonly contents: ReadonlyMap<Variable, Tensor>
  /** The store's count of changes. */
  readonly changes: number
  readonly iterations: number
}

/** The state that training goes back to after the loss of a device or a thread, and how often it has. */
export class Recovery {
  #kept: KeptState | undefined
  #losses = 0
  #lostAt = -1

  /** Keeps the state after `iterations` steps. */
  async keep(store: VariableStore, iterations: number): Promise<void> {
    const { changes } = store
    this.#kept = { contents: await store.snapshot(), changes, iterations }
  }

  /**
   * What was lost, and the state to go back to: the kept one, or where it must be the `current` one and is not, that which was
   * written after `iterations` steps, if none has run since. Throws `error` for other errors, without such a state, and for a
   * step that loses too often.
   */
  after(
    error: unknown,
    store: VariableStore,
    current: boolean,
    iterations: number,
  ): { readonly lost: 'DEVICE_LOST' | 'WORKER_LOST'; readonly state: KeptState } {
    const lost = error instanceof LanewiseError && error.code
    const { written } = store
    const untrained = written && { contents: written, changes: store.changes, iterations }
    const state = current && this.#kept?.changes !== store.changes ? untrained : this.#kept
    if (!state || (lost !== 'DEVICE_LOST' && lost !== 'WORKER_LOST')) throw error
    this.#losses = this.#lostAt === state.iterations ? this.#losses + 1 : 1
    this.#lostAt = state.iterations
    if (this.#losses > lossesBorne) throw error
    return { lost, state }
  }

  /** Says that `store` holds `state` now. */
  restored(store: VariableStore, state: KeptState): void {
    this.#kept = { ...state, changes: store.changes }
  }

  /** Writes `state`, the kept one if absent, into `store`; gives its count of steps. */
  rewind(store: VariableStore, state: KeptState = this.#kept!): number {
    for (const [variable, content] of state.contents) store.write(variable, content)
    this.restored(store, state)
    return state.iterations
  }
}
