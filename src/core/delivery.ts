import { concatBytes } from './bytes.js'
import { LanewiseError } from './errors.js'
import { readFileIfPresent } from './files.js'
import { node } from './node.js'
import { brokenOff, type ReadOptions } from './transfer.js'
import { writeFileAtomic } from './write-files.js'

type OnProgress = NonNullable<ReadOptions['onProgress']>

/** What `open` gives, with all that ReadOptions ask for; see readSource. `address` is undefined for what has none, `part` for a model's own file. */
export async function deliver(
  address: string | undefined,
  open: () => Promise<Uint8Array | Response>,
  { onProgress = () => {}, signal, cache, integrity }: ReadOptions,
  part?: string,
): Promise<Uint8Array> {
  const expected = integrity === undefined ? undefined : parseIntegrity(hashesOf(integrity, address, part))
  const store =
    cache && address !== undefined && /^https?:/.test(absolute(address)) ? await openStore(cache) : undefined
  const key = address === undefined ? '' : absolute(address)
  const kept = await store?.read(key)
  if (kept && (!expected || (await mismatch(kept, expected)) === undefined)) {
    signal?.throwIfAborted()
    onProgress({ address, loaded: kept.length, total: kept.length })
    return kept
  }
  const opened = await open()
  const bytes = opened instanceof Uint8Array ? opened : await receive(opened, address, signal, onProgress)
  onProgress({ address, loaded: bytes.length, total: bytes.length })
  const wrong = expected && (await mismatch(bytes, expected))
  if (wrong) throw new LanewiseError('INVALID_DATA', `${address ?? 'the given file'}: ${wrong}; it was not used`)
  await store
    ?.write(key, bytes)
    .catch((error: Error) => console.warn(`lanewise: ${key} was not kept: ${error.message}`))
  return bytes
}

const absolute = (address: string): string =>
  globalThis.location && !node ? new URL(address, globalThis.location.href).href : address

/** The body of a response, counted as it comes. */
async function receive(
  { body, headers }: Response,
  address: string | undefined,
  signal: AbortSignal | undefined,
  onProgress: OnProgress,
): Promise<Uint8Array> {
  const total = headers.has('content-encoding') ? undefined : Number(headers.get('content-length')) || undefined
  const chunks: Uint8Array[] = []
  let loaded = 0
  const reader = body?.getReader()
  const cancel = () => void reader?.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', cancel)
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      signal?.throwIfAborted()
      if (done || !value) break
      if (!ArrayBuffer.isView(value)) throw new TypeError('the stream gives something other than bytes')
      chunks.push(value)
      loaded += value.length
      onProgress({ address, loaded, total })
    }
  } catch (cause) {
    cancel()
    throw brokenOff(address, cause)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
  return concatBytes(chunks)
}

/** The hashes of one file. Throws INVALID_ARGUMENT where they are not given, as nothing may go unchecked. */
function hashesOf(
  integrity: NonNullable<ReadOptions['integrity']>,
  address: string | undefined,
  part: string | undefined,
): string {
  const own =
    address === undefined || address.startsWith('data:')
      ? 'model'
      : address
          .replace(/[?#].*/, '')
          .split(/[/\\]/)
          .at(-1)!
  const name = part ?? own
  if (typeof integrity === 'string') {
    if (part === undefined) return integrity
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `integrity is the hash of one file, but the model has '${name}', too: give the hashes of all by name, { '${name}': 'sha256-…', … }`,
    )
  }
  if (Object.hasOwn(integrity, name)) return integrity[name]
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `integrity has no hash for '${name}', only for ${Object.keys(integrity).join(', ') || 'nothing'}`,
  )
}

/** An algorithm, and the hashes by it that are right, in base64. */
interface Expected {
  readonly algorithm: string
  readonly hashes: readonly string[]
}

/** The strongest hashes of a list in the form of W3C's Subresource Integrity. Throws INVALID_ARGUMENT. */
function parseIntegrity(integrity: string): Expected {
  const lengths: Readonly<Record<string, number>> = { '256': 32, '384': 48, '512': 64 }
  const parsed = integrity
    .trim()
    .split(/\s+/)
    .map((part) => {
      const [, bits, hash] = /^sha(256|384|512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/.exec(part) ?? []
      const base64 = hash?.replace(/-/g, '+').replace(/_/g, '/')
      if (base64 === undefined || Math.floor((base64.replace(/=/g, '').length * 3) / 4) !== lengths[bits])
        throw new LanewiseError(
          'INVALID_ARGUMENT',
          `integrity '${part}' is not of the form sha256-… with the hash in base64 (openssl dgst -sha256 -binary FILE | base64)`,
        )
      return { bits, hash: base64.padEnd(Math.ceil(base64.length / 4) * 4, '=') }
    })
  const strongest = parsed.reduce((most, { bits }) => (bits > most ? bits : most), '256')
  return {
    algorithm: `SHA-${strongest}`,
    hashes: parsed.filter(({ bits }) => bits === strongest).map(({ hash }) => hash),
  }
}

/** What is wrong with the hash of `bytes`; undefined if nothing is. Throws BACKEND_UNAVAILABLE where the host hashes nothing. */
async function mismatch(bytes: Uint8Array, { algorithm, hashes }: Expected): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle)
    throw new LanewiseError(
      'BACKEND_UNAVAILABLE',
      'integrity needs crypto.subtle: serve the page by https or localhost',
    )
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, own as BufferSource))
  const actual = btoa(String.fromCharCode(...digest))
  const name = algorithm.toLowerCase().replace('-', '')
  return hashes.includes(actual)
    ? undefined
    : `its hash is ${name}-${actual}, not ${hashes.map((hash) => `${name}-${hash}`).join(' or ')}`
}

/** Files by address, kept from one run to the next. */
interface Store {
  read(address: string): Promise<Uint8Array | undefined>
  write(address: string, content: Uint8Array): Promise<void>
}

const defaultName = 'lanewise'

/** Undefined, with a note, where the host keeps nothing. */
async function openStore(cache: true | string): Promise<Store | undefined> {
  const name = cache === true ? defaultName : cache
  try {
    return node ? await folderStore(name) : await webStore(name)
  } catch (error) {
    console.warn(`lanewise: nothing is kept in the cache '${name}': ${(error as Error).message}`)
    return undefined
  }
}

async function webStore(name: string): Promise<Store> {
  if (typeof caches === 'undefined') throw new Error('no Cache Storage here: serve the page by https or localhost')
  const store = await caches.open(name)
  return {
    async read(address) {
      const response = await store.match(address)
      return response && new Uint8Array(await response.arrayBuffer())
    },
    write: (address, content) =>
      store.put(
        address,
        new Response(content as BodyInit, {
          headers: { 'content-type': 'application/octet-stream', 'content-length': `${content.length}` },
        }),
      ),
  }
}

/** A file an address, named by its hash, in a folder of the user's cache. */
async function folderStore(name: string): Promise<Store> {
  if (!/^[\w-][\w.-]*$/.test(name))
    throw new Error('its name takes letters, digits, dots, dashes and underscores, as it names a folder')
  const [{ join }, { default: envPaths }] = await Promise.all([node!.path(), node!.envPaths()])
  const folder = join(envPaths('lanewise', { suffix: '' }).cache, 'models', name)
  const pathOf = async (address: string): Promise<string> => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(address)))
    return join(folder, Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''))
  }
  return {
    read: async (address) => readFileIfPresent(await pathOf(address)),
    write: async (address, content) => writeFileAtomic(await pathOf(address), content),
  }
}
