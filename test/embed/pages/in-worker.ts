import { work } from './work.js'

addEventListener('message', async ({ data }: MessageEvent<string>) => {
  try {
    const response = await fetch('/files/model.onnx')
    const options = JSON.parse(new URLSearchParams(data).get('options') ?? '{}')
    postMessage(await work(new Uint8Array(await response.arrayBuffer()), options))
  } catch (error) {
    postMessage({ error: String(error) })
  }
})
