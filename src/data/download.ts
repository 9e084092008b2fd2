import { LanewiseError } from '../core/errors.js'
import { readSource } from '../core/source.js'

/** Bytes received so far, and in all (undefined if the server does not say). */
export type Progress = (received: number, total: number | undefined) => void

/**
 * The content of `url`, which is held against `integrity` (see ReadOptions), if given. Throws what readSource throws, and
 * IO_ERROR when nothing comes for `stallSeconds`.
 */
export async function download(
  url: string,
  integrity: string | undefined,
  onProgress: Progress = () => {},
  stallSeconds = 20,
): Promise<Uint8Array> {
  const abort = new AbortController()
  const stalled = () =>
    abort.abort(new LanewiseError('IO_ERROR', `download of ${url} failed: no data for ${stallSeconds} s; try again`))
  let timer = setTimeout(stalled, stallSeconds * 1000)
  try {
    return await readSource(url, {
      integrity,
      signal: abort.signal,
      onProgress({ loaded, total }) {
        clearTimeout(timer)
        timer = setTimeout(stalled, stallSeconds * 1000)
        onProgress(loaded, total)
      },
    })
  } finally {
    clearTimeout(timer)
  }
}
