import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Graph } from '../core/ir.js'
import { importModel } from './import.js'

/** A model given as a path, a URL or bytes. */
export type ModelSource = string | URL | Uint8Array | ArrayBufferLike

/** The graph of a model; errors of the import name its path or URL. Throws DATA_NOT_FOUND, IO_ERROR, INVALID_MODEL, UNSUPPORTED_OP. */
export async function loadGraph(source: ModelSource): Promise<Graph> {
  const bytes = await readModel(source)
  try {
    return importModel(bytes)
  } catch (error) {
    const isNamed = (typeof source === 'string' && !source.startsWith('data:')) || source instanceof URL
    if (!isNamed || !(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `${source}: ${error.message}`, { cause: error })
  }
}

async function readModel(source: ModelSource): Promise<Uint8Array> {
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
