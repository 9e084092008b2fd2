import type { Executable } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import type { Tensor } from '../../core/tensor.js'
import { fedSources, type Samples } from './feed.js'
import { feedScalars, type LoadedStep, readLogs } from './loaded-step.js'
import type { StepSources } from './step.js'
import type { Trainer } from './trainer.js'

/** Feeds `samples` as one batch. */
export function writeSamples(executable: Pick<Executable, 'write'>, samples: Samples, sources: StepSources): void {
  const write = (tensors: readonly (Tensor | undefined)[], names: readonly ({ name: string } | undefined)[]) => {
    tensors.forEach((tensor, i) => {
      if (tensor) executable.write(names[i]!.name, tensor.data as Float32Array)
    })
  }
  write(samples.x, sources.x)
  write(samples.y, sources.y)
  write(samples.weights, sources.weights)
}

/** Feeds `samples` as one batch and runs the step for it. */
export async function runBatch(
  trainer: Trainer,
  store: VariableStore,
  samples: Samples,
  training: boolean,
): Promise<{ step: LoadedStep; vector: Float32Array }> {
  const sources = fedSources(samples)
  const step = await trainer.cached(store, sources, samples.count, training ? trainer.nextMode : 'test')
  writeSamples(step.executable, samples, sources)
  if (training) feedScalars(step, trainer.compiled.optimizer)
  await step.executable.run()
  const vector = await readLogs(step)
  if (training) {
    trainer.compiled.optimizer.iterations++
    store.noteChange()
  }
  return { step, vector }
}
