import { appendFile } from '../../core/write-files.js'
import { type EventContent, eventRecord, histogramOf } from '../../data/event-log.js'
import type { Model } from '../model.js'
import type { Logs } from '../training/logs.js'
import type { TensorBoardOptions } from './tensorboard.js'

/** A file of events, made with its first one. */
class EventFile {
  #begun = false

  constructor(
    readonly path: string,
    readonly write: (path: string, bytes: Uint8Array) => void | Promise<void>,
  ) {}

  async add(...contents: readonly EventContent[]): Promise<void> {
    const wallTime = Date.now() / 1000
    const all = this.#begun ? contents : [{ fileVersion: 'brain.Event:2' }, ...contents]
    this.#begun = true
    for (const content of all) await this.write(this.path, eventRecord(wallTime, content))
  }
}

const renamed = (logs: Logs, name: (log: string) => string): Logs =>
  Object.fromEntries(Object.entries(logs).map(([log, value]) => [name(log), value]))

let files = 0

/** What TensorBoard is told of a training: of its batches and epochs in one file, of what is measured in another. */
export interface EventFiles {
  batch(step: number, logs: Logs): Promise<void>
  epoch(epoch: number, logs: Logs): Promise<void>
  test(iterations: number, logs: Logs): Promise<void>
  /** Histograms of all weights. */
  weights(epoch: number, model: Model): Promise<void>
}

/** The files of a training in `logDir`. */
export function openEventFiles({ logDir = 'logs', write = appendFile }: TensorBoardOptions): EventFiles {
  const open = (part: 'train' | 'validation'): EventFile => {
    const host = typeof process === 'undefined' ? 'page' : `lanewise.${process.pid}`
    const name = `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${host}.${files++}.v2`
    return new EventFile(`${logDir}/${part}/${name}`, write)
  }
  const train = open('train')
  let measured: EventFile | undefined
  const validation = () => {
    measured ??= open('validation')
    return measured
  }
  return {
    batch: (step, logs) => train.add({ step, scalars: renamed(logs, (name) => `batch_${name}`) }),
    async epoch(epoch, logs) {
      const part = (validation: boolean) =>
        Object.fromEntries(Object.entries(logs).filter(([name]) => name.startsWith('val_') === validation))
      await train.add({ step: epoch, scalars: renamed(part(false), (name) => `epoch_${name}`) })
      const scalars = renamed(part(true), (name) => `epoch_${name.slice('val_'.length)}`)
      if (Object.keys(scalars).length > 0) await validation().add({ step: epoch, scalars })
    },
    test: (iterations, logs) =>
      validation().add({ step: iterations, scalars: renamed(logs, (name) => `evaluation_${name}_vs_iterations`) }),
    async weights(epoch, model) {
      const contents = await model.weightContents()
      const histograms = Object.fromEntries(
        model.weights.map(({ name }, i) => [`${name}/histogram`, histogramOf(contents[i].toNumbers())]),
      )
      await train.add({ step: epoch, histograms })
    },
  }
}
