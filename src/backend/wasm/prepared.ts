import type { Tensor } from '../../core/tensor.js'
import type { MaybePromise } from '../backend.js'
import type { Machine } from './executable.js'
import type { KernelCall } from './gen/kernels.js'
import type { Preparation } from './lower/lowering.js'
import { operandBytes } from './memory.js'
import { writeTapes } from './tape.js'

/** Without uses a form is there no more. */
interface Form {
  /** Tells the forms of one tensor apart: their calls, with all addresses 0. */
  readonly key: string
  readonly address: number
  uses: number
}

/** Other forms of constants, such as packed weights: made once, shared by all executables that ask for the same form. */
export class PreparedConstants {
  readonly #machine: Machine
  readonly #forms = new WeakMap<Tensor, Form[]>()
  readonly #byAddress = new Map<number, Form>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** The address of `bytes` bytes that `prepare` makes of `tensor`. Each call is one use. Throws OUT_OF_MEMORY. */
  retain(tensor: Tensor, bytes: number, prepare: Preparation): number {
    const key = [bytes, ...prepare(0, 0).map(({ name, words }) => `${name} ${words.join()}`)].join(';')
    const forms = (this.#forms.get(tensor) ?? []).filter(({ uses }) => uses > 0)
    const known = forms.find((form) => form.key === key)
    if (known) {
      known.uses++
      return known.address
    }
    const form = { key, address: this.#make(tensor, bytes, prepare), uses: 1 }
    this.#forms.set(tensor, [...forms, form])
    this.#byAddress.set(form.address, form)
    return form.address
  }

  /** Ends one use of the form at `address`. */
  release(address: number): void {
    const form = this.#byAddress.get(address)
    if (form === undefined || --form.uses > 0) return
    this.#byAddress.delete(address)
    this.#machine.memory.free(address)
  }

  /** The constant itself lies behind its form, so that its memory is free for the next one. */
  #make(tensor: Tensor, bytes: number, prepare: Preparation): number {
    const { memory } = this.#machine
    const address = memory.allocate(bytes + operandBytes('uint8', 0), 'a prepared constant')
    try {
      const source = this.#machine.retainConstant(tensor)
      try {
        this.#run(prepare(source, address))
      } finally {
        this.#machine.releaseConstant(source)
      }
    } catch (error) {
      memory.free(address)
      throw error
    }
    return address
  }

  #run(calls: readonly KernelCall[]): void {
    const { memory } = this.#machine
    const { block, tapes } = writeTapes(memory, [calls])
    const free = () => memory.free(block)
    let running: MaybePromise<void>
    try {
      const [{ address, steps }] = tapes
      running = this.#machine.run(address, steps, true, true)
    } catch (error) {
      free()
      throw error
    }
    // What fails elsewhere makes the backend fail when the form is first used.
    if (running) running.then(free, free)
    else free()
  }
}
