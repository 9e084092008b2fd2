import { withoutDead } from '../graph/rewrite.js'
import type { Pass } from './pass.js'

/** Drops nodes, constants and variables that no output and no update needs. */
export const eliminateDead: Pass = { name: 'eliminate dead', run: withoutDead }
