import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'

/** What `fit` gives: the logs of every epoch. */
export class History extends Callback {
  readonly epoch: number[] = []
  readonly history: Record<string, number[]> = {}

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch)
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value)
  }
}
