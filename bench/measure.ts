import { valueMismatch } from '../src/cli/mismatch.js'
import type { Runner } from './peers/peer.js'
import type { Results } from './results.js'

/** Milliseconds for which one contestant runs before it is the next one's turn. */
const sliceMs = 50

/**
 * The smallest time of one unit of work of each runner, in milliseconds. They take turns, a short slice each, so that
 * whatever slows the machine down meets all of them; `seconds` is the time for each, and everyone gets three slices,
 * but for those that need more than three times that for less.
 */
export async function interleave(runners: readonly Runner[], seconds: number): Promise<number[]> {
  const best = runners.map(({ constantMs = Number.POSITIVE_INFINITY }) => constantMs)
  const limit = seconds * 1000
  const spent = runners.map(({ constantMs }) => (constantMs === undefined ? 0 : Number.POSITIVE_INFINITY))
  const waits = (ms: number, round: number) => ms < limit || (round < 3 && ms < 3 * limit)
  for (let round = 0; spent.some((ms) => waits(ms, round)); round++)
    for (const [index, runner] of runners.entries()) {
      if (!waits(spent[index], round)) continue
      const start = performance.now()
      for (let before = start; before < start + sliceMs; ) {
        const own = await runner.run()
        const now = performance.now()
        const ms = typeof own === 'number' ? own : now - before
        best[index] = Math.min(best[index], ms / (runner.units ?? 1))
        before = now
      }
      spent[index] += performance.now() - start
    }
  return best
}

/** Why our results are not the peer's, within the tolerance of their dtypes (float32: 1e-4 + 1e-3 |b|); undefined if they are. */
export function difference(ours: Results, theirs: Results): string | undefined {
  for (const [name, expected] of Object.entries(theirs)) {
    const reason = valueMismatch(ours[name], expected)
    if (reason) return `'${name}': ${reason}`
  }
  return undefined
}
