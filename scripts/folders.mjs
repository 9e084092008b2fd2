import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(fileURLToPath(import.meta.url), '../..')
/** Where the four builds of the kernels lie. */
export const wasmFolder = join(root, 'build/wasm')
