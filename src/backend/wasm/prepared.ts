import type { Tensor } from '../../core/tensor.js'
import type { MaybePromise } from '../backend.js'
import { type KernelCall, partOf } from './gen/kernels.js'
import type { Preparation } from './lower/lowering.js'
import type { Machine, Prepared } from './machine.js'
import { operandBytes } from './memory.js'
import { writeTapes } from './tape.js'

/** Without uses a form is there no more. */
interface Form extends Prepared {
  readonly bytes: number
  /** What makes it, with all addresses 0: tells the forms of one tensor apart. */
  readonly calls: readonly KernelCall[]
  uses: number
}

const areAlike = (some: readonly KernelCall[], others: readonly KernelCall[]): boolean =>
  some.length === others.length &&
  some.every(({ kernel, words }, index) => {
    const other = others[index]
    return (
      kernel === other.kernel &&
      words.length === other.words.length &&
      words.every((word, at) => word === other.words[at])
    )
  })

/** Other forms of constants, such as packed weights: made once, shared by all executables that ask for the same form. */
export class PreparedConstants {
  readonly #machine: Machine
  readonly #forms = new WeakMap<Tensor, Form[]>()
  readonly #byAddress = new Map<number, Form>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** A place for the `bytes` bytes that `prepare` makes of `tensor`. Each call is one use. Throws OUT_OF_MEMORY. */
  retain(tensor: Tensor, bytes: number, prepare: Preparation): Prepared {
    const calls = prepare(0, 0)
    const forms = (this.#forms.get(tensor) ?? []).filter(({ uses }) => uses > 0)
    const known = forms.find((form) => form.bytes === bytes && areAlike(form.calls, calls))
    if (known) {
      known.uses++
      return known
    }
    const address = this.#machine.memory.allocate(bytes + operandBytes('uint8', 0), 'a prepared constant')
    let isMade = false
    const make = () => {
      if (!isMade) this.#make(tensor, address, prepare)
      isMade = true
    }
    const form = { bytes, calls, address, parts: calls.map(partOf), make, uses: 1 }
    this.#forms.set(tensor, [...forms, form])
    this.#byAddress.set(address, form)
    return form
  }

  /** Ends one use of the form at `address`. */
  release({ address }: Prepared): void {
    const form = this.#byAddress.get(address)
    if (form === undefined || --form.uses > 0) return
    this.#byAddress.delete(address)
    this.#machine.memory.free(address)
  }

  #make(tensor: Tensor, address: number, prepare: Preparation): void {
    const source = this.#machine.retainConstant(tensor)
    try {
      this.#run(prepare(source, address))
    } finally {
      this.#machine.releaseConstant(source)
    }
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
