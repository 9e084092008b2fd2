import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'

/** The name that stands for standard input, and for standard output. */
export const standard = '-'

let content: Promise<Uint8Array> | undefined

/** All of standard input, read once. Throws DATA_NOT_FOUND where there is none. */
function standardInput(): Promise<Uint8Array> {
  content ??= (async () => {
    const chunks: Buffer[] = []
    if (!process.stdin.isTTY) for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    if (bytes.length > 0) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    throw new LanewiseError('DATA_NOT_FOUND', '- stands for standard input, which is empty: pipe a file into it')
  })()
  return content
}

/** What to read: standard input's bytes for `-`, any other path as it is. */
export const sourceOf = async (path: string): Promise<string | Uint8Array> =>
  path === standard ? standardInput() : path

/** The bytes of a file or of standard input. Throws DATA_NOT_FOUND, IO_ERROR. */
export const bytesOf = (path: string): Promise<Uint8Array> => (path === standard ? standardInput() : readFile(path))
