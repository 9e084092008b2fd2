import type { Lowering } from './lowering.js'
import { unaryLowerings } from './unary.js'

/** How ops become kernel calls, by op name; an op that is missing runs in the reference backend. */
export const lowerings: Readonly<Record<string, Lowering>> = { ...unaryLowerings }
