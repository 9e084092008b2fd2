// Serves the files of one folder.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

/** Headers that make a page cross-origin isolated: it gets shared memory, hence threads. */
export const isolated = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
}

/** Resolves, once it listens, to its address and a function that ends it. `base` is the path that the folder is served under. */
export function serveFolder(folder, { port = 0, host = 'localhost', headers = {}, base = '/' } = {}) {
  const fileOf = async (url) => {
    const { pathname } = new URL(url, 'http://localhost')
    if (!pathname.startsWith(base)) return undefined
    const relative = normalize(`/${decodeURIComponent(pathname.slice(base.length))}`)
    const path = join(folder, relative.endsWith('/') ? `${relative}index.html` : relative)
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() ? { path, size: found.size } : undefined
  }
  const server = createServer(async (request, response) => {
    const file = await fileOf(request.url).catch(() => undefined)
    if (!file) return response.writeHead(404, headers).end('not found')
    const type = types[extname(file.path)] ?? 'application/octet-stream'
    response.writeHead(200, {
      'content-type': type,
      'content-length': file.size,
      'cache-control': 'no-cache',
      ...headers,
    })
    if (request.method === 'HEAD') return response.end()
    createReadStream(file.path)
      .on('error', () => response.destroy())
      .pipe(response)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${port} is taken: choose another with --port`) : error),
    )
    server.listen(port, host, () =>
      resolve({
        address: `http://${host}:${server.address().port}${base}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      }),
    )
  })
}
