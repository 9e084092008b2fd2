import { LanewiseError } from './errors.js'
import { readFile } from './files.js'
import { node, requireNode } from './node.js'
import { brokenOff, type ReadOptions, reasonOf } from './transfer.js'

export type { Progress, ReadOptions } from './transfer.js'

/** A file's content, or where it is: a path or file URL (in Node), a URL, bytes, a File or Blob, a stream, or what fetch gave. */
export type Source = string | URL | ArrayBufferLike | ArrayBufferView | Blob | ReadableStream<Uint8Array> | Response

type Opened = Uint8Array | Response

const bytesOf = (source: ArrayBufferLike) => new Uint8Array(source)
const streamed = (source: Blob | ReadableStream<Uint8Array>) => new Response(source as BodyInit)

/** What opens a source, by the name of its class. */
const openers: Readonly<Record<string, (source: never) => Opened>> = {
  ArrayBuffer: bytesOf,
  SharedArrayBuffer: bytesOf,
  Blob: streamed,
  File: streamed,
  ReadableStream: streamed,
  Response: (source: Response) => accepted(source, source.url || 'the given response'),
}

const openerOf = (source: unknown) => openers[Object.prototype.toString.call(source).slice(8, -1)]

/** The path or URL that a source is given by. */
export const addressOf = (source: unknown): string | undefined =>
  typeof source === 'string' || source instanceof URL ? String(source) : undefined

export const isSource = (value: unknown): value is Source =>
  addressOf(value) !== undefined || ArrayBuffer.isView(value) || openerOf(value) !== undefined

/**
 * The content of `source`; `part` is its name where it is not a model's own file. Throws DATA_NOT_FOUND when there is no such file or the server answers with a fault or a page,
 * IO_ERROR when the transfer fails, INVALID_DATA when `integrity` does not hold, INVALID_ARGUMENT, and the signal's reason.
 */
export async function readSource(source: Source, options: ReadOptions = {}, part?: string): Promise<Uint8Array> {
  const { signal, onProgress, cache, integrity } = options
  try {
    signal?.throwIfAborted()
    const address = addressOf(source)
    const plain = !onProgress && !cache && integrity === undefined && (!signal || address !== undefined)
    if (plain) return await readWhole(await open(source, signal), address)
    const { deliver } = await import('./delivery.js')
    return await deliver(address, () => open(source, signal), options, part)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

async function open(source: Source, signal: AbortSignal | undefined): Promise<Opened> {
  const address = addressOf(source)
  if (address !== undefined) return isPath(address) ? readFile(await pathOf(address)) : request(address, signal)
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  const opener = openerOf(source)
  if (opener) return opener(source as never)
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    'a file is given by its path, its URL, as bytes, Blob, ReadableStream or Response',
  )
}

async function readWhole(opened: Opened, address: string | undefined): Promise<Uint8Array> {
  if (opened instanceof Uint8Array) return opened
  try {
    return new Uint8Array(await opened.arrayBuffer())
  } catch (cause) {
    throw brokenOff(address, cause)
  }
}

async function request(address: string, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response
  try {
    response = await fetch(address, signal ? { signal } : {})
  } catch (cause) {
    const cure = node
      ? ' (is the address right, and the server up?)'
      : ' (is the server up, and does it allow CORS to pages of other origins?)'
    throw new LanewiseError('IO_ERROR', `cannot fetch ${address}: ${reasonOf(cause as Error)}${cure}`, { cause })
  }
  return accepted(response, address)
}

/** The response, unless it is a fault or a page. */
function accepted(response: Response, address: string): Response {
  const said = response.ok
    ? /^text\/html/i.test(response.headers.get('content-type') ?? '') &&
      'with a page (text/html), as some servers do for every path that they do not have'
    : response.status
  if (said === false) return response
  void response.body?.cancel().catch(() => {})
  throw new LanewiseError('DATA_NOT_FOUND', `cannot fetch ${address}: the server answered ${said}`)
}

const isPath = (address: string): boolean => node !== undefined && !/^(https?|data|blob):/.test(address)

async function pathOf(address: string): Promise<string> {
  if (!address.startsWith('file:')) return address
  return (await requireNode(address).url()).fileURLToPath(address)
}

/** The content of a file in the folder of the file `address`. As readSource; INVALID_MODEL when a link leads out of it. */
export async function readBeside(address: string, name: string, options: ReadOptions = {}): Promise<Uint8Array> {
  if (!isPath(address)) return readSource(new URL(name, new URL(address, globalThis.location?.href)), options, name)
  const modules = requireNode(address)
  const [{ realpath }, { dirname, join, sep }] = await Promise.all([modules.fs(), modules.path()])
  const folder = dirname(await pathOf(address))
  const path = join(folder, name)
  const [root, target] = await Promise.all([folder, path].map((item) => realpath(item).catch(() => undefined)))
  if (root !== undefined && target !== undefined && !target.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new LanewiseError('INVALID_MODEL', `external data '${name}' is a link that leads out of the model's folder`)
  return readSource(path, options, name)
}
