import { loadAwaited, loadKernels } from '../backend/reference/loaded.js'
import type { NotLoaded } from '../core/later.js'
import { isLoaded, type OperatorNotLoaded } from '../ops/index.js'
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
  await loadPacks(ops ?? names.flatMap((name) => packs[name].ops.split(' ')))
  await (ops ? loadAwaited() : loadKernels())
}

/** `loadOperators` but for reference kernels that wasm seldom needs: who asks for one throws NotLoaded. */
export async function loadPacks(ops: Iterable<string>): Promise<void> {
  const wanted = new Set([...ops].flatMap((op) => packOf(op) ?? []))
  await Promise.all(
    [...wanted].map((name) => {
      const known = loads.get(name)
      if (known) return known
      const load = packs[name].load().then(async (pack) => {
        addPack(pack)
        await loadPacks(pack.writes ?? [])
      })
      loads.set(name, load)
      load.catch(() => loads.delete(name))
      return load
    }),
  )
}

/** Brings what `error`, or what caused it, misses; undefined where that is nothing that could come. */
function bringing(error: unknown): (() => Promise<unknown>) | undefined {
  if (!(error instanceof Error)) return undefined
  const { load, op, cause } = error as Partial<NotLoaded & OperatorNotLoaded>
  if (op) return packOf(op) && !isLoaded(op) ? () => loadPacks([op]) : undefined
  return load ?? bringing(cause)
}

/**
 * What `work` gives, which writes or compiles graphs and changes nothing else: where it asks for an op that is in a pack, or for
 * another module that comes by need, that is loaded, and the work begins anew.
 */
export async function withOperators<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const bring = bringing(error)
    if (!bring) throw error
    await bring()
    return withOperators(work)
  }
}
