import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networks } from '../bench/networks.js'
import { sliceRows, toCategorical } from '../src/data/labels.js'
import { type LabelledImages, mnist } from '../src/data/mnist.js'
import { configure } from '../src/environment.js'
import { type Model, optimizers, setRandomSeed } from '../src/keras/index.js'
import { dataRoot } from './support/conformance.js'
import { openWebGpu } from './support/webgpu.js'

const gpu = await openWebGpu('model5 on MNIST on webgpu')
gpu?.dispose()
const there = ['train-images-idx3-ubyte', 'train-images-idx3-ubyte.gz'].some((file) =>
  existsSync(join(dataRoot, 'mnist', file)),
)

const images = { train: 2048, test: 1000 }

const prepare = ({ x, y }: LabelledImages, count: number) => ({
  x: sliceRows(x, 0, count).reshape([count, 28, 28, 1]),
  y: toCategorical(sliceRows(y, 0, count), 10),
})

if (gpu && there)
  test('model5, an epoch over 2048 images of MNIST: the accuracy of the wasm backend within a point', async () => {
    const data = await mnist({ dataDir: dataRoot })
    const [train, unseen] = [prepare(data.train, images.train), prepare(data.test, images.test)]
    const network = networks.find(({ name }) => name === 'model5')!
    const runOn = async (backend: 'wasm' | 'webgpu') => {
      configure({ backend, threads: 1 })
      const net: Model = network.create()
      net.compile({ ...network.options(), optimizer: optimizers.adam({ learningRate: 0.002 }) })
      setRandomSeed(2)
      await net.fit(train.x, train.y, { epochs: 1, batchSize: 32, verbose: 0 })
      assert.equal(
        net.notes.filter((note) => note.includes('runs on wasm')),
        [],
      )
      const { accuracy } = await net.evaluate(unseen.x, unseen.y, { batchSize: 100, verbose: 0 })
      net.dispose()
      return accuracy
    }
    const [wasm, webgpu] = [await runOn('wasm'), await runOn('webgpu')]
    console.log(`model5 after ${images.train} images: ${wasm} on wasm, ${webgpu} on webgpu`)
    assert.ok(wasm >= 0.85, `wasm reaches ${wasm} only: an epoch teaches nothing`)
    assert.ok(Math.abs(webgpu - wasm) <= 0.01, `${webgpu} on webgpu, ${wasm} on wasm`)
  })
else test('there is no adapter, or no MNIST', () => {})

if (!there) console.log(`SKIP model5 on MNIST on webgpu: it is not in ${join(dataRoot, 'mnist')}`)

test.run()
