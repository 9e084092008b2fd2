import type { NumericDType, TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Node, Value, Variable } from '../../core/ir.js'
import { concrete, formatShape, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { Plan } from '../../plan/plan.js'
import { bytesOf } from '../../plan/planner.js'
import type { Executable, MaybePromise, StepTime, Storage } from '../backend.js'
import { evaluate } from '../reference/evaluate.js'
import { kernelOf } from '../reference/loaded.js'
import { type KernelCall, partOf } from './gen/kernels.js'
import type { Preparation } from './lower/lowering.js'
import type { Machine, Prepared } from './machine.js'
import { MemoryView } from './memory.js'
import { type TimedStep, timeSteps } from './profile.js'
import { type Addresses, lowerPlan, type Segment, STEP_BYTES, type Tape, writeTapes } from './tape.js'

/**
 * Tiles beyond the first of each step that make waking the other threads worth while: a tile is some microseconds of
 * work, a thread that has to wake up costs about as much as eight.
 */
const PARALLEL_TILES = 8

/** Whether `calls` are worth more than one thread. */
const isParallel = (calls: readonly KernelCall[]): boolean =>
  calls.reduce((sum, call) => sum + call.tiles - 1, 0) >= PARALLEL_TILES

/** A plan in wasm memory: an arena, a tape, and the places of inputs and outputs. */
export class WasmExecutable implements Executable {
  readonly notes: readonly string[]
  readonly ready?: Promise<void>
  readonly #machine: Machine
  readonly #blocks: number[] = []
  readonly #constants: number[] = []
  readonly #prepared: Prepared[] = []
  #isReady = false
  #scratch: number | undefined
  readonly #inputs = new Map<string, MemoryView>()
  readonly #outputs = new Map<string, MemoryView>()
  readonly #parts: readonly (() => MaybePromise<void>)[]
  readonly #segments: readonly Segment[]
  readonly #timed: readonly TimedStep[]
  readonly #updates: boolean
  #disposed = false
  #hasRun = false

  /** Throws OUT_OF_MEMORY, or UNSUPPORTED_OP for values that wasm memory cannot hold. */
  constructor(machine: Machine, plan: Plan, storageOf: (variable: Variable) => Storage) {
    this.#machine = machine
    this.#updates = plan.graph.updates.length > 0
    try {
      const addresses = this.#place(plan, storageOf)
      const view = (value: Value) =>
        new MemoryView(machine.memory, numeric(value), addresses.of(value), sizeOf(concrete(value.shape, value.name)))
      this.#segments = lowerPlan(plan, addresses)
      const programs = this.#segments.flatMap((segment) => (segment.kind === 'tape' ? [segment.calls] : []))
      const { block, tapes } = writeTapes(machine.memory, programs)
      this.#blocks.push(block)
      const remaining = [...tapes]
      const parts = this.#segments.map((segment) =>
        segment.kind === 'tape'
          ? this.#tape(remaining.shift()!, segment)
          : this.#host(
              segment.node,
              hostStep(
                segment.node,
                segment.node.inputs.map((input) => input && view(input)),
                segment.node.outputs.map(view),
              ),
            ),
      )
      this.#parts = parts.map((part) => part.run)
      this.#timed = parts.flatMap((part) => part.steps)
      for (const input of plan.graph.inputs) this.#inputs.set(input.name, view(input))
      for (const output of plan.graph.outputs) this.#outputs.set(output.name, view(output))
      const needs = new Set([...programs.flat().map(partOf), ...this.#prepared.flatMap((form) => form.parts)])
      const coming = machine.extend(needs)
      if (coming) {
        this.ready = coming.then(() => this.#prepare())
        this.ready.catch(() => {})
      } else this.#prepare()
    } catch (error) {
      this.dispose()
      throw error
    }
    this.notes = this.#segments.flatMap((segment) =>
      segment.kind === 'node'
        ? [`${segment.node.op} '${segment.node.name}' has no wasm kernel and runs in the reference backend`]
        : [],
    )
  }

  write(input: string, data: TypedArray): void {
    const view = this.#inputs.get(input)
    if (view === undefined) throw unknown('input', input, this.#inputs)
    this.#check()
    view.write(data, `input '${input}'`)
  }

  /** Where a run is one order to an engine that keeps them in order, and that runs it again itself where it has to. */
  get readsInOrder(): boolean {
    return this.#machine.inOrder && this.#isReady && this.#parts.length === 1
  }

  run(): MaybePromise<void> {
    this.#check()
    if (!this.#isReady) return this.ready!.then(() => this.run())
    this.#hasRun = true
    const running = this.#runFrom(0)
    return running && !this.#updates ? running.catch((error) => this.#runAgain(error)) : running
  }

  /** After the loss of a thread: inputs and constants are as they were. */
  #runAgain(error: unknown): MaybePromise<void> {
    if (error instanceof LanewiseError && error.code === 'WORKER_LOST') return this.#runFrom(0)
    throw error
  }

  profile(runs: number): MaybePromise<readonly StepTime[]> {
    this.#check()
    if (!this.#isReady) return this.ready!.then(() => this.profile(runs))
    this.#hasRun = true
    return timeSteps(this.#timed, runs)
  }

  read(output: string): MaybePromise<TypedArray> {
    const view = this.#outputs.get(output)
    if (view === undefined) throw unknown('output', output, this.#outputs)
    this.#check()
    if (!this.#hasRun) throw new LanewiseError('INVALID_ARGUMENT', `output '${output}' is read before a run`)
    return view.read()
  }

  describe(): string {
    return this.#segments
      .flatMap((segment) =>
        segment.kind === 'node'
          ? [`reference ${segment.node.op} '${segment.node.name}'`]
          : [
              `tape on ${isParallel(segment.calls) ? this.#machine.threads : 1} thread(s)`,
              ...segment.calls.map((call) => `  ${call.name} ${call.tiles} tile(s)`),
            ],
      )
      .join('\n')
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const block of this.#blocks) this.#machine.memory.free(block)
    for (const address of this.#constants) this.#machine.releaseConstant(address)
    for (const form of this.#prepared) this.#machine.releasePrepared(form)
    if (this.#scratch !== undefined) this.#machine.releaseScratch()
  }

  /** Makes the prepared constants. */
  #prepare(): void {
    if (this.#disposed) return
    for (const form of this.#prepared) form.make()
    this.#isReady = true
  }

  /** Without a turn of the event loop, unless a part takes one. */
  #runFrom(first: number): MaybePromise<void> {
    const parts = this.#parts
    for (let index = first; index < parts.length; index++) {
      const running = parts[index]()
      if (running) return running.then(() => this.#runFrom(index + 1))
    }
  }

  #check(): void {
    if (this.#disposed) throw new LanewiseError('DISPOSED', 'this executable was disposed of')
  }

  #host(node: Node, run: () => MaybePromise<void>) {
    return { run, steps: [{ node, kernel: 'reference', tiles: 1, run }] }
  }

  #tape({ address, steps }: Tape, { calls, nodes }: Extract<Segment, { kind: 'tape' }>) {
    const machine = this.#machine
    const parallel = isParallel(calls)
    const repeatable = !this.#updates && this.#segments.length === 1
    return {
      run: () => machine.run(address, steps, parallel, repeatable),
      steps: calls.map(({ name, tiles }, index) => ({
        node: nodes[index],
        kernel: name,
        tiles,
        // By itself, a step of one tile does not wake the other threads, as it does not within the tape.
        run: () => machine.run(address + index * STEP_BYTES, 1, parallel && tiles > 1),
      })),
    }
  }

  /** Takes memory for the arena, and finds that of constants and variables. */
  #place(plan: Plan, storageOf: (variable: Variable) => Storage): Addresses {
    const { graph, arenaBytes } = plan
    checkSizes(plan)
    const arena = this.#machine.memory.allocate(arenaBytes, `the arena of '${graph.name}'`)
    this.#blocks.push(arena)
    this.#machine.memory.content.clear(arena, arenaBytes)
    const owners = new Map<Value, number>()
    const constants = new Map<Tensor, number>()
    for (const value of graph.constants.keys()) numeric(value)
    for (const [value, variable] of graph.variables) owners.set(value, this.#machine.addressOf(storageOf(variable)))
    const addressOf = (constant: Tensor): number => {
      const known = constants.get(constant)
      if (known !== undefined) return known
      const address = this.#machine.retainConstant(constant)
      constants.set(constant, address)
      this.#constants.push(address)
      return address
    }
    const of = (value: Value): number => {
      const placement = plan.placements.get(value)
      if (placement === undefined)
        throw new LanewiseError('INVALID_MODEL', `the plan of '${graph.name}' has no place for '${value.name}'`)
      if (placement.kind === 'arena') return arena + placement.offset
      return placement.kind === 'variable' ? owners.get(placement.of)! : addressOf(graph.constants.get(placement.of)!)
    }
    const prepared = (constant: Tensor, bytes: number, prepare: Preparation): number => {
      const form = this.#machine.retainPrepared(constant, bytes, prepare)
      this.#prepared.push(form)
      return form.address
    }
    const scratch = (): number => {
      this.#scratch ??= this.#machine.retainScratch()
      return this.#scratch
    }
    return { of, arena, prepared, scratch }
  }
}

/** Kernels count elements, and bytes of scratch memory, in 32 bits with a sign, and may step over the end by a tile. */
const LARGEST_OPERAND = 2 ** 31 - 2 ** 20

/** Throws OUT_OF_MEMORY for a value, or a node's scratch memory, that is too large for the kernels. */
function checkSizes({ placements, steps }: Plan): void {
  const refuse = (bytes: number, what: string): never => {
    throw new LanewiseError(
      'OUT_OF_MEMORY',
      `${what} takes ${(bytes / 2 ** 30).toFixed(1)} GiB; a kernel's operand may take 2 GiB at most. Run smaller batches`,
    )
  }
  for (const value of placements.keys()) {
    const bytes = bytesOf(value)
    if (bytes > LARGEST_OPERAND) refuse(bytes, `'${value.name}' ${formatShape(value.shape)}`)
  }
  for (const step of steps) {
    const bytes = step.kind === 'node' && step.workspace ? step.workspace.bytes : 0
    if (step.kind === 'node' && bytes > LARGEST_OPERAND)
      refuse(bytes, `the scratch memory of ${step.node.op} '${step.node.name}'`)
  }
}

function numeric(value: Value): NumericDType {
  if (value.dtype !== 'string') return value.dtype
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `'${value.name}' holds strings, which have no place in wasm memory; use the reference backend`,
  )
}

const unknown = (kind: string, name: string, known: ReadonlyMap<string, unknown>): LanewiseError =>
  new LanewiseError(
    'INVALID_ARGUMENT',
    `the graph has no ${kind} '${name}'; its ${kind}s are ${[...known.keys()].join(', ')}`,
  )

/** Runs `node` in the reference backend, on views of wasm memory. Throws NotLoaded. */
function hostStep(
  node: Node,
  operands: readonly (MemoryView | undefined)[],
  outputs: readonly MemoryView[],
): () => MaybePromise<void> {
  kernelOf(node.op)
  const compute = (contents: readonly (TypedArray | undefined)[]): void => {
    const inputs = node.inputs.map(
      (input, index) => input && new Tensor(input.dtype, contents[index]!, concrete(input.shape)),
    )
    const results = evaluate(node, inputs)
    outputs.forEach((output, index) => {
      output.write(results[index].data as TypedArray, `output ${index} of ${node.op} '${node.name}'`)
    })
  }
  return () => {
    const contents = operands.map((operand) => operand?.peek())
    return contents.some((content) => content instanceof Promise)
      ? Promise.all(contents).then(compute)
      : compute(contents as (TypedArray | undefined)[])
  }
}
