import type { Recipe } from '../src/cli/recipe.js'
import { layers, optimizers, sequential } from '../src/index.js'

const recipe: Recipe = {
  name: 'model5',
  description: 'model5: model4 with conv 40 filters 3x3 and max-pool 2x2 after the first pool',
  model: () =>
    sequential([
      layers.conv2d({ filters: 20, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 40, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 100, activation: 'tanh' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  compile: () => ({
    optimizer: optimizers.sgd({ learningRate: 0.2 }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  }),
  batchSize: 128,
  epochs: 100,
}

export default recipe
