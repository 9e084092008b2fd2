/** What ran one after the other in one process. */
export interface TracedProcess {
  readonly title: string
  readonly slices: readonly { readonly name: string; readonly ms: number; readonly args: object }[]
}

/** Chrome's trace events (chrome://tracing, Perfetto), times in microseconds: a process for each entry, its slices one after the other. */
export function traceOf(processes: readonly TracedProcess[]): string {
  const traceEvents = processes.flatMap(({ title, slices }, pid) => {
    const place = { pid, tid: 0 }
    let ts = 0
    const events = slices.map(({ name, ms, args }) => {
      const event = { name, cat: 'kernel', ph: 'X', ...place, ts, dur: 1000 * ms, args }
      ts += event.dur
      return event
    })
    return [{ name: 'process_name', ph: 'M', ...place, args: { name: title } }, ...events]
  })
  return JSON.stringify({ traceEvents })
}
