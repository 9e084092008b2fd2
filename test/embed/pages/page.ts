// A page that does the work itself. Its address says how: ?options={…}.
import { type WorkResult, work } from './work.js'

async function main(): Promise<WorkResult> {
  const response = await fetch('/files/model.onnx')
  const options = JSON.parse(new URL(location.href).searchParams.get('options') ?? '{}')
  return work(new Uint8Array(await response.arrayBuffer()), options)
}

declare global {
  var result: Promise<unknown> | undefined
}

globalThis.result = main()
