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

/** Longest message, in characters: attributes of hostile files hold lists of any length. */
const longestMessage = 4000

/** The one error class that lanewise throws on purpose. The message names the node, op, input and shapes, and the cure. */
export class LanewiseError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message, options)
    this.name = 'LanewiseError'
    this.code = code
  }
}
