import type { Executable, MaybePromise } from '../../backend/backend.js'
import type { Optimizer } from '../optimizers/index.js'
import type { LogEntry, Term } from './logs.js'
import { logsOutput, stepInput } from './step.js'

/** A step that is loaded into the backend. */
export interface LoadedStep {
  readonly executable: Executable
  readonly entries: readonly LogEntry[]
  readonly terms: readonly Term[]
  readonly batch: number
  readonly accumulates: boolean
  readonly rates: readonly string[]
  readonly usesStepCounter: boolean
  /** The rates that the executable holds now. */
  readonly held: Float64Array
}

const scalar = new Float32Array(1)
const counter = new Int32Array(1)

/** Feeds the rates that changed and the step's number, before a training step. */
export function feedScalars(
  step: Omit<LoadedStep, 'executable'> & { readonly executable: Pick<Executable, 'write'> },
  optimizer: Optimizer,
): void {
  const { rates, held, executable } = step
  if (rates.length > 0) {
    const values = optimizer.rates(optimizer.currentLearningRate, optimizer.updates)
    for (let i = 0; i < rates.length; i++) {
      const value = values[rates[i]]
      if (value === held[i]) continue
      held[i] = value
      scalar[0] = value
      executable.write(rates[i], scalar)
    }
  }
  if (step.usesStepCounter) {
    counter[0] = optimizer.iterations
    executable.write(stepInput, counter)
  }
}

/** The vector that the last run of `step` gave. */
export const readLogs = (step: LoadedStep): MaybePromise<Float32Array> =>
  step.executable.read(logsOutput) as MaybePromise<Float32Array>
