import { nodeByNode } from './pass.js'

/** Drops nodes, constants and variables that no output and no update needs. */
export const eliminateDead = nodeByNode('eliminate dead', () => false)
