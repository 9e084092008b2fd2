import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

/** Headers of a page, by what they grant. */
export const headers = {
  /** Cross-origin isolated: shared memory, hence threads. */
  isolated: { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' },
  /** No inline script, no eval, no blob or data URLs. */
  strict: { 'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" },
} as const

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

export interface StaticServer {
  /** Without a slash at the end. */
  readonly origin: string
  close(): Promise<void>
}

export interface ServerOptions {
  /** Sent with every answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Folders by the path that they are served under, e.g. `/lanewise/`. The longest counts. */
  readonly folders?: Readonly<Record<string, string>>
  /** Content by path, e.g. `/files/model.onnx`. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>
}

/** Serves files on a free port of this machine. */
export async function serve({ headers = {}, folders = {}, files = {} }: ServerOptions): Promise<StaticServer> {
  const contentOf = async (path: string): Promise<Uint8Array | string | undefined> => {
    if (Object.hasOwn(files, path)) return files[path]
    const prefix = Object.keys(folders)
      .filter((candidate) => path.startsWith(candidate))
      .sort((a, b) => b.length - a.length)[0]
    if (prefix === undefined) return undefined
    return readFile(join(folders[prefix], normalize(`/${path.slice(prefix.length)}`))).catch(() => undefined)
  }
  const server: Server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)
    const content = await contentOf(path)
    const type = types[extname(path)] ?? 'application/octet-stream'
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': type, ...headers }).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A page that runs one module. */
export const pageOf = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>lanewise</title><script type="module" src="${script}"></script>`
