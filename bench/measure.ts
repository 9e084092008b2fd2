import type { Results, Runner } from './peers/peer.js'

/** Milliseconds for which one contestant runs before it is the next one's turn. */
const sliceMs = 50

/**
 * The smallest time of one unit of work of each runner, in milliseconds. They take turns, a short slice each, so that
 * whatever slows the machine down meets all of them; `seconds` is the time for each, and everyone gets three slices.
 */
export async function interleave(runners: readonly Runner[], seconds: number): Promise<number[]> {
  const best = runners.map(() => Number.POSITIVE_INFINITY)
  for (const runner of runners) await runner.run()
  const spent = runners.map(() => 0)
  for (let round = 0; round < 3 || spent.some((ms) => ms < seconds * 1000); round++)
    for (const [index, runner] of runners.entries()) {
      if (round >= 3 && spent[index] >= seconds * 1000) continue
      const start = performance.now()
      for (let before = start; before < start + sliceMs; ) {
        await runner.run()
        const now = performance.now()
        best[index] = Math.min(best[index], (now - before) / (runner.units ?? 1))
        before = now
      }
      spent[index] += performance.now() - start
    }
  return best
}

/** Results agree where |a - b| <= absolute + relative |b|, b being the peer's. */
export const tolerance = { absolute: 1e-4, relative: 1e-3 } as const

/** The largest difference in units of the tolerance, so that more than 1 is a failure. Throws for other names or sizes. */
export function difference(ours: Results, theirs: Results): number {
  let worst = 0
  for (const [name, expected] of Object.entries(theirs)) {
    const actual = ours[name]
    if (actual?.length !== expected.length)
      throw new Error(`'${name}' has ${actual?.length ?? 'no'} elements, the peer's ${expected.length}`)
    for (let i = 0; i < expected.length; i++) {
      if (actual[i] === expected[i]) continue
      const [a, b] = [Number(actual[i]), Number(expected[i])]
      if (Number.isNaN(a) && Number.isNaN(b) && typeof expected[i] === 'number') continue
      const error = Math.abs(a - b) / (tolerance.absolute + tolerance.relative * Math.abs(b))
      worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error)
    }
  }
  return worst
}
