import type { Backend, Executable } from '../../backend/backend.js'
import { addFoldingKernels } from '../../backend/reference/folding.js'
import { VariableStore } from '../../backend/store.js'
import { compileInTurns, type Stage, type Stages } from '../../compile.js'
import type { TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Graph, Variable } from '../../core/ir.js'
import { RandomGenerator } from '../../core/random.js'
import { nextSeed } from '../../core/seed.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { inTurns, turn } from '../../core/turns.js'
import { defaultBackend, replaceDefaultBackend } from '../../environment.js'
import { loadPacks, withOperators } from '../../packs/index.js'
import { invalid } from '../config.js'
import { adaptations } from '../layers/adaptations.js'
import type { Weight } from '../layers/weight.js'
import { hostEdge, hostReady } from '../strings.js'
import { type Compiled, type CompileOptions, resolveCompileOptions } from './compiled.js'
import type { DataLike } from './data.js'
import type { Samples } from './feed.js'
import { feedScalars, type LoadedStep } from './loaded-step.js'
import { PlanCache } from './plan-cache.js'
import { buildPredictor, predictedOutput } from './predictor.js'
import { Recovery } from './recovery.js'
import { checkInputs, checkSamples, type SampleWeightOptions } from './samples.js'
import { accumulatedGradient, movingAverage, Slots } from './slots.js'
import type { Position, TrainingState } from './state.js'
import { type StepGraph, type StepRequest, type StepSources, stepParts } from './step.js'
import { type CompiledStep, StepPlans, typesOf } from './step-plans.js'
import type { Trainee } from './trainee.js'

type StepMode = 'update' | 'accumulate' | 'test'

const startingPosition = (): Position => ({ epoch: 0, batch: 0, sums: [] })

interface Predictor {
  readonly executable: Executable
  readonly shapes: readonly (readonly number[])[]
}

const disposeOf = ({ executable }: { readonly executable: Executable }): void => executable.dispose()

/** An op of the pack that every step needs. */
const everyStepWrites = 'lanewise.GatherGradient'

/** Compiles a model's steps and runs them: backend memory, optimizer state, plans by batch size. */
export class Trainer {
  readonly #trainee: Trainee
  #store: VariableStore | undefined
  #options: CompileOptions | undefined
  #compiled: Compiled | undefined
  /** What was to be trained when the model was compiled, or connected. */
  #trainable: readonly Weight[] | undefined
  #seeds: TrainingState['seeds'] = [0, 0]
  /** Where `fit` is. */
  position: () => Position = startingPosition
  readonly #slots = new Slots()
  readonly #steps = new PlanCache<LoadedStep>(disposeOf)
  readonly #stepPlans = new StepPlans()
  readonly #predictors = new PlanCache<Predictor>(disposeOf)
  readonly #notes = new Set<string>()
  readonly #recovery = new Recovery()
  #resumed: Position | undefined
  /** Whether a state was written that no `fit` has come to the end from. */
  isResumed = false
  /** Whether the moving averages are in the weights, and these in the averages. */
  usesAverages = false
  /** Whether `explain` is to be called where a loss is not finite: once a fit. */
  explains = false
  #disposed = false
  #occupied: 'steps' | 'callbacks' | undefined
  /** The end of the work that runs, where what comes meanwhile may wait for it. */
  #turn: Promise<void> | undefined

  constructor(trainee: Trainee) {
    this.#trainee = trainee
  }

  /** Throws INVALID_ARGUMENT before `compile`. */
  get compiled(): Compiled {
    if (this.#options) this.#compiled ??= resolveCompileOptions(this.#options, this.#trainee.outputNames)
    if (!this.#compiled) throw invalid(`model '${this.#trainee.name}' is not compiled; call compile() first`)
    return this.#compiled
  }

  /** What `compile` was given. */
  get compileOptions(): CompileOptions | undefined {
    return this.#options
  }

  /** Options of models without an input shape are checked when the model is connected. */
  compile(options: CompileOptions): void {
    this.#compiled = undefined
    this.#options = options
    this.#trainable = undefined
    if (this.#trainee.isConnected) {
      this.#compiled = resolveCompileOptions(options, this.#trainee.outputNames)
      this.#trainable = this.#trainee.trainableWeights
    }
    this.forgetSteps()
    this.#seeds = [nextSeed(), nextSeed()]
    this.usesAverages = false
    this.position = startingPosition
    this.#slots.clear(this.#store)
  }

  /** Drops compiled steps, as after a change of what is trainable. */
  forgetSteps(): void {
    this.#steps.clear()
    this.#stepPlans.clear()
  }

  /** Runs `work` as `exclusively` does one that changes nothing; others like it wait for its end. */
  async inTurn<T>(work: (store: VariableStore) => Promise<T>): Promise<T> {
    while (this.#occupied === 'steps' && this.#turn) await this.#turn
    const outer = this.#turn
    const result = this.exclusively(work, true)
    this.#turn = result.then(
      () => {},
      () => {},
    )
    return result.finally(() => {
      this.#turn = outer
    })
  }

  /** Runs `work` unless something else of the model runs; where it `changesNothing`, callbacks may do it, too. */
  async exclusively<T>(work: (store: VariableStore) => Promise<T>, changesNothing = false): Promise<T> {
    const outer = this.#occupied
    if (outer === 'steps' || (outer && !changesNothing))
      throw invalid(`model '${this.#trainee.name}' is busy; await the running fit, evaluate or predict first`)
    this.#occupied = 'steps'
    try {
      return await work(await this.#open())
    } finally {
      this.#occupied = outer
    }
  }

  /** Does the work of callbacks, between two steps. */
  async callingBack(work: () => Promise<void>): Promise<void> {
    const outer = this.#occupied
    this.#occupied = 'callbacks'
    try {
      await work()
    } finally {
      this.#occupied = outer
    }
  }

  get #variables(): readonly Weight[] {
    return [...this.#trainee.weights, ...this.#trainee.states]
  }

  async #open(): Promise<VariableStore> {
    if (this.#disposed) throw new LanewiseError('DISPOSED', `model '${this.#trainee.name}' has been disposed of`)
    const weights = this.#variables
    const home = () => weights.find((weight) => weight.home)?.home
    const isFirst = !this.#store
    if (isFirst) {
      addFoldingKernels()
      await turn()
    }
    if (!this.#store) {
      const backend = home() ? undefined : await defaultBackend()
      // Models that share weights may open at once: nothing may come between the look for a home and the move.
      this.#store = home() ?? new VariableStore(backend!)
    }
    const store = this.#store
    await this.surely(store, () => {
      for (const weight of weights) weight.moveTo(store, this)
    })
    if (isFirst) await turn()
    return store
  }

  /** Brings what `inputs` and `samples` need and comes by need. */
  ready(): Promise<void> {
    return hostReady(this.#trainee.network)
  }

  /** Inputs, as `checkInputs` gives them. */
  inputs(x: DataLike): Tensor[] {
    return checkInputs(this.#trainee, x)
  }

  /** Inputs, targets and weights, as `checkSamples` gives them. */
  samples(x: DataLike, y: DataLike | null | undefined, options: SampleWeightOptions = {}): Samples {
    return checkSamples(this.#trainee, this.compiled, x, y, options)
  }

  /** What runs slower than it could, of all that has been compiled, and why. */
  get notes(): readonly string[] {
    return [...this.#notes]
  }

  async #compileGraph(graph: Graph, store: VariableStore): Promise<Executable> {
    return (await this.#compilePlan(graph, store)).executable
  }

  async #compilePlan(graph: Graph, store: VariableStore): Promise<Pick<CompiledStep, 'executable' | 'plan'>> {
    try {
      const { backend, storageOf } = store
      let plan: Stages['plan'] | undefined
      const onStage = <S extends Stage>(stage: S, result: Stages[S]) => {
        if (stage === 'plan') plan = result as Stages['plan']
      }
      const executable = await withOperators(() => compileInTurns(graph, backend, { storageOf, onStage }))
      for (const note of executable.notes) this.#notes.add(note)
      return { executable, plan: plan! }
    } catch (error) {
      await this.#fallBack(store, error)
      return this.#compilePlan(graph, store)
    }
  }

  /** Moves the model to the backend for what this one refuses, and says so. Throws `error` unless there is one. */
  async #fallBack(store: VariableStore, error: unknown): Promise<void> {
    const refused = error instanceof LanewiseError && error.code === 'UNSUPPORTED_OP'
    const backend = refused && (await store.backend.substitute?.())
    if (!backend) throw error
    this.#moveTo(backend, store, await store.snapshot())
    this.say(`the model runs on ${backend.report.name}: ${error.message}`)
  }

  /** Goes on in `backend` with the content of a snapshot; everything that was compiled goes. */
  #moveTo(backend: Backend, store: VariableStore, contents: ReadonlyMap<Variable, Tensor>): void {
    store.restore(backend, contents)
    this.#slots.forgetLost(store)
    this.forgetSteps()
    this.#predictors.clear()
  }

  /** Adds a note to `notes`, and tells it. */
  say(note: string): void {
    this.#notes.add(note)
    console.warn(`lanewise: ${note}`)
  }

  /** Leaves copies of the weights on the host, where a backend gives them asynchronously: reading them then needs no waiting. */
  async copyWeights(store: VariableStore): Promise<void> {
    await this.surely(store, async () => {
      for (const weight of this.#variables) {
        const content = weight.read()
        if (!(content instanceof Promise)) return
        await content
      }
    })
  }

  /** Keeps the state that `recover` goes back to. */
  async keepState(store: VariableStore): Promise<void> {
    await this.#recovery.keep(store, this.compiled.optimizer.iterations)
  }

  /**
   * After `error`: goes back to the kept state, and says so; where a device was lost, on a new one or on wasm. Throws `error`
   * unless a device or a thread was lost and a state was kept; where `current`, it must be that at the loss.
   */
  async recover(store: VariableStore, error: unknown, current: boolean): Promise<void> {
    const { lost, state } = this.#recovery.after(error, store, current, this.#compiled?.optimizer.iterations ?? 0)
    if (lost === 'DEVICE_LOST') {
      this.#moveTo(await replaceDefaultBackend(store.backend), store, state.contents)
      this.#recovery.restored(store, state)
    } else this.#recovery.rewind(store, state)
    if (this.#compiled) this.#compiled.optimizer.iterations = state.iterations
    const { name, variant, threads } = store.backend.report
    this.say(
      lost === 'DEVICE_LOST'
        ? `the GPU device was lost; training went on from step ${state.iterations} on ${name} (${variant})`
        : `a worker thread was lost; training went on from step ${state.iterations} on ${threads} threads`,
    )
  }

  /** Does `work`, which changes no state; after the loss of a device once more. Throws DEVICE_LOST as `recover` does. */
  async surely<T>(store: VariableStore, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      await this.recover(store, error, true)
      return this.surely(store, work)
    }
  }

  /** The size of batches: what is `given`, that of a stateful model, or 32. Throws INVALID_ARGUMENT for what cannot be. */
  batchSize(given?: number | null): number {
    const size = given ?? this.#statesOf ?? 32
    if (!Number.isInteger(size) || size < 1) throw invalid(`batchSize must be an integer of 1 or more, got ${given}`)
    return size
  }

  /** The batch size that the states of a stateful model are for. */
  get #statesOf(): number | undefined {
    const { states, isConnected, network } = this.#trainee
    return isConnected && states.length > 0 ? (network.inputs[0].shape[0] ?? undefined) : undefined
  }

  /** Throws INVALID_ARGUMENT where so many samples cannot come in batches of that size. */
  checkBatches(samples: number, batch: number): void {
    const wanted = this.#statesOf
    if (wanted !== undefined && (batch !== wanted || samples % wanted !== 0))
      throw invalid(
        `model '${this.#trainee.name}' is stateful and takes batches of ${wanted}: give batchSize ${wanted} and a multiple of it of samples, got ${batch} and ${samples}`,
      )
  }

  async #build(store: VariableStore, sources: StepSources, batch: number, mode: StepMode): Promise<StepGraph> {
    this.checkBatches(batch, batch)
    await loadPacks([everyStepWrites])
    this.#trainable ??= this.#trainee.trainableWeights
    const request: StepRequest = {
      network: hostEdge(this.#trainee.network).network,
      compiled: this.compiled,
      sources,
      batch,
      mode,
      trainable: this.#trainable,
      slotsOf: (weight) =>
        this.compiled.optimizer
          .slotsFor(weight)
          .map(({ name, initial, shape }) => this.#slots.of(store, weight, name, initial, shape)),
      accumulatorOf: (weight) => this.#slots.of(store, weight, accumulatedGradient),
      averageOf: (weight) => this.#slots.of(store, weight, movingAverage),
      seed: this.#seeds[0],
    }
    const step = await withOperators(() => inTurns(stepParts(request)))
    await turn()
    return step
  }

  /** Loads a step; the caller disposes of it. */
  async load(store: VariableStore, sources: StepSources, batch: number, mode: StepMode): Promise<LoadedStep> {
    const kind = this.#kindOf(sources, batch, mode)
    const { step, executable } = await this.#stepPlans.load(kind, store, sources, async () => {
      const step = await this.#build(store, sources, batch, mode)
      return { step, ...(await this.#compilePlan(step.graph, store)) }
    })
    return this.#loaded(executable, step, batch, mode)
  }

  #loaded(
    executable: Executable,
    { entries, rates, usesStepCounter }: StepGraph,
    batch: number,
    mode: StepMode,
  ): LoadedStep {
    return {
      executable,
      entries,
      terms: entries.flatMap((entry) => entry.terms),
      batch,
      accumulates: mode === 'accumulate',
      rates,
      usesStepCounter,
      held: new Float64Array(rates.length).fill(Number.NaN),
    }
  }

  /** Goes back to the kept state. */
  rewind(store: VariableStore): void {
    this.compiled.optimizer.iterations = this.#recovery.rewind(store)
  }

  /** Says which node of the next training step makes the first number that is not finite; changes nothing. `feed` writes the batch. */
  async explain(
    store: VariableStore,
    sources: StepSources,
    batch: number,
    feed: (executable: Pick<Executable, 'write'>) => void,
  ): Promise<void> {
    const mode = this.nextMode
    const whole = await this.#build(store, sources, batch, mode)
    const { firstNonFinite, opened } = await import('./diagnosis.js')
    const graph = opened(whole.graph)
    const step = this.#loaded(await this.#compileGraph(graph, store), whole, batch, mode)
    const { executable } = step
    try {
      const fed = new Map<string, TypedArray>()
      const recorder = {
        write(input: string, data: TypedArray) {
          fed.set(input, data.slice())
          executable.write(input, data)
        },
      }
      feed(recorder)
      feedScalars({ ...step, executable: recorder }, this.compiled.optimizer)
      await executable.run()
      const found = await firstNonFinite(graph, async (value) => {
        const variable = graph.variables.get(value)
        if (variable) return (await store.read(variable)).toNumbers()
        const data = fed.get(value.name) ?? (graph.inputs.includes(value) ? [] : await executable.read(value.name))
        return new Tensor(value.dtype, data as TypedArray, concrete(value.shape)).toNumbers()
      })
      this.say(`the loss is not finite from step ${this.compiled.optimizer.iterations} on: ${found}`)
    } finally {
      executable.dispose()
    }
  }

  /** Copies of all state beside the weights; may be read between two steps. */
  async readState(): Promise<TrainingState> {
    const { iterations, learningRate } = this.compiled.optimizer
    return {
      position: this.position(),
      iterations,
      learningRate: typeof learningRate === 'number' ? learningRate : undefined,
      seeds: this.#seeds,
      slots: await this.#slots.read(this.#store, this.#trainee.weights),
    }
  }

  /** Goes on from a state that `readState` gave for the same model and optimizer; a callback's `fit`, too. Throws INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. */
  writeState(state: TrainingState): Promise<void> {
    return this.exclusively(async (store) => {
      const { optimizer } = this.compiled
      this.#slots.write(store, this.#trainee.weights, optimizer, state.slots)
      optimizer.iterations = state.iterations
      if (state.learningRate !== undefined) optimizer.learningRate = state.learningRate
      this.#seeds = state.seeds
      const { position } = state
      this.position = () => position
      this.#resumed = position
      this.isResumed = true
      this.usesAverages = false
      this.forgetSteps()
    }, true)
  }

  /** Where a state that was written since the last call stands. */
  takeResumed(): Position | undefined {
    const resumed = this.#resumed
    this.#resumed = undefined
    return resumed
  }

  /**
   * A random order of `count` samples for an epoch of which `batches` are done: another one each epoch, and the same after
   * `writeState` as without a break.
   */
  shuffledOrder(count: number, batches = 0): Int32Array {
    return new RandomGenerator(this.#seeds[1], this.compiled.optimizer.iterations - batches).permutation(count)
  }

  /** Exchanges the weights with their moving averages. Throws INVALID_ARGUMENT where the optimizer keeps none. */
  swapAverages(): Promise<void> {
    return this.exclusively(async (store) => {
      if (!this.compiled.optimizer.options.useEma)
        throw invalid('there are no moving averages to swap: give the optimizer useEma')
      await this.#moveAverages(store, true)
      this.usesAverages = !this.usesAverages
    }, true)
  }

  /** Leaves the moving averages of the weights in the weights, at the end of a training. */
  async settleAverages(store: VariableStore): Promise<void> {
    if (!this.compiled.optimizer.options.useEma) return
    if (this.usesAverages) await this.#moveAverages(store, true)
    this.usesAverages = false
    await this.#moveAverages(store, false)
  }

  async #moveAverages(store: VariableStore, swap: boolean): Promise<void> {
    await this.#slots.moveAverages(store, swap)
    await this.keepState(store)
  }

  /** A step for fed batches, kept for the next batch of its kind. */
  async cached(store: VariableStore, sources: StepSources, batch: number, mode: StepMode): Promise<LoadedStep> {
    return this.#steps.of(this.#kindOf(sources, batch, mode), () => this.load(store, sources, batch, mode))
  }

  /** What a step's plan depends on, beside what `forgetSteps` is for. */
  #kindOf(sources: StepSources, batch: number, mode: StepMode): string {
    const frozen = this.#trainee.weights.map((weight) => (weight.trainable ? 1 : 0)).join('')
    return JSON.stringify([mode, batch, typesOf(sources), frozen, adaptations()])
  }

  /** Which step the optimizer's next iteration runs. */
  get nextMode(): 'update' | 'accumulate' {
    const { optimizer } = this.compiled
    return (optimizer.iterations + 1) % optimizer.accumulationSteps === 0 ? 'update' : 'accumulate'
  }

  /** Outputs for inputs that are one batch. */
  async predictBatch(store: VariableStore, inputs: readonly Tensor[]): Promise<Tensor[]> {
    const { outputNames } = this.#trainee
    const { network, inputNames, outOf } = hostEdge(this.#trainee.network)
    const key = JSON.stringify([adaptations(), inputs.map((tensor) => tensor.dims)])
    const { executable, shapes } = await this.#predictors.of(key, async () => {
      this.checkBatches(inputs[0].dims[0], inputs[0].dims[0])
      const graph = await withOperators(() => buildPredictor(this.#trainee, inputs))
      return {
        executable: await this.#compileGraph(graph, store),
        shapes: graph.outputs.map((result) => concrete(result.shape, `output '${result.name}'`)),
      }
    })
    inputs.forEach((tensor, i) => {
      executable.write(inputNames[i], tensor.data as TypedArray)
    })
    const running = executable.run()
    if (running) await running
    const reads = outputNames.map((name) => executable.read(predictedOutput(name)))
    const contents = reads.some((read) => read instanceof Promise) ? await Promise.all(reads) : (reads as TypedArray[])
    return outOf(contents.map((content, i) => new Tensor(network.outputs[i].dtype, content, shapes[i])))
  }

  /** Frees backend memory. */
  dispose(): void {
    if (this.#occupied) throw invalid(`model '${this.#trainee.name}' is busy; await the running work before dispose()`)
    this.forgetSteps()
    this.#predictors.clear()
    this.#slots.clear(this.#store)
    for (const weight of this.#variables) weight.release(this)
    this.#disposed = true
  }
}
