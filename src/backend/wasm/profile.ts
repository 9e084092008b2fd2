import type { Node } from '../../core/ir.js'
import type { StepTime } from '../backend.js'

/** A step that can be run by itself. */
export interface TimedStep {
  readonly node: Node | undefined
  readonly kernel: string
  readonly tiles: number
  run(): void
}

/** Runs all steps in order, `runs` times over. Times include the start of one step: a microsecond, more with threads. */
export function timeSteps(steps: readonly TimedStep[], runs: number): readonly StepTime[] {
  const times = steps.map(() => new Float64Array(runs))
  for (let run = 0; run < runs; run++)
    steps.forEach((step, index) => {
      const start = performance.now()
      step.run()
      times[index][run] = performance.now() - start
    })
  return steps.map(({ node, kernel, tiles }, index) => ({
    node,
    kernel,
    tiles,
    ms: times[index].sort()[Math.floor(runs / 2)],
  }))
}
