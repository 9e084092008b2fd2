const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })

globalThis.result = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data)
  worker.onerror = ({ message }) => reject(new Error(message))
})
worker.postMessage(new URL('model5.onnx', location.href).href)
const { threads, losses } = await globalThis.result
document.querySelector('pre').textContent = `${threads} threads; the loss of ten steps: ${losses.join(', ')}`
