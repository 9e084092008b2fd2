// A page that leaves the work to a worker of its own.
const worker = new Worker(new URL('./in-worker.js', import.meta.url), { type: 'module' })

globalThis.result = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => ('error' in data ? reject(new Error(data.error)) : resolve(data))
  worker.onerror = ({ message }) => reject(new Error(message))
  worker.postMessage(location.search)
})
