import { LanewiseError } from './errors.js'
import { requireNode } from './node.js'

/** The content of a file; undefined if there is none. Throws INVALID_ARGUMENT for a folder, IO_ERROR when it cannot be read. */
export async function readFileIfPresent(path: string): Promise<Uint8Array | undefined> {
  const modules = requireNode(`reading ${path}`)
  try {
    const { buffer, byteOffset, byteLength } = await modules.readFile(path)
    return new Uint8Array(buffer, byteOffset, byteLength)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'EISDIR') {
      const { folderError } = await import('./file-kinds.js')
      throw folderError(path, await (await modules.fs()).readdir(path))
    }
    throw new LanewiseError('IO_ERROR', `cannot read ${path}: ${message}`, { cause })
  }
}

/** The content of a file. Throws DATA_NOT_FOUND when there is none, INVALID_ARGUMENT for a folder, IO_ERROR when it cannot be read. */
export async function readFile(path: string): Promise<Uint8Array> {
  const bytes = await readFileIfPresent(path)
  if (!bytes) throw new LanewiseError('DATA_NOT_FOUND', `there is no file ${path}`)
  return bytes
}
