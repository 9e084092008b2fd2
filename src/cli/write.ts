import { rmSync } from 'node:fs'
import { temporaryOf, writeFileAtomic } from '../core/write-files.js'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** As writeFileAtomic; a signal that ends the process in the midst of it leaves nothing behind either. */
export async function writeFile(path: string, content: Uint8Array | string): Promise<void> {
  const clean = (signal: NodeJS.Signals) => {
    // Where another listener is, the signal does not end the process.
    if (process.listenerCount(signal) > 1) return
    rmSync(temporaryOf(path), { force: true })
    for (const name of signals) process.off(name, clean)
    process.kill(process.pid, signal)
  }
  for (const name of signals) process.on(name, clean)
  try {
    await writeFileAtomic(path, content)
  } finally {
    for (const name of signals) process.off(name, clean)
  }
}
