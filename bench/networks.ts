import { layers, optimizers, sequential, setRandomSeed } from '../src/keras/index.js'
import type { Sequential } from '../src/keras/sequential.js'
import type { CompileOptions } from '../src/keras/training/compiled.js'

/** A network of the course and how it is trained. */
export interface Network {
  readonly name: string
  readonly batch: number
  readonly inputShape: readonly number[]
  /** A new model with the same initial weights each time, not compiled. */
  create(): Sequential
  options(): CompileOptions
}

const { conv2d, dense, flatten, maxPooling2d } = layers

const seeded = (write: () => Sequential) => () => {
  setRandomSeed(1)
  return write()
}

export const networks: readonly Network[] = [
  {
    name: 'model1',
    batch: 5,
    inputShape: [784],
    create: seeded(() =>
      sequential([
        dense({ units: 30, activation: 'sigmoid', inputShape: [784] }),
        dense({ units: 10, activation: 'sigmoid' }),
      ]),
    ),
    options: () => ({ optimizer: optimizers.sgd(), loss: 'meanSquaredError', metrics: ['accuracy'] }),
  },
  {
    name: 'model3',
    batch: 128,
    inputShape: [784],
    create: seeded(() =>
      sequential([
        dense({ units: 30, activation: 'tanh', inputShape: [784] }),
        dense({ units: 10, activation: 'softmax' }),
      ]),
    ),
    options: () => ({ optimizer: optimizers.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] }),
  },
  {
    name: 'model5',
    batch: 128,
    inputShape: [28, 28, 1],
    create: seeded(() =>
      sequential([
        conv2d({ filters: 20, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
        maxPooling2d({ poolSize: 2 }),
        conv2d({ filters: 40, kernelSize: 3, activation: 'relu' }),
        maxPooling2d({ poolSize: 2 }),
        flatten(),
        dense({ units: 100, activation: 'tanh' }),
        dense({ units: 10, activation: 'softmax' }),
      ]),
    ),
    options: () => ({ optimizer: optimizers.sgd(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] }),
  },
]
