import { LanewiseError } from '../core/errors.js'

/** Whether `bytes` start as a gzip file does. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** `bytes`, unpacked if they are gzip. Throws INVALID_DATA, naming `name`, when the stream is broken or cut short. */
export async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes
  try {
    const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (cause) {
    throw new LanewiseError(
      'INVALID_DATA',
      `${name}: broken or truncated gzip data (${bytes.length} bytes). Fetch the file again`,
      { cause },
    )
  }
}
