import type { Recipe } from '../src/cli/recipe.js'
import { layers, sequential } from '../src/index.js'

const recipe: Recipe = {
  name: 'model2',
  description: 'model2: model1 with dropout 0.2 between the layers',
  model: () =>
    sequential([
      layers.dense({ units: 30, activation: 'sigmoid', inputShape: [784] }),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 10, activation: 'sigmoid' }),
    ]),
  compile: () => ({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['accuracy'] }),
  batchSize: 5,
  epochs: 1000,
  limit: 500,
  testLimit: 100,
}

export default recipe
