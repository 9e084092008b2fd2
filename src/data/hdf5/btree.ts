import type { Cursor, Source } from './source.js'

/** Levels that no tree of a file reaches. */
const deepest = 32
const mostNodes = 100_000

/**
 * Calls `leaf` for each child of the leaves of a version 1 B-tree (section III.A.1), in order, with a cursor at its key.
 * `type` is 0 for groups, 1 for chunks; keys take `keySize` bytes.
 */
export function walkTree(
  source: Source,
  root: number,
  type: 0 | 1,
  keySize: number,
  leaf: (child: number, key: Cursor) => void,
): void {
  const seen = new Set<number>()
  const visit = (address: number, above: number) => {
    if (seen.has(address) || seen.size >= mostNodes) source.fail('damaged: an index goes round in a circle')
    seen.add(address)
    const node = source.cursor(address).expect('TREE', 'a node of an index')
    const kind = node.u8()
    const level = node.u8()
    if (kind !== type || level >= above)
      source.fail(`damaged at byte ${node.position}: not the index that was expected`)
    const entries = node.u16()
    node.skip(2 * source.offsetSize)
    for (let i = 0; i < entries; i++) {
      const key = node.part(keySize)
      const child = node.someAddress('a child of an index')
      if (level === 0) leaf(child, key)
      else visit(child, level)
    }
  }
  visit(root, deepest)
}
