// The entry of the worker that computes for a page.
import { type Order, OrderTaker } from './orders.js'

const taker = new OrderTaker((answer, transfer) => postMessage(answer, { transfer }))
addEventListener('message', ({ data }: MessageEvent<Order>) => taker.take(data))
