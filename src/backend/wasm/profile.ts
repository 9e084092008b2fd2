import { LanewiseError } from '../../core/errors.js'
import type { Node } from '../../core/ir.js'
import type { MaybePromise, StepTime } from '../backend.js'

/** A step that can be run by itself. */
export interface TimedStep {
  readonly node: Node | undefined
  readonly kernel: string
  readonly tiles: number
  run(): MaybePromise<void>
}

const elsewhere = () =>
  new LanewiseError('BACKEND_UNAVAILABLE', 'steps can be timed on the thread that computes only, not beside a page')

/** Runs all steps in order, `runs` times over; refused where another thread computes. Times include the start of one step: a microsecond, more with threads. */
export function timeSteps(steps: readonly TimedStep[], runs: number): readonly StepTime[] {
  const times = steps.map(() => new Float64Array(runs))
  for (let run = 0; run < runs; run++)
    steps.forEach((step, index) => {
      const start = performance.now()
      if (step.run() instanceof Promise) throw elsewhere()
      times[index][run] = performance.now() - start
    })
  return steps.map(({ node, kernel, tiles }, index) => ({
    node,
    kernel,
    tiles,
    ms: times[index].sort()[Math.floor(runs / 2)],
  }))
}
