import { packs } from './gen/packs.js'
import { addPack } from './pack.js'

type PackName = keyof typeof packs

const names = Object.keys(packs) as readonly PackName[]

/** Packs on their way, or there. */
const loads = new Map<PackName, Promise<void>>()

/** The pack that holds `op`; undefined for core ops, and for what lanewise does not know. */
export const packOf = (op: string): PackName | undefined =>
  names.find((name) => ` ${packs[name].ops} `.includes(` ${op} `))

/**
 * Loads the definitions and kernels of `ops` (all that there are, unless told) that come as chunks of their own. Models
 * from files do so by themselves: only who writes nodes with an Emitter needs it. Ops that lanewise does not know are
 * passed over.
 */
export async function loadOperators(ops?: Iterable<string>): Promise<void> {
  const wanted = ops ? new Set([...ops].flatMap((op) => packOf(op) ?? [])) : names
  await Promise.all(
    [...wanted].map((name) => {
      const known = loads.get(name)
      if (known) return known
      const load = packs[name].load().then(async (pack) => {
        addPack(pack)
        await loadOperators(pack.writes ?? [])
      })
      loads.set(name, load)
      load.catch(() => loads.delete(name))
      return load
    }),
  )
}
