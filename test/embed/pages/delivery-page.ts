// A page that takes a model from everywhere that a page may have it from.
import { InferenceSession, LanewiseError, loadOnnx, type Progress, Tensor } from '../../../src/index.js'

export interface DeliveredPage {
  /** The outputs for one input, by where the model came from. */
  readonly outputs: Readonly<Record<string, readonly number[]>>
  /** The last progress of the transfer by URL. */
  readonly progress: Progress | undefined
  /** The names of errors, or their codes, by what went wrong. */
  readonly faults: Readonly<Record<string, string>>
}

const address = '/files/model.onnx'

async function outputOf(session: InferenceSession): Promise<number[]> {
  const x = new Tensor('float32', Float32Array.from({ length: 784 }, Math.sin), [1, 28, 28, 1])
  return (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]].toNumbers()
}

const faultOf = (loading: Promise<unknown>): Promise<string> =>
  loading.then(
    () => 'none',
    (error) => (error instanceof LanewiseError ? error.code : error.name),
  )

/** Tells the test where the page is, should it come no further. */
const step = (name: string): void => console.debug(name)

async function main(): Promise<DeliveredPage> {
  const integrity = new URL(location.href).searchParams.get('integrity')!
  let progress: Progress | undefined
  const onProgress = (event: Progress) => {
    progress = event
  }
  step('fetch')
  const blob = await (await fetch(address)).blob()
  const sources = {
    'a path': address,
    'a URL': new URL(address, location.href),
    'an object URL': URL.createObjectURL(blob),
    'a Blob': blob,
    'a File': new File([blob], 'model.onnx'),
    'a stream': blob.stream(),
    'a response': await fetch(address),
  }
  const outputs: Record<string, readonly number[]> = {}
  for (const [name, source] of Object.entries(sources)) {
    step(name)
    outputs[name] = await outputOf(await InferenceSession.create(source, { integrity, onProgress }))
  }
  step('plainly')
  outputs['plainly'] = await outputOf(await InferenceSession.create(address))
  const wrong = `sha256-${'A'.repeat(43)}=`
  const failing: Record<string, () => Promise<unknown>> = {
    'a page in place of a model': () => InferenceSession.create('/index.html'),
    'no such file': () => loadOnnx('/files/none.onnx'),
    'a wrong hash': () => loadOnnx(address, { integrity: wrong, cache: true }),
    'an abort': () => loadOnnx(address, { signal: AbortSignal.abort() }),
    'a stream that is aborted': () => loadOnnx(new ReadableStream(), { signal: AbortSignal.timeout(50) }),
  }
  const faults: Record<string, string> = {}
  for (const [name, load] of Object.entries(failing)) {
    step(name)
    faults[name] = await faultOf(load())
  }
  step('a look into the cache')
  if ((await caches.match(address)) !== undefined) throw new Error('content of a wrong hash was kept')
  step('into the cache')
  await InferenceSession.create(address, { cache: true, integrity, onProgress })
  const byUrl = progress
  step('out of the cache')
  globalThis.fetch = () => Promise.reject(new Error('the network is gone'))
  outputs['the cache'] = await outputOf(await InferenceSession.create(address, { cache: true, integrity }))
  faults['no network'] = await faultOf(InferenceSession.create(address))
  return { outputs, progress: byUrl, faults }
}

globalThis.result = main()
