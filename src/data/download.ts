import { concatBytes } from '../core/bytes.js'
import { LanewiseError } from '../core/errors.js'

/** Bytes received so far, and in all (undefined if the server does not say). */
export type Progress = (received: number, total: number | undefined) => void

/** Fetches `url` and checks its SHA-256 (hex), if given. Throws IO_ERROR on a failed or stalled transfer, INVALID_DATA on a wrong checksum. */
export async function download(
  url: string,
  sha256: string | undefined,
  onProgress: Progress = () => {},
  stallSeconds = 20,
): Promise<Uint8Array> {
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(), stallSeconds * 1000)
  const chunks: Uint8Array[] = []
  let received = 0
  try {
    const response = await fetch(url, { signal: abort.signal })
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
    const total = Number(response.headers.get('content-length')) || undefined
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read()
      if (done) break
      clearTimeout(timer)
      timer = setTimeout(() => abort.abort(), stallSeconds * 1000)
      chunks.push(value)
      received += value.length
      onProgress(received, total)
    }
  } catch (cause) {
    const reason = abort.signal.aborted ? `no data for ${stallSeconds} s` : describe(cause as Error)
    throw new LanewiseError('IO_ERROR', `download of ${url} failed: ${reason}`, { cause })
  } finally {
    clearTimeout(timer)
  }
  const bytes = concatBytes(chunks)
  if (sha256 === undefined) return bytes
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (actual !== sha256)
    throw new LanewiseError('INVALID_DATA', `${url}: checksum ${actual}, expected ${sha256}; the file was not kept`)
  return bytes
}

const describe = (error: Error): string => (error.cause instanceof Error ? error.cause.message : error.message)
