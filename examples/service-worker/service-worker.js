// Answers the address digits.json with what the model gives. A service worker may neither start workers nor import on
// demand, so it takes lanewise/inline: one file, with the kernels in it. build.js says so to the bundler.
import { digits } from '../digits.js'

addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url)
  if (pathname.endsWith('/digits.json')) event.respondWith(answer())
})

const answer = async () => Response.json(await digits(new URL('model5.onnx', registration.scope)))
