/** What ends a command, with its exit status. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Has the first signal that would end this process call `stop`, and sets the exit status for it; a second one ends the
 * process at once. Gives what ends the watch.
 */
export function onStop(stop: (signal: NodeJS.Signals) => void): () => void {
  const names = Object.keys(signals) as (keyof typeof signals)[]
  const end = () => {
    for (const name of names) process.off(name, listener)
  }
  const listener = (signal: NodeJS.Signals) => {
    end()
    process.exitCode = signals[signal as keyof typeof signals]
    stop(signal)
  }
  for (const name of names) process.on(name, listener)
  return end
}
