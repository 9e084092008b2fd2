import type { Executable } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import { loadPlan, type Stages } from '../../compile.js'
import type { Variable } from '../../core/ir.js'
import { PlanCache } from './plan-cache.js'
import type { StepGraph, StepSources } from './step.js'

/** A step that is compiled, and its plan. */
export interface CompiledStep {
  readonly step: StepGraph
  readonly plan: Stages['plan']
  readonly executable: Executable
}

/** What the data of a step look like: resident ones by their number of samples, too. */
export const typesOf = ({ x, y, weights }: StepSources): unknown[] =>
  [...x, ...y, ...weights].map((source) => source && [source.dtype, source.sample, source.resident?.shape[0]])

/** The variables that hold a step's data. */
const residentOf = ({ x, y, weights }: StepSources): Variable[] =>
  [...x, ...y, ...weights].flatMap((source) => source?.resident ?? [])

/** Plans of steps by their kind: the next step of that kind is loaded from its plan, with the memory that its data lie in. */
export class StepPlans {
  readonly #plans = new PlanCache<Omit<CompiledStep, 'executable'> & { readonly resident: readonly Variable[] }>(
    () => {},
  )

  /** Loads the step of that kind, which `compile` gives the first time. */
  async load(
    kind: string,
    store: VariableStore,
    sources: StepSources,
    compile: () => Promise<CompiledStep>,
  ): Promise<Pick<CompiledStep, 'step' | 'executable'>> {
    const resident = residentOf(sources)
    let first: Executable | undefined
    const known = await this.#plans.of(kind, async () => {
      const { step, plan, executable } = await compile()
      first = executable
      return { step, plan, resident }
    })
    const { backend, storageOf } = store
    const ownOf = (variable: Variable) => resident[known.resident.indexOf(variable)] ?? variable
    const executable = first ?? (await loadPlan(known.plan, backend, (variable) => storageOf(ownOf(variable))))
    return { step: known.step, executable }
  }

  clear(): void {
    this.#plans.clear()
  }
}
