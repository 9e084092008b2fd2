import { LanewiseError } from './errors.js'

/** Bytes of a file that takes less than a millisecond to read. */
const SMALL = 2 ** 20

/**
 * What only Node has, loaded on first use; undefined in other hosts. The build for browsers leaves it out. Node's own
 * modules come without a module namespace where the host can (Node 20.16 on): to make one loads what the module knows.
 */
export const node =
  typeof process !== 'undefined' && process.versions?.node !== undefined
    ? {
        envPaths: () => import('./env-paths.js'),
        fs: async () => process.getBuiltinModule?.('node:fs/promises') ?? import('node:fs/promises'),
        jpeg: () => import('./decode-jpeg.js'),
        /**
         * The address of the package's file `name`: `beside` the bundle, which in CommonJS knows its path alone. Where a bundler left the file
         * behind it is taken from the package that is installed for the bundle, if that has this `version`.
         */
        locate: async (name: string, version: string, beside?: URL): Promise<URL> => {
          if (beside && beside.protocol !== 'file:') return beside
          const { existsSync } = process.getBuiltinModule?.('node:fs') ?? (await import('node:fs'))
          if (beside && existsSync(beside)) return beside
          const { pathToFileURL } = process.getBuiltinModule?.('node:url') ?? (await import('node:url'))
          const wanted = beside ?? new URL(name, pathToFileURL(__filename))
          if (existsSync(wanted)) return wanted
          const { createRequire } = process.getBuiltinModule?.('node:module') ?? (await import('node:module'))
          const load = createRequire(wanted)
          try {
            const manifest = load.resolve('lanewise/package.json')
            return load(manifest).version === version ? new URL(`dist/${name}`, pathToFileURL(manifest)) : wanted
          } catch {
            return wanted
          }
        },
        os: async () => process.getBuiltinModule?.('node:os') ?? import('node:os'),
        path: async () => process.getBuiltinModule?.('node:path') ?? import('node:path'),
        /**
         * The content of a file. A small one is read at once: Node takes longer to start the threads that read a first file. A large one
         * by a callback: newer versions of Node load a dozen modules for promises.
         */
        readFile: async (path: string | URL): Promise<Uint8Array<ArrayBuffer>> => {
          const { readFile, readFileSync, statSync } =
            process.getBuiltinModule?.('node:fs') ?? (await import('node:fs'))
          const stats = statSync(path, { throwIfNoEntry: false })
          if (stats?.isFile() && stats.size <= SMALL) return readFileSync(path)
          return new Promise((resolve, reject) => {
            readFile(path, (error, data) => (error ? reject(error) : resolve(data as Uint8Array<ArrayBuffer>)))
          })
        },
        threads: async () => process.getBuiltinModule?.('node:worker_threads') ?? import('node:worker_threads'),
        url: async () => process.getBuiltinModule?.('node:url') ?? import('node:url'),
        v8: async () => process.getBuiltinModule?.('node:v8') ?? import('node:v8'),
      }
    : undefined

/** Node's modules, for what cannot do without. Throws BACKEND_UNAVAILABLE elsewhere, naming `what`. */
export function requireNode(what: string): NonNullable<typeof node> {
  if (node) return node
  throw new LanewiseError('BACKEND_UNAVAILABLE', `${what} needs a file system, which this host does not have`)
}
