import type { Recipe } from '../src/cli/recipe.js'
import { layers, sequential } from '../src/index.js'

const recipe: Recipe = {
  name: 'model1',
  description: 'model1: dense 30 sigmoid, dense 10 sigmoid; mean squared error, SGD, 500 images',
  model: () =>
    sequential([
      layers.dense({ units: 30, activation: 'sigmoid', inputShape: [784] }),
      layers.dense({ units: 10, activation: 'sigmoid' }),
    ]),
  compile: () => ({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['accuracy'] }),
  batchSize: 5,
  epochs: 1000,
  limit: 500,
  testLimit: 100,
}

export default recipe
