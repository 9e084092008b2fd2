// The entry of the worker that computes for a page.
import { type Order, OrderTaker } from './orders.js'

// Under Trusted Types a worker starts from an address that the policy `default` of this thread lets through. Browsers let none
// of another origin through.
const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): unknown } }
trustedTypes?.createPolicy('default', { createScriptURL: (address: string) => address })

const taker = new OrderTaker((answer, transfer) => postMessage(answer, { transfer }))
addEventListener('message', ({ data }: MessageEvent<Order>) => taker.take(data))
