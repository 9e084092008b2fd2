// A page that watches itself while it predicts and trains.
import { datasets, InferenceSession, loadOnnx, toCategorical } from '../../../src/index.js'

export interface WatchedPage {
  /** The calls by which the page itself would compile or start kernels, or wait. */
  readonly own: readonly string[]
  readonly predictions: number
  readonly steps: number
  /** Runs that were sent to the worker; the packing of weights is among them. */
  readonly runs: number
  /** Turns of the event loop from the first of them on. */
  readonly turns: number
  /** Turns while the session was made: of its model, which was at hand. */
  readonly turnsOfImport: number
  /** Turns between the call of the first prediction and the first run. */
  readonly turnsOfPlanning: number
}

const own: string[] = []

/** Has `note` told of the calls of `holder[name]`, be it a function or a constructor. */
function watch(holder: object, name: string, note: (values: readonly unknown[]) => void): void {
  const told =
    <T extends unknown[], R>(act: (...values: T) => R, position: number) =>
    (...values: T): R => {
      note(values[position] as readonly unknown[])
      return act(...values)
    }
  const handler = { apply: told(Reflect.apply, 2), construct: told(Reflect.construct, 1) }
  Reflect.set(holder, name, new Proxy(Reflect.get(holder, name), handler))
}

for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'Module', 'Instance'])
  watch(WebAssembly, name, () => own.push(name))
watch(Atomics, 'wait', () => own.push('wait'))

/** Turns of the event loop so far: each is a message to itself. */
let turns = 0
const { port1, port2 } = new MessageChannel()
port1.onmessage = () => {
  turns++
  port2.postMessage(0)
}
port2.postMessage(0)

let runs = 0
let turnsAtFirstRun = 0
watch(Worker.prototype, 'postMessage', ([order]) => {
  if ((order as { name?: string }).name === 'run' && runs++ === 0) turnsAtFirstRun = turns
})

// A clock by which everything takes long: whatever gives turns by the clock gives one each time that it looks.
let now = 0
Date.now = () => (now += 1000)

async function main(): Promise<WatchedPage> {
  const model = new Uint8Array(await (await fetch('/files/model.onnx')).arrayBuffer())
  const { x, y } = datasets.syntheticDigits(32, 3)
  const atFirst = turns
  const session = await InferenceSession.create(model)
  const turnsOfImport = turns - atFirst
  const feeds = { [session.inputNames[0]]: x }
  const before = turns
  await session.run(feeds)
  const turnsOfPlanning = turnsAtFirstRun - before
  const predictions = 4
  for (let run = 1; run < predictions; run++) await session.run(feeds)
  const net = await loadOnnx(model)
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
  await net.fit(x, toCategorical(y, 10), { epochs: 4, batchSize: 8, verbose: 0 })
  await net.exportOnnx()
  return { own, predictions, steps: 16, runs, turns: turns - turnsAtFirstRun, turnsOfImport, turnsOfPlanning }
}

globalThis.result = main()
