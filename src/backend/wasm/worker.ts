// The entry of a worker thread, in Node and in browsers.
import { node } from '../../core/node.js'
import type { WorkerReply, WorkerRequest } from './files.js'
import { instantiate } from './module.js'

const port = (await node?.threads())?.parentPort

const reply = (message: WorkerReply): void => {
  if (port) port.postMessage(message)
  else postMessage(message)
}

function receive({ module, memory }: WorkerRequest): void {
  const exports = instantiate(module, memory)
  const thread = exports.join()
  reply('ready')
  try {
    exports.worker(thread)
  } catch (error) {
    exports.fail()
    throw error
  } finally {
    if (port) port.close()
    else close()
  }
}

if (port) port.on('message', receive)
else addEventListener('message', (event: MessageEvent<WorkerRequest>) => receive(event.data))
