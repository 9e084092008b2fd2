// The entry of a worker thread, in Node and in browsers.
import { node } from '../../core/node.js'
import type { WorkerReply, WorkerRequest } from './files.js'
import { Instance } from './instance.js'

/** The side of this thread: of Node's worker_threads or of the web. */
interface Port {
  postMessage(message: WorkerReply): void
  close(): void
}

function receive({ module, memory }: WorkerRequest, port: Port): void {
  const { exports } = new Instance(module, memory)
  const thread = exports.join()
  port.postMessage('ready')
  try {
    exports.worker(thread)
  } catch (error) {
    exports.fail()
    throw error
  } finally {
    port.close()
  }
}

// No await here: bundlers may write workers in forms that have none at the top.
if (node)
  node.threads().then(({ parentPort: port }) => {
    port?.on('message', (request: WorkerRequest) => receive(request, port))
  })
else
  addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) =>
    receive(data, { postMessage: (message) => postMessage(message), close: () => close() }),
  )
