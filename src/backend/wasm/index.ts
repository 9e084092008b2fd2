import { bytesPerElement, type DType, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { ConstantOf, Node, Variable } from '../../core/ir.js'
import { sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import type { Plan } from '../../plan/plan.js'
import type { Backend, BackendReport, Executable, MaybePromise, Storage } from '../backend.js'
import type { Engine } from './engine.js'
import { WasmExecutable } from './executable.js'
import { availableCores, unlockRelaxedSimd } from './files.js'
import { type Part, parts } from './gen/kernels.js'
import { loweringOf } from './lower/index.js'
import { type Preparation, SCRATCH_BYTES } from './lower/lowering.js'
import type { Machine, Prepared } from './machine.js'
import { MemoryView, operandBytes, WasmMemory } from './memory.js'
import { hostSupport } from './module.js'
import { openEngine } from './open-engine.js'
import type { Build, WasmOptions } from './options.js'
import { PreparedConstants } from './prepared.js'

const MAX_DEFAULT_THREADS = 8
/** Start signals of assembly/tape.ts end before the first block. */
const MAX_THREADS = 256
/**
 * Looks at a word before a thread sleeps in the midst of a run: 20 µs, or hardly any where threads share cores; ten times as
 * many between two runs.
 */
const SPINS = 20_000
const CROWDED_SPINS = 64

/**
 * The backend that runs plans in WebAssembly. Throws BACKEND_UNAVAILABLE when the host has no WebAssembly SIMD or
 * cannot do what an option forces, INVALID_ARGUMENT for a senseless number of threads.
 */
export async function createWasmBackend(options: WasmOptions = {}): Promise<Backend> {
  const backend = await start(options)
  await Promise.all([backend.ready(), backend.extend(parts)])
  return backend
}

/**
 * As createWasmBackend, without waiting for the worker threads, of which runs take those that are up when they start, nor
 * for more than the core of the kernels: an executable that needs more waits for it. In a page, runs wait for the core, too,
 * and reject with BACKEND_UNAVAILABLE where it does not come.
 */
export const startWasmBackend = (options: WasmOptions = {}): Promise<Backend> => start(options)

async function start(options: WasmOptions): Promise<WasmBackend> {
  if (options.build?.endsWith('relaxed') && !hostSupport().relaxedSimd) await unlockRelaxedSimd()
  const support = hostSupport()
  const notes = [...support.notes]
  if (!support.simd)
    throw new LanewiseError('BACKEND_UNAVAILABLE', 'this host has no WebAssembly SIMD; use the reference backend')
  const asked = checkThreads(options)
  const cores = asked === 1 ? 1 : await availableCores()
  const wanted = asked ?? Math.min(cores, MAX_DEFAULT_THREADS)
  const build = options.build ?? bestBuild(wanted, options.deterministic ?? false, support)
  const shared = build.startsWith('shared')
  if ((shared && !support.sharedMemory) || (build.endsWith('relaxed') && !support.relaxedSimd))
    throw new LanewiseError('BACKEND_UNAVAILABLE', `this host cannot run the build ${build}: ${notes.join('; ')}`)
  if (options.deterministic && build.endsWith('relaxed'))
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `the build ${build} is not deterministic; take ${build.split('-')[0]}-simd`,
    )
  if (wanted > 1 && !support.sharedMemory) tellOnce(support.notes)
  if (!shared && wanted > 1 && support.sharedMemory) notes.push(`one thread: the build ${build} has no shared memory`)

  const spins = wanted <= cores ? SPINS : CROWDED_SPINS
  const patience = workerTimeoutOf(options)
  const settings = { build, threads: wanted, spins, patience, maxBytes: options.maxBytes }
  const engine = await openEngine(settings)
  const variant = `${shared ? 'shared' : 'single'}, ${build.endsWith('relaxed') ? 'relaxed' : 'baseline'} SIMD`
  return new WasmBackend(engine, shared ? wanted : 1, { name: 'wasm', variant, notes })
}

let told = false

/** Says on the console, once, why more threads cannot be had. */
function tellOnce(notes: readonly string[]): void {
  if (!told) console.warn(`lanewise runs on ${notes.join('; ')}`)
  told = true
}

/** The number of threads that is asked for, if one is. Throws INVALID_ARGUMENT unless it is a whole number from 1 to 256. */
export function checkThreads({ threads }: WasmOptions): number | undefined {
  const setting = typeof process === 'undefined' ? undefined : process.env?.LANEWISE_THREADS
  const wanted = threads ?? (setting ? Number(setting) : undefined)
  if (wanted !== undefined && (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_THREADS))
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `threads is ${JSON.stringify(threads) ?? `'${setting}' (LANEWISE_THREADS)`}; it takes a whole number from 1 to ${MAX_THREADS}`,
    )
  return wanted
}

function workerTimeoutOf({ workerTimeout = 10_000 }: WasmOptions): number {
  if (!(workerTimeout >= 500))
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `workerTimeout is ${workerTimeout}; it takes milliseconds, 500 at least`,
    )
  return Math.min(workerTimeout, 2 ** 30)
}

const bestBuild = (threads: number, deterministic: boolean, support: ReturnType<typeof hostSupport>): Build =>
  `${threads > 1 && support.sharedMemory ? 'shared' : 'single'}-${support.relaxedSimd && !deterministic ? 'relaxed' : 'simd'}`

class WasmStorage implements Storage {
  readonly shape: readonly number[]
  readonly #memory: WasmMemory
  readonly #view: MemoryView
  #disposed = false

  constructor(memory: WasmMemory, dtype: DType, shape: readonly number[], cleared: boolean) {
    if (dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'wasm memory holds no strings')
    const size = sizeOf(shape)
    const address = memory.allocate(operandBytes(dtype, size), `a variable of ${size} ${dtype} elements`)
    if (cleared) memory.content.clear(address, size * bytesPerElement(dtype))
    this.shape = shape
    this.#memory = memory
    this.#view = new MemoryView(memory, dtype, address, size)
  }

  get dtype(): DType {
    return this.#view.dtype
  }

  /** Throws DISPOSED. */
  addressIn(memory: WasmMemory): number | undefined {
    this.#check()
    return memory === this.#memory ? this.#view.address : undefined
  }

  write(data: TypedArray): void {
    this.#check()
    this.#view.write(data, 'a variable')
  }

  read(): MaybePromise<TypedArray> {
    this.#check()
    return this.#view.read()
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#memory.free(this.#view.address)
  }

  #check(): void {
    if (this.#disposed) throw new LanewiseError('DISPOSED', 'the memory of this variable was given back')
  }
}

/** A constant in wasm memory; without uses it is there no more. */
interface HeldConstant {
  readonly address: number
  uses: number
}

/** Ends the threads of backends that nothing can use any more, though nobody disposed of them. */
const forgotten =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<Engine>((engine) => {
        engine.stop()
      })

/** The codes of errors that end a run, after which others may follow. */
const passing: ReadonlySet<string> = new Set(['WORKER_LOST', 'NUMERIC_ERROR'])

class WasmBackend implements Backend, Machine {
  readonly memory: WasmMemory
  readonly #facts: Omit<BackendReport, 'threads'>
  readonly #engine: Engine
  /** The numbers of all threads lie below it. */
  readonly #mostThreads: number
  /** Keys are weak: what lies in wasm memory need not stay on the host. */
  readonly #constants = new WeakMap<Tensor, HeldConstant>()
  readonly #held = new Map<number, HeldConstant>()
  readonly #prepared = new PreparedConstants(this)
  readonly #scratch = { address: 0, uses: 0 }
  #unusable: LanewiseError | undefined

  constructor(engine: Engine, mostThreads: number, facts: Omit<BackendReport, 'threads'>) {
    this.memory = new WasmMemory(engine.content)
    this.#facts = facts
    this.#engine = engine
    this.#mostThreads = mostThreads
    forgotten?.register(this, engine, this)
  }

  get report(): BackendReport {
    const { threads, notes } = this.#engine.report
    return { ...this.#facts, threads, notes: [...this.#facts.notes, ...notes] }
  }

  ready(): Promise<void> {
    return this.#engine.ready()
  }

  extend(parts: Iterable<Part>): MaybePromise<void> {
    return this.#engine.extend(parts)
  }

  get inOrder(): boolean {
    return this.#engine.inOrder
  }

  get threads(): number {
    return this.#engine.report.threads
  }

  workspace(node: Node, constant: ConstantOf): number {
    return loweringOf(node, constant)?.workspace?.(node, constant) ?? 0
  }

  accelerates(node: Node, constant: ConstantOf): boolean {
    return loweringOf(node, constant) !== undefined
  }

  allocate(dtype: DType, shape: readonly number[], cleared = true): Storage {
    this.#check()
    return new WasmStorage(this.memory, dtype, shape, cleared)
  }

  load(plan: Plan, storageOf: (variable: Variable) => Storage): Executable {
    this.#check()
    return new WasmExecutable(this, plan, storageOf)
  }

  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): MaybePromise<void> {
    this.#check()
    const fail = (error: unknown): never => {
      if (!passing.has((error as LanewiseError).code)) this.#unusable ??= error as LanewiseError
      throw error
    }
    try {
      const running = this.#engine.run(tape, steps, parallel, repeatable)
      return running?.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  retainConstant(tensor: Tensor): number {
    const known = this.#constants.get(tensor)
    if (known?.uses) {
      known.uses++
      return known.address
    }
    const data = tensor.data as TypedArray
    const address = this.memory.allocate(data.byteLength + operandBytes('uint8', 0), 'a constant')
    new MemoryView(this.memory, tensor.type as NumericDType, address, data.length).write(data, 'a constant')
    const held = { address, uses: 1 }
    this.#constants.set(tensor, held)
    this.#held.set(address, held)
    return address
  }

  releaseConstant(address: number): void {
    const held = this.#held.get(address)
    if (held === undefined || --held.uses > 0) return
    this.#held.delete(address)
    this.memory.free(address)
  }

  retainPrepared(tensor: Tensor, bytes: number, prepare: Preparation): Prepared {
    return this.#prepared.retain(tensor, bytes, prepare)
  }

  releasePrepared(prepared: Prepared): void {
    this.#prepared.release(prepared)
  }

  retainScratch(): number {
    const scratch = this.#scratch
    if (scratch.uses === 0)
      scratch.address = this.memory.allocate(this.#mostThreads * SCRATCH_BYTES, 'the scratch memory of the threads')
    scratch.uses++
    return scratch.address
  }

  releaseScratch(): void {
    if (--this.#scratch.uses === 0) this.memory.free(this.#scratch.address)
  }

  addressOf(storage: Storage): number {
    const address = storage instanceof WasmStorage ? storage.addressIn(this.memory) : undefined
    if (address === undefined)
      throw new LanewiseError('INVALID_ARGUMENT', 'a variable lies in the memory of another backend')
    return address
  }

  /** Ends the threads; executables and variables of this backend cannot be used any more. */
  dispose(): void {
    if (this.#unusable?.code === 'DISPOSED') return
    this.#unusable = new LanewiseError('DISPOSED', 'this backend was disposed of')
    forgotten?.unregister(this)
    this.#engine.stop()
  }

  #check(): void {
    if (this.#unusable) throw this.#unusable
  }
}
