import { LanewiseError } from './errors.js'

/** How far the transfer of a file is. */
export interface Progress {
  /** The file's address, where it has one. */
  readonly address: string | undefined
  /** Bytes so far. */
  readonly loaded: number
  /** Bytes in all; undefined where the server does not say, or sends the file compressed. */
  readonly total: number | undefined
}

/** How files come. */
export interface ReadOptions {
  /** Called as bytes come in, and at the end of each file. */
  readonly onProgress?: (progress: Progress) => void
  /** Breaks the transfer off: what waits for it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Keeps what comes from http(s) addresses, by address, and takes it from there the next time: in Cache Storage, or in the
   * user's cache folder in Node. A name in place of `true` chooses a cache of that name. What is kept is not asked of the
   * server again, so give `integrity`, or addresses that change with the content.
   */
  readonly cache?: boolean | string
  /**
   * Hashes of the content, as in the attribute of HTML: `sha256-…` in base64 (or sha384, sha512), several apart by spaces, of
   * which one of the strongest kind must be right. Content that is not so is neither used nor kept. For a model of several
   * files (ONNX with external data, a TensorFlow.js folder) the hashes of all of them by name: the model's own file by the
   * last part of its address (`model` where it has none), the others as the model names them.
   */
  readonly integrity?: string | Readonly<Record<string, string>>
}

export const brokenOff = (address: string | undefined, cause: unknown): LanewiseError =>
  new LanewiseError('IO_ERROR', `the transfer of ${address ?? 'a stream'} broke off: ${reasonOf(cause as Error)}`, {
    cause,
  })

/** What Node's fetch says lies in the cause of its error. */
export const reasonOf = ({ message, cause }: { message: string; cause?: unknown }): string =>
  cause instanceof Error ? `${message}: ${cause.message}` : message
