import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseNpy } from '../src/data/npy.js'
import { loadKeras } from '../src/index.js'
import { runCli, withFolder } from './support/cli.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
const files = resolve(process.env.LANEWISE_DATA || resolve('..', 'shared', 'data'), 'keras-files')
const model3 = join(files, 'mnist_model3')
const present = existsSync(model3)
if (!present) console.log(`skipped: there are no Keras files in ${files}`)

const run = (folder: string, ...args: string[]) => {
  const result = runCli(cli, args, folder)
  assert.is(result.status, 0, `${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

const refused = (folder: string, message: RegExp, ...args: string[]) => {
  const result = runCli(cli, args, folder)
  assert.is(result.status, 2, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
  assert.match(result.stderr, message)
  assert.not.match(result.stderr, /\n\s+at /, 'no stack trace')
}

/** Runs the model at `path` on Keras's inputs, and compares with what Keras gave. */
function predicts(folder: string, path: string): void {
  run(folder, 'run', path, '--input', join(model3, 'input.npy'), '--output-dir', 'out')
  const [file] = readdirSync(join(folder, 'out'))
  const npy = (place: string) => parseNpy(new Uint8Array(readFileSync(place)), place)
  const expected = npy(join(model3, 'output.npy')).toNumbers()
  const difference = npy(join(folder, 'out', file))
    .toNumbers()
    .map((value, i) => Math.abs(value - expected[i]))
  assert.ok(Math.max(...difference) <= 1e-5, `${path}: ${Math.max(...difference)}`)
}

if (present) {
  test('convert: each format into each other, with the same predictions', () =>
    withFolder((folder) => {
      const chain = [join(model3, 'model.h5'), 'a.keras', 'tfjs/', 'a.h5', 'b.keras', 'c.onnx']
      for (let i = 1; i < chain.length; i++) run(folder, 'convert', chain[i - 1], chain[i])
      for (const path of ['a.keras', 'tfjs', 'c.onnx']) predicts(folder, path)
      run(folder, 'convert', 'b.keras', 'folder', '--to', 'tfjs')
      assert.equal(readdirSync(join(folder, 'folder')).sort(), ['group1-shard1of1.bin', 'model.json'])
      run(folder, 'convert', 'a.keras', 'w.weights.h5')
      run(folder, 'convert', 'a.keras', 'w.safetensors')
      run(folder, 'convert', 'w.weights.h5', 'd.keras', '--model', 'a.keras')
      writeFileSync(join(folder, 'config.json'), JSON.stringify({}))
      run(folder, 'convert', 'w.safetensors', 'e.onnx', '--model', 'folder/model.json', '--float16-weights')
      predicts(folder, 'd.keras')
      assert.equal(
        readdirSync(folder).filter((name) => name.endsWith('.tmp')),
        [],
      )
    }))

  test('convert: what cannot be done is refused with the way around', () =>
    withFolder((folder) => {
      const keras = join(model3, 'model.keras')
      refused(folder, /does not say what to write; add --to onnx\|keras/, 'convert', keras, 'out')
      refused(folder, /--opset goes with ONNX only/, 'convert', keras, 'out.keras', '--opset', '17')
      refused(folder, /weights without a model; join them/, 'convert', join(model3, 'model.weights.h5'), 'out.keras')
      refused(folder, /comes from an ONNX file/, 'convert', join(model3, 'model.onnx'), 'out.keras')
      refused(folder, /--to pdf: give one of onnx, keras/, 'convert', keras, 'out', '--to', 'pdf')
      writeFileSync(join(folder, 'cut.keras'), readFileSync(keras).subarray(0, 9000))
      refused(folder, /cut\.keras: not a zip archive, or a truncated one/, 'convert', 'cut.keras', 'out.onnx')
      assert.equal(readdirSync(folder), ['cut.keras'])
    }))

  test('inspect shows models and weights of Keras', () =>
    withFolder((folder) => {
      const keras = run(folder, 'inspect', join(model3, 'model.keras'))
      assert.match(keras, /a \.keras file, by Keras 3\.15\.1, 2026/)
      assert.match(keras, /compiled with Adam, [\d,]+ steps; loss sparse_categorical_crossentropy/)
      assert.match(keras, /Total params: 23,860/)
      assert.match(run(folder, 'inspect', join(model3, 'model.h5')), /a whole model in HDF5, by Keras 3\.15\.1/)
      const weights = run(folder, 'inspect', join(model3, 'model.weights.h5'))
      assert.match(weights, /layers\/dense\/vars\/0: float32 \[784, 30\]|layers\/dense\/vars\/0: float32/)
      assert.match(run(folder, 'inspect', join(model3, 'model.keras'), '--stage', 'graph'), /MatMul/)
    }))

  test('evaluate, predict and train take Keras files', () =>
    withFolder(async (folder) => {
      const keras = join(model3, 'model.keras')
      const digits = ['--synthetic', '--limit', '256', '--json']
      const [evaluated] = runCli(cli, ['evaluate', keras, ...digits], folder).json()
      const { loss, accuracy } = evaluated.test as Record<string, number>
      assert.ok(loss > 0 && accuracy >= 0.1 && accuracy <= 1, `${loss} ${accuracy}`)
      const [predicted] = runCli(cli, ['predict', keras, '--sample', '3', '--synthetic', '--json'], folder).json()
      assert.is((predicted.scores as number[]).length, 10)
      const before = await loadKeras(keras)
      const args = ['train', keras, ...digits, '--batch-size', '64', '--epochs', '2', '--out', 'tuned.keras']
      const trained = runCli(cli, args, folder)
      assert.is(trained.status, 0, trained.stderr)
      const after = await loadKeras(join(folder, 'tuned.keras'))
      assert.is(after.optimizer.iterations, before.optimizer.iterations + 8)
      assert.is(after.compileOptions?.loss, 'sparse_categorical_crossentropy')
      const [again] = runCli(cli, ['evaluate', 'tuned.keras', ...digits], folder).json()
      assert.ok((again.test as Record<string, number>).loss < loss)
      before.dispose()
      after.dispose()
    }))
}

test.run()
