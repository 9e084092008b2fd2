import { link, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { LanewiseError } from '../core/errors.js'
import { makeFolder } from '../core/write-files.js'

/** Who holds a folder. */
interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
}

/**
 * Takes `folder`, which is made if there is none, for this process, and gives what lets it go (and removes a folder that
 * was made and is empty). A lock whose process has ended on this machine is taken over. `work` is what the folder is
 * for. Throws INVALID_ARGUMENT while somebody else holds it, IO_ERROR where it cannot be written.
 */
export async function lockFolder(folder: string, work: string): Promise<() => Promise<void>> {
  try {
    const made = await makeFolder(folder)
    const unlock = await lock(join(folder, 'lock'), work)
    return async () => {
      await unlock()
      if (made) await rmdir(folder).catch(() => {})
    }
  } catch (cause) {
    if (cause instanceof LanewiseError) throw cause
    throw new LanewiseError('IO_ERROR', `${folder} cannot be written: ${(cause as Error).message}`, { cause })
  }
}

/** Waits until no living process of this machine holds `folder`, at most so many milliseconds. */
export async function untilFree(folder: string, patience: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + patience
  for (;;) {
    const holder = parse((await contentOf(join(folder, 'lock'))) ?? '')
    if (!holder || !isAlive(holder) || Date.now() > end || signal.aborted) return
    await setTimeout(100)
  }
}

async function lock(path: string, work: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() } satisfies Holder)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, mine)
  try {
    while (!(await claim(draft, path))) await clear(path, work)
  } finally {
    await rm(draft, { force: true })
  }
  return async () => {
    if ((await contentOf(path)) === mine) await rm(path, { force: true })
  }
}

/** A lock comes with its content, in one step: a link to a file that is there, refused if there is one. */
async function claim(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Moves a lock out of the way if its holder is gone. */
async function clear(path: string, work: string): Promise<void> {
  const content = await contentOf(path)
  if (content === undefined) return
  const holder = parse(content)
  if (!holder || isAlive(holder)) refuse(path, work, holder)
  const aside = `${path}.${process.pid}.old`
  await rename(path, aside).catch(() => {})
  const moved = await contentOf(aside)
  // Somebody took the lock over in between: it is theirs.
  if (moved !== undefined && moved !== content) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

function refuse(path: string, work: string, holder: Holder | undefined): never {
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `another ${work} uses this folder${holder ? ` (process ${holder.pid} on ${holder.host}, since ${holder.since})` : ''}; if none does, delete ${path}`,
  )
}

function parse(content: string): Holder | undefined {
  try {
    const { pid, host, since } = JSON.parse(content) as Holder
    return Number.isInteger(pid) ? { pid, host, since } : undefined
  } catch {
    return undefined
  }
}

/** Whether the holder runs, as far as can be told: processes of other machines cannot be asked for. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const contentOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
