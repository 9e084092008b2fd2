const keptPlans = 16

/** Plans by what they were made for: the newest are kept for the next batch of their kind, older ones are disposed of. */
export class PlanCache<Plan> {
  readonly #plans = new Map<string, Plan>()
  readonly #dispose: (plan: Plan) => void

  constructor(dispose: (plan: Plan) => void) {
    this.#dispose = dispose
  }

  /** The plan kept under `key`, or else what `make` gives. */
  async of(key: string, make: () => Promise<Plan>): Promise<Plan> {
    const kept = this.#plans.get(key)
    if (kept) return kept
    const plan = await make()
    this.#plans.set(key, plan)
    if (this.#plans.size > keptPlans) {
      const [[oldest, least]] = this.#plans
      this.#dispose(least)
      this.#plans.delete(oldest)
    }
    return plan
  }

  clear(): void {
    for (const plan of this.#plans.values()) this.#dispose(plan)
    this.#plans.clear()
  }
}
