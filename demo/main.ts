import { configure, environment } from '../src/index.js'
import { Curves } from './curves.js'
import type { DataHandlers, DataRequest, DigitData } from './data-worker.js'
import { byId, fillOptions, newestOnly, offerFile, percent, showMessage } from './dom.js'
import { Inspector } from './inspector.js'
import { FeatureMaps } from './maps.js'
import { showMatrix } from './matrix.js'
import { type EpochReport, Network, type OptimizerName, optimizerRates, type RecipeName, recipes } from './network.js'
import { Pad } from './pad.js'
import { Predictions } from './predictions.js'
import { Remote } from './remote.js'
import { sampleOf } from './samples.js'

const validationImages = 1000

const form = {
  network: byId('network', HTMLSelectElement),
  data: byId('data', HTMLSelectElement),
  files: byId('files', HTMLInputElement),
  address: byId('address', HTMLInputElement),
  count: byId('count', HTMLInputElement),
  batch: byId('batch', HTMLInputElement),
  optimizer: byId('optimizer', HTMLSelectElement),
  rate: byId('rate', HTMLInputElement),
  epochs: byId('epochs', HTMLInputElement),
  backend: byId('backend', HTMLSelectElement),
}
const buttons = {
  start: byId('start', HTMLButtonElement),
  stop: byId('stop', HTMLButtonElement),
  anew: byId('anew', HTMLButtonElement),
  download: byId('download', HTMLButtonElement),
  inspect: byId('inspect-own', HTMLButtonElement),
}
const sample = byId('sample', HTMLSelectElement)
const progress = byId('progress', HTMLElement)
const announcement = byId('announce', HTMLElement)
const trainingError = byId('training-error', HTMLElement)

const dataWorker = new Remote<DataHandlers>(
  () => new Worker(new URL('./data-worker.js', import.meta.url), { type: 'module' }),
)
const predictions = new Predictions()
const maps = new FeatureMaps()
const curves = new Curves()
let network: Network
let loaded: { key: string; data: DigitData } | undefined

const look = newestOnly(async () => {
  if (!network) return
  if (pad.isEmpty) predictions.clear()
  const shown = network
  try {
    const insight = await shown.look(pad.pixels)
    if (shown !== network) return
    if (!pad.isEmpty) predictions.show(insight)
    maps.show(insight)
  } catch (error) {
    // A network that was replaced meanwhile is gone.
    if (shown === network) showMessage(trainingError, (error as Error).message)
  }
})
const pad = new Pad(look)
const inspector = new Inspector(() => pad.pixels.slice())

/** What the form asks for. Throws when a field does not hold what it should. */
function readForm() {
  for (const field of [form.count, form.batch, form.rate, form.epochs])
    if (!field.checkValidity() || field.value === '') {
      field.reportValidity()
      throw new Error(`${field.labels?.[0]?.textContent?.trim()}: ${field.validationMessage || 'a number is needed'}`)
    }
  return {
    count: form.count.valueAsNumber,
    training: {
      optimizer: form.optimizer.value as OptimizerName,
      learningRate: form.rate.valueAsNumber,
      batchSize: form.batch.valueAsNumber,
      epochs: form.epochs.valueAsNumber,
    },
  }
}

const dataRequests: Readonly<Record<string, () => { key: string; request: DataRequest }>> = {
  synthetic: () => ({ key: 'synthetic', request: { kind: 'synthetic' } }),
  files: () => {
    const files = [...(form.files.files ?? [])]
    if (files.length === 0) throw new Error('Choose mnist.npz, or the four IDX files, first.')
    const key = files.map(({ name, size, lastModified }) => `${name} ${size} ${lastModified}`).join()
    return { key, request: { kind: 'files', files } }
  },
  address: () => {
    if (!form.address.checkValidity() || form.address.value === '') throw new Error('Give the address of MNIST first.')
    return { key: form.address.value, request: { kind: 'address', address: form.address.value } }
  },
}

/** The data that the form names, loaded once. */
async function loadDigits(count: number): Promise<DigitData> {
  const { key, request } = dataRequests[form.data.value]()
  const wanted = `${key} ${count}`
  if (loaded?.key !== wanted) {
    progress.textContent = request.kind === 'synthetic' ? 'Drawing synthetic digits …' : 'Loading MNIST …'
    loaded = { key: wanted, data: await dataWorker.call('load', request, count, validationImages) }
  }
  const { synthetic, train, source } = loaded.data
  showMessage(
    byId('synthetic', HTMLElement),
    synthetic
      ? 'These are SYNTHETIC digits, drawn by a program. They are easier than handwriting: the accuracy says nothing about MNIST.'
      : undefined,
  )
  progress.textContent = `${train.labels.length} images from ${source}.`
  return loaded.data
}

/** What the page is busy with; while a network moves to another backend, there is none to use. */
function setState(state: 'idle' | 'training' | 'moving'): void {
  const focused = document.activeElement
  buttons.stop.disabled = state !== 'training'
  buttons.start.disabled = state !== 'idle'
  // Who uses the keyboard stays where they were: a button that is off gives its focus to the one that takes its place.
  if (focused === buttons.start && state === 'training') buttons.stop.focus()
  if (focused === buttons.stop && state === 'idle') buttons.start.focus()
  for (const field of Object.values(form)) field.disabled = state !== 'idle'
  buttons.anew.disabled = state !== 'idle' || network.step === 0
  for (const button of [buttons.download, buttons.inspect]) button.disabled = state === 'moving'
  buttons.start.textContent = network.step > 0 ? 'Continue' : 'Train'
  showTrained()
}

function showTrained(): void {
  byId('trained', HTMLElement).textContent =
    network.step === 0
      ? 'The network is not trained: its weights are random, and so are its guesses. Train it below.'
      : `${network.name}, trained for ${network.step} steps${loaded?.data.synthetic ? ' on synthetic digits' : ''}.`
}

async function train(): Promise<void> {
  showMessage(trainingError, undefined)
  let state = 'loading'
  buttons.stop.onclick = () => {
    if (state === 'loading') dataWorker.stop('stopped')
    state = 'stopping'
    network.stop()
  }
  try {
    const { count, training } = readForm()
    setState('training')
    const data = await loadDigits(count)
    state = 'training'
    const onStep = (report: Parameters<Curves['addStep']>[0]) => {
      curves.addStep(report)
      progress.textContent = `Epoch ${report.epoch + 1}, step ${report.step}: ${state}.`
      showTrained()
      look()
    }
    const onEpoch = (report: EpochReport) => {
      curves.addEpoch(report)
      showMatrix(report.confusion)
      announcement.textContent = `Epoch ${report.epoch}: validation accuracy ${percent(report.valAccuracy)}.`
    }
    await network.train(data, training, { onStep, onEpoch })
    progress.textContent = `${network.step} steps are done.`
    announcement.textContent = 'Training has ended.'
  } catch (error) {
    const stopped = state === 'stopping'
    progress.textContent = stopped ? 'Stopped.' : ''
    if (!stopped) showMessage(trainingError, (error as Error).message)
  } finally {
    setState('idle')
    look()
  }
}

function startAnew(): void {
  const old = network
  network = new Network(form.network.value as RecipeName)
  old?.dispose()
  curves.clear()
  showMatrix(undefined)
  progress.textContent = 'Not trained yet.'
  setState('idle')
  look()
}

/** What runs, and why anything is off. */
async function showEnvironment(): Promise<void> {
  const place = byId('environment', HTMLElement)
  try {
    const { backend, threads, variant, webgpu, notes } = await environment()
    const gpu = form.backend.namedItem('webgpu') ?? [...form.backend.options].find(({ value }) => value === 'webgpu')
    if (gpu instanceof HTMLOptionElement && !webgpu.available) gpu.disabled = true
    const parts = [
      `${backend} (${variant}), ${threads} thread${threads > 1 ? 's' : ''}.`,
      ...notes,
      ...(webgpu.available ? [] : [`No WebGPU: ${webgpu.reason}.`]),
    ]
    place.textContent = parts.join(' ')
  } catch (error) {
    place.textContent = (error as Error).message
  }
}

/** Moves the network, as far as it is trained, to the backend that the form names. */
async function chooseBackend(): Promise<void> {
  const [backend, threads] = form.backend.value.split(' ')
  configure({ backend: backend as 'wasm' | 'webgpu', threads: threads ? Number(threads) : undefined })
  setState('moving')
  try {
    network = await network.moved()
    await showEnvironment()
  } catch (error) {
    showMessage(trainingError, (error as Error).message)
    form.backend.value = 'wasm'
    configure({ backend: 'wasm', threads: undefined })
  } finally {
    setState('idle')
    form.backend.focus()
    look()
  }
}

const cores = navigator.hardwareConcurrency || 1
fillOptions(
  form.network,
  Object.keys(recipes).map((name) => [name, name]),
)
fillOptions(form.optimizer, [
  ['adam', 'Adam'],
  ['sgd', 'SGD'],
  ['rmsprop', 'RMSprop'],
])
fillOptions(form.backend, [
  ['wasm', 'WebAssembly, all threads'],
  ...(crossOriginIsolated && cores > 2 ? [['wasm 2', 'WebAssembly, 2 threads'] as const] : []),
  ...(crossOriginIsolated && cores > 1 ? [['wasm 1', 'WebAssembly, 1 thread'] as const] : []),
  ['webgpu', 'WebGPU'],
])
fillOptions(sample, [
  ['', 'choose …'],
  ...Array.from({ length: 10 }, (_, digit) => [`${digit}`, `a ${digit}`] as const),
])
Object.assign(form.count, { value: '4000' })
Object.assign(form.batch, { value: '64' })
Object.assign(form.rate, { value: `${optimizerRates.adam}` })
Object.assign(form.epochs, { value: '5' })

byId('settings', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault())
form.data.addEventListener('change', () => {
  byId('files-field', HTMLElement).hidden = form.data.value !== 'files'
  byId('address-field', HTMLElement).hidden = form.data.value !== 'address'
})
form.optimizer.addEventListener('change', () => {
  form.rate.value = `${optimizerRates[form.optimizer.value as OptimizerName]}`
})
form.network.addEventListener('change', startAnew)
form.backend.addEventListener('change', () => void chooseBackend())
byId('clear', HTMLButtonElement).addEventListener('click', () => {
  sample.value = ''
  pad.clear()
})
sample.addEventListener('change', () => {
  if (sample.value !== '') pad.set(sampleOf(Number(sample.value), loaded?.data.validation))
})
buttons.start.addEventListener('click', () => void train())
buttons.anew.addEventListener('click', startAnew)
buttons.download.addEventListener('click', async () => {
  try {
    offerFile(`${network.name}.onnx`, await network.exportOnnx())
  } catch (error) {
    showMessage(trainingError, (error as Error).message)
  }
})
buttons.inspect.addEventListener('click', () => {
  const { name } = network
  void inspector.open(`${name}.onnx`, async () => new Blob([(await network.exportOnnx()) as BlobPart]))
})

// In a task of its own: the page is there first.
setTimeout(() => {
  startAnew()
  void showEnvironment()
})
