// The part of files.ts that is about threads, in builds that have none: one file, or a host without workers.
import type { Helper } from './files.js'

export const START_LIMIT = 10_000

export const hasWorkers = false

const noWorkers = (): never => {
  throw new Error('this build of lanewise starts no workers')
}

export const startHelper = async (): Promise<Helper> => noWorkers()

export const availableCores = async (): Promise<number> => 1

export async function unlockRelaxedSimd(): Promise<void> {}
