import { LanewiseError } from './errors.js'
import { requireNode } from './node.js'

/**
 * Makes a folder and those around it, where they are not there; true if it was not. `mkdir` of Node, told to do so, never ends in
 * folders of the system that exist and can hold none, such as /proc. Throws what the file system says.
 */
export async function makeFolder(path: string): Promise<boolean> {
  const modules = requireNode(`making the folder ${path}`)
  const [fs, { dirname }] = await Promise.all([modules.fs(), modules.path()])
  const isFolder = () =>
    fs.stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
  if (await isFolder()) return false
  if (dirname(path) !== path) await makeFolder(dirname(path))
  await fs.mkdir(path).catch(async (error) => {
    // Another process may have made it.
    if (!(await isFolder())) throw error
  })
  return true
}

/** Where this process writes the file `path` before it is renamed. */
export const temporaryOf = (path: string): string => `${path}.${globalThis.process?.pid}.tmp`

/**
 * Writes a file whole or not at all: to a temporary name beside it, then renamed. `previous` is a path that the file which
 * was there is moved to; at any instant one of the two is there. Throws IO_ERROR; nothing is left behind.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string, previous?: string): Promise<void> {
  const modules = requireNode(`writing ${path}`)
  const [fs, { dirname }] = await Promise.all([modules.fs(), modules.path()])
  const temporary = temporaryOf(path)
  try {
    await makeFolder(dirname(path))
    const file = await fs.open(temporary, 'w')
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    if (previous !== undefined)
      await fs.rename(path, previous).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
    await fs.rename(temporary, path)
  } catch (cause) {
    await fs.rm(temporary, { force: true }).catch(() => {})
    const { code, message } = cause as NodeJS.ErrnoException
    const cure =
      code === 'ENOSPC'
        ? ' (the disk is full: free some space)'
        : code === 'EACCES' || code === 'EROFS'
          ? ' (no permission to write there)'
          : ''
    throw new LanewiseError('IO_ERROR', `cannot write ${path}: ${message}${cure}; nothing was written`, { cause })
  }
}

/** Adds to the end of a file, which is made if there is none. Throws IO_ERROR. */
export async function appendFile(path: string, data: Uint8Array | string): Promise<void> {
  const modules = requireNode(`writing ${path}`)
  const [fs, { dirname }] = await Promise.all([modules.fs(), modules.path()])
  try {
    await makeFolder(dirname(path))
    await fs.appendFile(path, data)
  } catch (cause) {
    throw new LanewiseError('IO_ERROR', `cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** Removes a file, if it is there. Throws IO_ERROR. */
export async function removeFile(path: string): Promise<void> {
  const fs = await requireNode(`removing ${path}`).fs()
  await fs.rm(path, { force: true }).catch((cause: Error) => {
    throw new LanewiseError('IO_ERROR', `cannot remove ${path}: ${cause.message}`, { cause })
  })
}
