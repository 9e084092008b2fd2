/** What went wrong, in a form that a program can branch on. */
export type ErrorCode =
  | 'INVALID_MODEL'
  | 'INVALID_ARGUMENT'
  | 'UNSUPPORTED_OP'
  | 'SHAPE_MISMATCH'
  | 'TYPE_MISMATCH'
  | 'NUMERIC_ERROR'
  | 'OUT_OF_MEMORY'
  | 'BACKEND_UNAVAILABLE'
  | 'DEVICE_LOST'
  | 'WORKER_LOST'
  | 'DATA_NOT_FOUND'
  | 'INVALID_DATA'
  | 'IO_ERROR'
  | 'DISPOSED'

/** How much of a long message is kept of each end, in characters: attributes of hostile files hold lists of any length. */
const longestEnd = 2000

const shortened = (message: string): string =>
  message.length > 2 * longestEnd ? `${message.slice(0, longestEnd)} … ${message.slice(-longestEnd)}` : message

/** The one error class that lanewise throws on purpose. The message names the node, op, input and shapes, and the cure. */
export class LanewiseError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(shortened(message), options)
    this.name = 'LanewiseError'
    this.code = code
  }
}
