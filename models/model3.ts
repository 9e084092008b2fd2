import type { Recipe } from '../src/cli/recipe.js'
import { layers, sequential } from '../src/index.js'

const recipe: Recipe = {
  name: 'model3',
  description: 'model3: dense 30 tanh, dense 10 softmax; cross-entropy, Adam, all images',
  model: () =>
    sequential([
      layers.dense({ units: 30, activation: 'tanh', inputShape: [784] }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  compile: () => ({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] }),
  batchSize: 128,
  epochs: 100,
}

export default recipe
