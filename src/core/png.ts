import type { DecodedPng } from 'fast-png'
import { LanewiseError } from './errors.js'

export type DecodePng = (file: Uint8Array) => DecodedPng

let decode: DecodePng | undefined

/** The decoder of PNG files, which is loaded on first use. It throws for damaged files. */
export async function loadPngDecoder(): Promise<DecodePng> {
  decode ??= (await import('./decode-png.js')).decode
  return decode
}

/** The decoder for who cannot wait. Throws BACKEND_UNAVAILABLE unless `loadPngDecoder` was called before, as loading a model does. */
export function pngDecoder(): DecodePng {
  if (decode) return decode
  throw new LanewiseError(
    'BACKEND_UNAVAILABLE',
    'the decoder of PNG files is not loaded: load the model that holds ImageDecoder from its file',
  )
}
