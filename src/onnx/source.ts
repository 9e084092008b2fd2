import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'

/** The bytes of a model given as a path, a URL or bytes. Throws DATA_NOT_FOUND or IO_ERROR. */
export async function readModel(source: string | URL | Uint8Array | ArrayBufferLike): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (typeof source !== 'string' && !(source instanceof URL)) return new Uint8Array(source)
  const address = String(source)
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined
  if (inNode && !/^(https?|data|blob):/.test(address)) {
    const { fileURLToPath } = await import('node:url')
    return readFile(address.startsWith('file:') ? fileURLToPath(address) : address)
  }
  let response: Response
  try {
    response = await fetch(address)
  } catch (cause) {
    throw new LanewiseError('IO_ERROR', `cannot fetch ${address}: ${(cause as Error).message}`, { cause })
  }
  if (!response.ok)
    throw new LanewiseError('DATA_NOT_FOUND', `cannot fetch ${address}: the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
