import { LanewiseError } from '../../core/errors.js'

/** The members of a .keras file. */
export const members = { metadata: 'metadata.json', config: 'config.json', weights: 'model.weights.h5' } as const

/** Reads JSON. Throws INVALID_DATA, naming `place`. */
export function parseJson(bytes: Uint8Array | string, place: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw new LanewiseError('INVALID_DATA', `${place} is not JSON: ${(cause as Error).message}`, { cause })
  }
  throw new LanewiseError('INVALID_DATA', `${place} is not a JSON object`)
}
