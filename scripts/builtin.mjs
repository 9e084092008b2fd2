// Put by the bundler where a bundled CommonJS package requires one of Node's modules.
import { createRequire } from 'node:module'

export const requireBuiltin = createRequire(import.meta.url ?? __filename)
