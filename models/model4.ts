import type { Recipe } from '../src/cli/recipe.js'
import { layers, optimizers, sequential } from '../src/index.js'

const recipe: Recipe = {
  name: 'model4',
  description: 'model4: conv 20 filters 5x5, max-pool 2x2, dense 100 tanh, dense 10 softmax; cross-entropy, SGD',
  model: () =>
    sequential([
      layers.conv2d({ filters: 20, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 100, activation: 'tanh' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  compile: () => ({
    optimizer: optimizers.sgd({ learningRate: 0.1 }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  }),
  batchSize: 128,
  epochs: 30,
}

export default recipe
