/** One comparison: lanewise and one peer at one workload. */
export interface Row {
  readonly group: string
  readonly name: string
  /** The version of Node. */
  readonly node: string
  readonly threads: number
  /** Which build of lanewise ran. */
  readonly variant: string
  readonly peer: string
  readonly peerVersion: string
  /** Milliseconds of lanewise and of the peer, the smallest of many in turns; absent where `error` says why. */
  readonly ms?: number
  readonly peerMs?: number
  /** The peer's time divided by ours. */
  readonly ratio?: number
  /** The ratio to reach. */
  readonly target?: number
  /** The peer's time is a constant from elsewhere. */
  readonly constant?: boolean
  readonly error?: string
  /** The comparison should have worked. */
  readonly failed?: boolean
}

/** Milliseconds with their unit. */
export const formatMs = (ms: number): string =>
  ms < 1 ? `${(ms * 1000).toPrecision(3)} µs` : `${ms < 1000 ? ms.toPrecision(3) : ms.toFixed(0)} ms`

const shorten = (text: string): string => (text.length > 46 ? `${text.slice(0, 45)}…` : text)

/** The cells of a row of the table. */
export function cells(row: Row): string[] {
  const { ms, peerMs, ratio, target, error } = row
  const label = [row.node.split('.')[0], `${row.threads}`, shorten(`${row.group}/${row.name}`)]
  if (ms === undefined || peerMs === undefined || ratio === undefined)
    return [...label, '', row.peer, '', '', error ?? 'not timed']
  const verdict = target === undefined ? '' : `${target} ${ratio >= target ? 'reached' : 'not reached'}`
  return [...label, formatMs(ms), row.peer, formatMs(peerMs), ratio.toFixed(2), verdict]
}

export const columns = ['Node', 'threads', 'work', 'lanewise', 'peer', 'peer’s time', 'ratio', 'target'] as const

const widths = [4, 7, 46, 9, 17, 11, 6, 0]
const numeric = new Set([0, 1, 3, 5, 6])

/** Cells as a line of a table of fixed widths. */
export const line = (texts: readonly string[]): string =>
  texts
    .map((text, index) => (numeric.has(index) ? text.padStart(widths[index]) : text.padEnd(widths[index])))
    .join('  ')
    .trimEnd()
