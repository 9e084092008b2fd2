import { Expander } from '../graph/expand.js'
import { control } from '../ops/control.js'
import { sequences } from '../ops/sequence.js'
import type { Pack } from './pack.js'

/** Control flow, sequences, optionals. No backend has kernels for them: graphs are rewritten without, or `src/program` runs them. */
export const pack: Pack = { operators: { ...control, ...sequences }, kernels: {}, resolver: Expander }
