import type { Executable } from '../../backend/backend.js'

const keptPlans = 16

/** Compiled plans by what they were made for: the newest are kept for the next batch of their kind, older ones are disposed of. */
export class PlanCache<Plan extends { readonly executable: Executable }> {
  readonly #plans = new Map<string, Plan>()

  /** The plan kept under `key`, or else what `make` gives. */
  async of(key: string, make: () => Promise<Plan>): Promise<Plan> {
    const kept = this.#plans.get(key)
    if (kept) return kept
    const plan = await make()
    this.#plans.set(key, plan)
    if (this.#plans.size > keptPlans) {
      const [[oldest, { executable }]] = this.#plans
      executable.dispose()
      this.#plans.delete(oldest)
    }
    return plan
  }

  clear(): void {
    for (const { executable } of this.#plans.values()) executable.dispose()
    this.#plans.clear()
  }
}
