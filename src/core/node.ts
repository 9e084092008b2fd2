import { LanewiseError } from './errors.js'

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
        os: async () => process.getBuiltinModule?.('node:os') ?? import('node:os'),
        path: async () => process.getBuiltinModule?.('node:path') ?? import('node:path'),
        /** The content of a file. By a callback: newer versions of Node load a dozen modules for promises, which a start would wait for. */
        readFile: async (path: string | URL): Promise<Uint8Array<ArrayBuffer>> => {
          const { readFile } = process.getBuiltinModule?.('node:fs') ?? (await import('node:fs'))
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
