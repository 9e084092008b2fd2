import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { LanewiseError } from '../core/errors.js'

/** Who holds a folder. */
interface Holder {
  readonly pid: number
  readonly host: string
  readonly since: string
}

/**
 * Takes `path` as a lock for this process, and gives what lets it go. A lock whose process has ended on this machine is
 * taken over. Throws INVALID_ARGUMENT while somebody else holds it.
 */
export async function lock(path: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() } satisfies Holder)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, mine)
  try {
    while (!(await claim(draft, path))) await clear(path)
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
async function clear(path: string): Promise<void> {
  const content = await contentOf(path)
  if (content === undefined) return
  const holder = parse(content)
  if (!holder || isAlive(holder)) refuse(path, holder)
  const aside = `${path}.${process.pid}.old`
  await rename(path, aside).catch(() => {})
  const moved = await contentOf(aside)
  // Somebody took the lock over in between: it is theirs.
  if (moved !== undefined && moved !== content) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

function refuse(path: string, holder: Holder | undefined): never {
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `another search uses this folder${holder ? ` (process ${holder.pid} on ${holder.host}, since ${holder.since})` : ''}; if none does, delete ${path}`,
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
