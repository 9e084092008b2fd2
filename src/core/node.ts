import { LanewiseError } from './errors.js'

/** What only Node has, loaded on first use; undefined in other hosts. The build for browsers leaves it out. */
export const node =
  typeof process !== 'undefined' && process.versions?.node !== undefined
    ? {
        envPaths: () => import('env-paths'),
        fs: () => import('node:fs/promises'),
        jpeg: () => import('jpeg-js'),
        os: () => import('node:os'),
        path: () => import('node:path'),
        threads: () => import('node:worker_threads'),
        url: () => import('node:url'),
        v8: () => import('node:v8'),
      }
    : undefined

/** Node's modules, for what cannot do without. Throws BACKEND_UNAVAILABLE elsewhere, naming `what`. */
export function requireNode(what: string): NonNullable<typeof node> {
  if (node) return node
  throw new LanewiseError('BACKEND_UNAVAILABLE', `${what} needs a file system, which this host does not have`)
}
