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
  #content: Blob | undefined
  /** Counts what the worker was asked for; only the newest shows anything. */
  #turn = 0
  /** Counts files, for the worker to tell them apart. */
  #file = 0

  /** `digit` gives the pixels that are drawn now. */
  constructor(digit: () => Float32Array) {
    this.#digit = digit
    const file = byId('model-file', HTMLInputElement)
    const drop = byId('drop', HTMLElement)
    const open = (chosen: File | undefined) => {
      if (chosen) void this.open(chosen.name, async () => chosen)
    }
    // The same file may be chosen again.
    file.addEventListener('click', () => {
      file.value = ''
    })
    file.addEventListener('change', () => open(file.files?.[0]))
    // Anywhere in the page: a browser would leave it to show a file that misses the field.
    for (const name of ['dragover', 'dragleave', 'drop'] as const)
      addEventListener(name, (event) => {
        if (!event.dataTransfer?.types.includes('Files')) return
        event.preventDefault()
        drop.classList.toggle('over', name === 'dragover')
        if (name !== 'drop') return
        drop.scrollIntoView({ block: 'nearest' })
        open(event.dataTransfer.files[0])
      })
    this.#run.addEventListener('click', () => void this.#runModel())
    this.#cancel.addEventListener('click', () => this.#worker.stop('cancelled'))
  }

  /** Shows what a file holds, instead of what is read or run now. */
  async open(name: string, contentOf: () => Promise<Blob>): Promise<void> {
    if (!this.#cancel.disabled) this.#worker.stop('another file was chosen')
    await this.#busily(`Reading ${name} …`, async () => {
      byId('model', HTMLElement).hidden = true
      const content = await contentOf()
      const description = await this.#worker.call('describe', content)
      this.#content = content
      this.#file++
      this.#show(name, content.size, description)
      return `${name}: ${description.nodes.length} nodes, ${count(description.parameters)} parameters.`
    })
  }

  async #runModel(): Promise<void> {
    const content = this.#content
    if (!content) return
    await this.#busily('Running …', async () => {
      const feed: Feed = this.#feed.value === 'digit' ? { digit: this.#digit() } : 'zeros'
      const report = await this.#worker.call('run', this.#file, content, feed)
      byId('model-results', HTMLElement).replaceChildren(...describeRun(report))
      return `Done in ${report.ms.toFixed(1)} ms.`
    })
  }

  async #busily(status: string, work: () => Promise<string>): Promise<void> {
    const turn = ++this.#turn
    showMessage(this.#error, undefined)
    this.#status.textContent = status
    this.#run.disabled = true
    this.#cancel.disabled = false
    let [done, fault]: [string, string | undefined] = ['', undefined]
    try {
      done = await work()
    } catch (error) {
      fault = (error as Error).message
    }
    if (turn !== this.#turn) return
    this.#status.textContent = done
    showMessage(this.#error, fault)
    this.#run.disabled = false
    this.#cancel.disabled = true
  }

  #show(name: string, size: number, model: ModelDescription): void {
    byId('model', HTMLElement).hidden = false
    byId('model-results', HTMLElement).replaceChildren()
    const takesDigit = model.inputs.some((port) => port.type === 'float32' && fewestElements(port) === 784)
    fillOptions(this.#feed, [...(takesDigit ? [['digit', 'the drawn digit'] as const] : []), ['zeros', 'zeros']])
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
