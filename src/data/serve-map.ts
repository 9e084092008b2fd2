import { node } from '../core/node.js'
import { contextOf, type MapContext } from './map-context.js'
import { type Answer, type Order, pack, unpack } from './worker-messages.js'

/** In a worker's module: makes what `mapInWorkers` of a dataset asks for by `work`. */
export function serveMap<T, U>(work: (element: T, context: MapContext) => U | Promise<U>): void {
  const serve = async ({ id, element, seed, epoch, index }: Order, post: (answer: Answer) => void) => {
    try {
      post({ id, value: pack(await work(unpack(element) as T, contextOf(seed, epoch, index))) })
    } catch (error) {
      post({ id, error: (error as Error).message ?? String(error) })
    }
  }
  if (node)
    node.threads().then(({ parentPort: port }) => {
      port?.on('message', (order: Order) => serve(order, (answer) => port.postMessage(answer)))
    })
  else
    addEventListener('message', ({ data }: MessageEvent<Order>) => {
      void serve(data, (answer) => postMessage(answer))
    })
}
