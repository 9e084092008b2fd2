import type { ModelDescription, PortDescription } from '../src/index.js'
import { byId, create, fillOptions, percent, showMessage, table } from './dom.js'
import type { Feed, ModelHandlers, RunReport } from './model-worker.js'
import { Remote } from './remote.js'

const mostNodes = 300

/** The part of the page that shows ONNX files. A worker reads and runs them: a large file does not hold up the page. */
export class Inspector {
  readonly #worker = new Remote<ModelHandlers>(
    () => new Worker(new URL('./model-worker.js', import.meta.url), { type: 'module' }),
  )
  readonly #status = byId('model-status', HTMLElement)
  readonly #error = byId('model-error', HTMLElement)
  readonly #feed = byId('feed', HTMLSelectElement)
  readonly #run = byId('run-model', HTMLButtonElement)
  readonly #cancel = byId('cancel-model', HTMLButtonElement)
  readonly #digit: () => Float32Array
  #bytes: Uint8Array | undefined

  /** `digit` gives the pixels that are drawn now. */
  constructor(digit: () => Float32Array) {
    this.#digit = digit
    const file = byId('model-file', HTMLInputElement)
    const drop = byId('drop', HTMLElement)
    file.addEventListener('change', () => file.files?.[0] && void this.#openFile(file.files[0]))
    for (const name of ['dragover', 'dragleave', 'drop'] as const)
      drop.addEventListener(name, (event) => {
        event.preventDefault()
        drop.classList.toggle('over', name === 'dragover')
        const dropped = name === 'drop' ? event.dataTransfer?.files[0] : undefined
        if (dropped) void this.#openFile(dropped)
      })
    this.#run.addEventListener('click', () => void this.#runModel())
    this.#cancel.addEventListener('click', () => this.#worker.stop('cancelled'))
  }

  /** Shows what a file holds. */
  async open(name: string, bytes: Uint8Array): Promise<void> {
    await this.#busily(`Reading ${name} …`, async () => {
      byId('model', HTMLElement).hidden = true
      const description = await this.#worker.call('open', bytes)
      this.#bytes = bytes
      this.#show(name, bytes.length, description)
      return `${name}: ${description.nodes.length} nodes, ${count(description.parameters)} parameters.`
    })
  }

  async #openFile(file: File): Promise<void> {
    await this.open(file.name, new Uint8Array(await file.arrayBuffer()))
  }

  async #runModel(): Promise<void> {
    const bytes = this.#bytes
    if (!bytes) return
    await this.#busily('Running …', async () => {
      const feed: Feed = this.#feed.value === 'digit' ? { digit: this.#digit() } : 'zeros'
      const report = await this.#worker.call('run', feed).catch(async (error: Error) => {
        // A worker that was ended has forgotten the model; the next run finds it.
        if (error.message === 'cancelled') await this.#worker.call('open', bytes)
        throw error
      })
      byId('model-results', HTMLElement).replaceChildren(...describeRun(report))
      return `Done in ${report.ms.toFixed(1)} ms.`
    })
  }

  async #busily(status: string, work: () => Promise<string>): Promise<void> {
    showMessage(this.#error, undefined)
    this.#status.textContent = status
    this.#run.disabled = true
    this.#cancel.disabled = false
    try {
      this.#status.textContent = await work()
    } catch (error) {
      this.#status.textContent = ''
      showMessage(this.#error, (error as Error).message)
    } finally {
      this.#run.disabled = false
      this.#cancel.disabled = true
    }
  }

  #show(name: string, size: number, model: ModelDescription): void {
    byId('model', HTMLElement).hidden = false
    byId('model-results', HTMLElement).replaceChildren()
    const takesDigit = model.inputs.some((port) => port.type === 'float32' && fewestElements(port) === 784)
    fillOptions(this.#feed, { ...(takesDigit ? { digit: 'the drawn digit' } : {}), zeros: 'zeros' })
    const facts: Readonly<Record<string, string>> = {
      file: `${name}, ${count(size)} bytes`,
      graph: model.name || '(no name)',
      ...(model.producer ? { producer: model.producer } : {}),
      nodes: count(model.nodes.length),
      parameters: count(model.parameters),
      constants: `${count(model.constantBytes)} bytes`,
      ...model.metadata,
    }
    const nodes = model.nodes
      .slice(0, mostNodes)
      .map(({ name, op, inputs, outputs }) => [
        op,
        name,
        inputs.filter(Boolean).join(', '),
        outputs.map(describePort).join(', '),
      ])
    const left = model.nodes.length - nodes.length
    byId('model-facts', HTMLElement).replaceChildren(
      create(
        'dl',
        { className: 'figures' },
        ...Object.entries(facts).map(([term, text]) =>
          create('div', {}, create('dt', {}, term), create('dd', {}, text)),
        ),
      ),
      create(
        'div',
        { className: 'tables' },
        table('Inputs', ['Name', 'Type', 'Shape'], model.inputs.map(portRow)),
        table('Outputs', ['Name', 'Type', 'Shape'], model.outputs.map(portRow)),
        table(
          'Operators',
          ['Operator', 'Nodes'],
          Object.entries(model.ops).map(([op, times]) => [op, `${times}`]),
        ),
      ),
      create(
        'details',
        {},
        create('summary', {}, `Nodes${left > 0 ? ` (the first ${mostNodes} of ${count(model.nodes.length)})` : ''}`),
        table('Nodes', ['Operator', 'Name', 'Inputs', 'Outputs'], nodes),
      ),
      ...model.notes.map((note) => create('p', { className: 'hint' }, note)),
    )
  }
}

const count = (value: number): string => value.toLocaleString('en-US')

const shapeOf = ({ shape }: PortDescription): string => `[${shape.join(', ')}]`

const portRow = (port: PortDescription) => [
  port.name,
  port.container ? `${port.container} of ${port.type}` : port.type,
  shapeOf(port),
]

const describePort = (port: PortDescription) => `${port.name} ${shapeOf(port)}`

/** Elements where sizes that a run may choose are 1. */
const fewestElements = ({ shape }: PortDescription): number =>
  shape.reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1)

function* describeRun({ outputs, notes }: RunReport): Generator<HTMLElement> {
  for (const { name, type, dims, values } of outputs) {
    const title = `${name}: ${type} [${dims.join(', ')}]`
    const numbers = values.filter((value) => typeof value === 'number')
    const isScores = dims.length === 2 && dims[0] === 1 && dims[1] > 1 && numbers.length === dims[1]
    if (isScores) {
      const ranked = numbers.map((score, index) => ({ score, index })).sort((a, b) => b.score - a.score)
      const areShares = numbers.every((score) => score >= 0) && Math.abs(numbers.reduce((a, b) => a + b, 0) - 1) < 1e-3
      yield table(
        `${title}: the highest`,
        ['Class', areShares ? 'Probability' : 'Score'],
        ranked.slice(0, 5).map(({ score, index }) => [`${index}`, areShares ? percent(score, 2) : format(score)]),
      )
    } else {
      const shown = values.slice(0, 24).map((value) => (typeof value === 'number' ? format(value) : value))
      yield create('h4', {}, title)
      yield create('p', { className: 'values' }, `${shown.join('  ')}${values.length > shown.length ? '  …' : ''}`)
    }
  }
  for (const note of notes) yield create('p', { className: 'hint' }, note)
}

const format = (value: number): string => `${+value.toPrecision(5)}`
