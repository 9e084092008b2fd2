import uPlot from 'uplot'
import { byId, create, percent } from './dom.js'
import type { EpochReport, StepReport } from './network.js'

/** Points of a curve that are kept; then every other one goes. */
const mostPoints = 1200

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** One chart: a training curve over steps, and validation at the ends of epochs. */
class Chart {
  readonly #place: HTMLElement
  readonly #name: string
  readonly #format: (value: number) => string
  #plot: uPlot | undefined
  #steps: number[] = []
  #training: (number | null)[] = []
  #validation: (number | null)[] = []

  constructor(id: string, name: string, format: (value: number) => string) {
    this.#place = byId(id, HTMLElement)
    this.#name = name
    this.#format = format
    // Told first when the page is laid out.
    new ResizeObserver(() => (this.#plot ? this.#plot.setSize(this.#size()) : this.#rebuild())).observe(this.#place)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild())
  }

  /** `step` never falls. */
  add(step: number, training: number | null, validation: number | null): void {
    const end = this.#steps.length - 1
    if (this.#steps[end] === step) {
      if (training !== null) this.#training[end] = training
      if (validation !== null) this.#validation[end] = validation
    } else {
      this.#steps.push(step)
      this.#training.push(training)
      this.#validation.push(validation)
    }
    if (this.#steps.length > mostPoints) this.#thin()
    this.#plot?.setData(this.#data())
    const last = (values: readonly (number | null)[]) => values.findLast((value) => value !== null)
    const [trained, validated] = [last(this.#training), last(this.#validation)]
    const texts = [
      ...(typeof trained === 'number' ? [`training ${this.#format(trained)}`] : []),
      ...(typeof validated === 'number' ? [`validation ${this.#format(validated)}`] : []),
    ]
    this.#place.setAttribute('aria-label', `${this.#name} after ${step} steps: ${texts.join(', ')}`)
    this.#place.dataset['points'] = `${this.#steps.length}`
  }

  clear(): void {
    this.#steps = []
    this.#training = []
    this.#validation = []
    this.#plot?.setData(this.#data())
    this.#place.setAttribute('aria-label', `${this.#name}: no data yet`)
  }

  #thin(): void {
    const keep = this.#steps.map((_, i) => i % 2 === 0 || this.#validation[i] !== null)
    const thinned = <T>(values: readonly T[]) => values.filter((_, i) => keep[i])
    this.#training = thinned(this.#training)
    this.#validation = thinned(this.#validation)
    this.#steps = thinned(this.#steps)
  }

  #data(): uPlot.AlignedData {
    return [this.#steps, this.#training, this.#validation]
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(200, this.#place.clientWidth), height: 240 }
  }

  #rebuild(): void {
    this.#plot?.destroy()
    const axis = {
      stroke: colour('--soft'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line') },
    }
    const value = (_: uPlot, shown: number | null) => (shown === null ? '–' : this.#format(shown))
    this.#plot = new uPlot(
      {
        ...this.#size(),
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => `${+tick.toPrecision(6)}`) }],
        series: [
          { label: 'step' },
          { label: 'training', stroke: colour('--accent'), width: 1.5, spanGaps: true, points: { show: false }, value },
          {
            label: 'validation',
            stroke: colour('--second'),
            width: 2,
            spanGaps: true,
            dash: [6, 4],
            points: { show: true, size: 6, fill: colour('--second') },
            value,
          },
        ],
      },
      this.#data(),
      this.#place,
    )
  }
}

/** The curves of loss and accuracy, the figures above them and the table below. */
export class Curves {
  readonly #loss = new Chart('loss-chart', 'Loss', (value) => value.toFixed(4))
  readonly #accuracy = new Chart('accuracy-chart', 'Accuracy', (value) => percent(value))
  readonly #rows = byId('epochs-table', HTMLTableElement).tBodies[0]

  addStep({ step, loss, accuracy, msPerStep }: StepReport): void {
    this.#loss.add(step, loss, null)
    this.#accuracy.add(step, accuracy, null)
    show('step', `${step}`)
    show('time', `${msPerStep.toFixed(1)} ms`)
    show('loss', loss.toFixed(4))
    show('accuracy', percent(accuracy))
  }

  addEpoch({ step, epoch, loss, accuracy, valLoss, valAccuracy, msPerStep }: EpochReport): void {
    this.#loss.add(step, null, valLoss)
    this.#accuracy.add(step, null, valAccuracy)
    show('val-loss', valLoss.toFixed(4))
    show('val-accuracy', percent(valAccuracy))
    const cells = [loss.toFixed(4), percent(accuracy), valLoss.toFixed(4), percent(valAccuracy), msPerStep.toFixed(1)]
    this.#rows.append(
      create('tr', {}, create('th', { scope: 'row' }, `${epoch}`), ...cells.map((text) => create('td', {}, text))),
    )
  }

  clear(): void {
    this.#loss.clear()
    this.#accuracy.clear()
    this.#rows.replaceChildren()
    for (const name of ['step', 'time', 'loss', 'accuracy', 'val-loss', 'val-accuracy']) show(name, '–')
  }
}

const show = (name: string, text: string): void => {
  byId(`figure-${name}`, HTMLElement).textContent = text
}
