import model4 from '../models/model4.js'
import model5 from '../models/model5.js'
import {
  type Callback,
  confusionMatrix,
  type Logs,
  type Model,
  model,
  optimizers,
  Tensor,
  toCategorical,
} from '../src/index.js'
import type { DigitData, Digits } from './data-worker.js'

/** The networks that the page can train. */
export const recipes = { model5, model4 } as const
export type RecipeName = keyof typeof recipes

/** Optimizers by name, each with the learning rate that the page proposes. */
export const optimizerRates = { adam: 0.001, sgd: 0.1, rmsprop: 0.001 } as const
export type OptimizerName = keyof typeof optimizerRates

export interface TrainingSettings {
  readonly optimizer: OptimizerName
  readonly learningRate: number
  readonly batchSize: number
  readonly epochs: number
}

/** How training stands: losses and accuracies are means over the steps since the last report. */
export interface StepReport {
  readonly step: number
  readonly epoch: number
  readonly loss: number
  readonly accuracy: number
  readonly msPerStep: number
}

export interface EpochReport extends StepReport {
  readonly valLoss: number
  readonly valAccuracy: number
  /** Rows are the true digits, columns the predicted ones. */
  readonly confusion: readonly (readonly number[])[]
}

export interface TrainingEvents {
  onStep(report: StepReport): void
  onEpoch(report: EpochReport): void
}

/** What the network makes of one digit. */
export interface Insight {
  readonly probabilities: Float32Array
  /** For each convolution its output [1, height, width, filters]. */
  readonly maps: readonly { readonly layer: string; readonly output: Tensor }[]
}

/** Milliseconds between two reports of steps. */
const reportInterval = 120

const imagesOf = ({ pixels, labels }: Digits): Tensor => new Tensor('float32', pixels, [labels.length, 28, 28, 1])
const labelsOf = ({ labels }: Digits): Tensor => new Tensor('uint8', labels, [labels.length])

/**
 * The network of the page. Three models share its layers, and so its weights: one trains, one shows what the convolutions
 * give, one classifies; the latter two may run while the first trains.
 */
export class Network {
  readonly name: RecipeName
  readonly #net: Model
  readonly #observer: Model
  readonly #classifier: Model
  readonly #convolutions: readonly string[]
  /** The first run of a model decides where the weights of all three lie: nothing else runs before it is done. */
  readonly #placed: Promise<unknown>
  #settings: TrainingSettings | undefined
  #stopping = false
  #step = 0
  #epoch = 0

  constructor(name: RecipeName) {
    this.name = name
    const net = recipes[name].model()
    const convolutions = net.layers.filter(({ className }) => className === 'Conv2D')
    this.#net = net
    this.#convolutions = convolutions.map((layer) => layer.name)
    this.#observer = model({
      inputs: net.inputs,
      outputs: [...net.outputs, ...convolutions.map((layer) => layer.output)],
    })
    this.#classifier = model({ inputs: net.inputs, outputs: net.outputs[0] })
    this.#placed = this.#observer.predict(Tensor.zeros('float32', [1, 28, 28, 1]))
    this.#placed.catch(() => {})
  }

  /** Steps trained so far. */
  get step(): number {
    return this.#step
  }

  /** What runs slower than it could, and why. */
  get notes(): readonly string[] {
    return this.#net.notes
  }

  /** Looks at one digit of 784 pixels. One call at a time. */
  async look(pixels: Float32Array): Promise<Insight> {
    await this.#placed
    const digit = new Tensor('float32', pixels.slice(), [1, 28, 28, 1])
    const [scores, ...outputs] = await this.#observer.predict<Tensor[]>(digit)
    return {
      probabilities: scores.data as Float32Array,
      maps: outputs.map((output, i) => ({ layer: this.#convolutions[i], output })),
    }
  }

  /** Trains for some epochs, or until `stop`; called again, it goes on. Throws what `fit` throws. */
  async train(data: DigitData, settings: TrainingSettings, events: TrainingEvents): Promise<void> {
    this.#stopping = false
    await this.#placed
    this.#compile(settings)
    const { batchSize } = settings
    const count = data.train.labels.length
    const validation = { x: imagesOf(data.validation), y: labelsOf(data.validation) }
    let [reportedAt, reportedStep, seenBefore] = [performance.now(), this.#step, 0]
    let sums = { loss: 0, accuracy: 0 }
    let trained = 0
    let last: StepReport = {
      step: this.#step,
      epoch: this.#epoch,
      loss: Number.NaN,
      accuracy: Number.NaN,
      msPerStep: 0,
    }
    const report = (batch: number, logs: Logs): void => {
      const now = performance.now()
      const seen = Math.min(count, (batch + 1) * batchSize)
      const mean = (name: 'loss' | 'accuracy') => (logs[name] * seen - sums[name] * seenBefore) / (seen - seenBefore)
      last = {
        step: this.#step,
        epoch: this.#epoch,
        loss: mean('loss'),
        accuracy: mean('accuracy'),
        msPerStep: (now - reportedAt) / (this.#step - reportedStep),
      }
      ;[reportedAt, reportedStep, seenBefore] = [now, this.#step, seen]
      sums = { loss: logs['loss'], accuracy: logs['accuracy'] }
      events.onStep(last)
    }
    const watch: Callback = {
      onEpochBegin: () => {
        ;[reportedAt, reportedStep, seenBefore] = [performance.now(), this.#step, 0]
        trained = performance.now()
      },
      onBatchEnd: (batch, logs) => {
        this.#step++
        if (this.#stopping) this.#net.stopTraining = true
        const isLast = Math.min(count, (batch + 1) * batchSize) === count || this.#net.stopTraining
        if (isLast || performance.now() - reportedAt >= reportInterval) report(batch, logs)
      },
      onTestBegin: () => {
        trained = performance.now() - trained
      },
      onEpochEnd: async (_epoch, logs) => {
        const steps = this.#step - epochStart
        epochStart = this.#step
        this.#epoch++
        const predicted = await this.#classifier.predict(validation.x, { batchSize: 250, verbose: 0 })
        events.onEpoch({
          ...last,
          epoch: this.#epoch,
          loss: logs['loss'],
          accuracy: logs['accuracy'],
          msPerStep: trained / Math.max(1, steps),
          valLoss: logs['val_loss'],
          valAccuracy: logs['val_accuracy'],
          confusion: confusionMatrix(validation.y, predicted, 10),
        })
      },
    }
    let epochStart = this.#step
    await this.#net.fit(imagesOf(data.train), toCategorical(labelsOf(data.train), 10), {
      epochs: this.#epoch + settings.epochs,
      initialEpoch: this.#epoch,
      batchSize,
      validationData: [validation.x, toCategorical(validation.y, 10)],
      validationBatchSize: 250,
      // More in one piece would hold up the page while it is copied.
      residentBytes: 1 << 24,
      verbose: 0,
      callbacks: [watch],
    })
  }

  /** Ends `train` after the running step; the epoch is measured all the same. */
  stop(): void {
    this.#stopping = true
    this.#net.stopTraining = true
  }

  async exportOnnx(): Promise<Uint8Array> {
    await this.#placed
    return this.#net.exportOnnx()
  }

  /** The same network, as far as it is trained, on the backend that is the default now. This one is disposed of. */
  async moved(): Promise<Network> {
    await this.#placed.catch(() => {})
    const weights = [...(await this.#net.readVariables()).values()]
    const next = new Network(this.name)
    await next.#placed.catch((error: unknown) => {
      next.dispose()
      throw error
    })
    next.#net.setWeights(weights)
    if (this.#settings) {
      next.#compile(this.#settings)
      await next.#net.setTrainingState(await this.#net.trainingState())
    }
    next.#step = this.#step
    next.#epoch = this.#epoch
    this.dispose()
    return next
  }

  dispose(): void {
    for (const part of [this.#net, this.#observer, this.#classifier]) part.dispose()
  }

  /** Another optimizer starts with an empty state; another learning rate alone does not. */
  #compile(settings: TrainingSettings): void {
    const { optimizer, learningRate } = settings
    if (this.#settings?.optimizer !== optimizer)
      this.#net.compile({
        optimizer: optimizers[optimizer]({ learningRate }),
        loss: 'categoricalCrossentropy',
        metrics: ['accuracy'],
      })
    this.#net.optimizer.learningRate = learningRate
    this.#settings = settings
  }
}
