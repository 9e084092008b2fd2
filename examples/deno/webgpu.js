// deno run --allow-read --allow-env --allow-sys webgpu.js [wasm]: a small network learns on the GPU, or on wasm.
import { configure, datasets, environment, layers, sequential, setRandomSeed, toCategorical } from 'lanewise'

const [backend = 'webgpu'] = Deno.args
configure({ backend })
setRandomSeed(1)
const { x, y } = datasets.syntheticDigits(60, 3)
const net = sequential([
  layers.conv2d({ filters: 4, kernelSize: 5, strides: 2, activation: 'relu', inputShape: [28, 28, 1] }),
  layers.maxPooling2d({ poolSize: 2 }),
  layers.flatten(),
  layers.dropout({ rate: 0.2 }),
  layers.dense({ units: 10, activation: 'softmax' }),
])
net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
const images = x.reshape([60, 28, 28, 1])
const { history } = await net.fit(images, toCategorical(y, 10), { epochs: 3, batchSize: 20, verbose: 0 })
const here = await environment()
console.log(JSON.stringify({ backend: here.backend, notes: here.notes, losses: history.loss }))
