import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sliceRows } from '../src/data/labels.js'
import { mnist } from '../src/data/mnist.js'
import { runCli, withFolder } from './support/cli.js'
import { dataRoot } from './support/conformance.js'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
const there = ['train-images-idx3-ubyte', 't10k-images-idx3-ubyte'].every((name) =>
  [name, `${name}.gz`].some((file) => existsSync(join(dataRoot, 'mnist', file))),
)

test('model5, one epoch of Adam on MNIST: 97.5 % of the test images, and the same in onnxruntime-web', () =>
  withFolder(async (folder) => {
    if (!there) {
      console.log(`SKIP training on MNIST: it is not in ${join(dataRoot, 'mnist')}`)
      return
    }
    const args = ['train', 'model5', '--data', 'mnist', '--data-dir', dataRoot, '--optimizer', 'adam', '--epochs', '1']
    const result = runCli(cli, [...args, '--seed', '1', '--out', 'm.onnx', '--json'], folder)
    assert.is(result.status, 0, result.stderr)
    const { accuracy } = result.json().at(-1)!.test as { accuracy: number }
    assert.ok(accuracy >= 0.975, `${accuracy}`)

    const { test: images } = await mnist({ dataDir: dataRoot })
    const session = await ort.InferenceSession.create(readFileSync(join(folder, 'm.onnx')))
    const labels = images.y.toNumbers()
    assert.is(labels.length, 10_000)
    let correct = 0
    for (let start = 0; start < labels.length; start += 1000) {
      const batch = sliceRows(images.x, start, start + 1000)
      const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', batch.data as Float32Array, batch.dims) }
      const scores = (await session.run(feeds))[session.outputNames[0]].data as Float32Array
      for (let row = 0; row < 1000; row++) {
        const values = scores.subarray(10 * row, 10 * row + 10)
        if (values.indexOf(Math.max(...values)) === labels[start + row]) correct++
      }
    }
    assert.is(correct / labels.length, accuracy)
  }))

test.run()
