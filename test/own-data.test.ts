import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { encode } from 'fast-png'
import { zipSync } from 'fflate'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { probabilitiesOf } from '../src/cli/evaluation.js'
import { drawScores } from '../src/cli/terminal.js'
import { Tensor } from '../src/core/tensor.js'
import { formatNpy } from '../src/data/npy.js'
import { layers, sequential } from '../src/keras/index.js'
import { runCli, withFolder } from './support/cli.js'

const cli = join(fileURLToPath(new URL('..', import.meta.url)), 'cli.js')

function writeModel(path: string, net: ReturnType<typeof sequential>): void {
  writeFileSync(path, JSON.stringify(net))
}

/** A picture that is light above (class `top`) or below. */
function picture(top: boolean, shade: number): Uint8Array {
  const data = Uint8Array.from({ length: 64 }, (_, i) => (i < 32 === top ? 255 - shade : shade))
  return encode({ width: 8, height: 8, channels: 1, data })
}

test('train and evaluate on a folder of images', () =>
  withFolder((folder) => {
    for (const name of ['top', 'bottom']) {
      mkdirSync(join(folder, 'pictures', name), { recursive: true })
      for (let i = 0; i < 40; i++) writeFileSync(join(folder, 'pictures', name, `${i}.png`), picture(name === 'top', i))
    }
    const net = sequential([
      layers.flatten({ inputShape: [8, 8, 1] }),
      layers.dense({ units: 2, activation: 'softmax' }),
    ])
    writeModel(join(folder, 'net.json'), net)
    const common = ['--data', 'pictures', '--json']
    const trained = runCli(
      cli,
      ['train', 'net.json', ...common, '--epochs', '20', '--seed', '1', '--out', 'm.onnx', '--report', 'm.html'],
      folder,
    )
    assert.is(trained.status, 0, trained.stderr)
    const heads = readFileSync(join(folder, 'm.html'), 'utf8').matchAll(/<th scope="row">(\D*?)<\/th>/g)
    assert.equal(
      Array.from(heads, ([, name]) => name),
      ['bottom', 'top'],
    )
    const { test: result } = trained.json().at(-1) as { test: { accuracy: number } }
    assert.is(result.accuracy, 1)
    const evaluated = runCli(cli, ['evaluate', 'm.onnx', ...common], folder)
    assert.is(evaluated.status, 0, evaluated.stderr)
    assert.is((evaluated.json()[0].test as { accuracy: number }).accuracy, 1)

    // The model's metadata says that top is class 1, which it is not in this folder.
    mkdirSync(join(folder, 'others', 'top'), { recursive: true })
    for (let i = 0; i < 9; i++) writeFileSync(join(folder, 'others', 'top', `${i}.png`), picture(true, i))
    const others = runCli(cli, ['evaluate', 'm.onnx', '--data', 'others', '--json'], folder)
    assert.is((others.json()[0].test as { accuracy: number }).accuracy, 1)
    const [seen] = runCli(cli, ['predict', 'm.onnx', '--image', 'others/top/1.png', '--json'], folder).json()
    assert.equal([seen.prediction, seen.className], [1, 'top'])
    const shown = runCli(cli, ['predict', 'm.onnx', '--data', 'pictures', '--sample', '0'], folder)
    assert.match(shown.stdout, /prediction: (top|bottom) \(label: \1\)\n\1 +█/)
    const named = ['--class-names', 'up, down']
    assert.match(
      runCli(cli, ['predict', 'm.onnx', '--image', 'others/top/1.png', ...named], folder).stdout,
      /prediction: down\ndown {2}█/,
    )
    const refused = runCli(cli, ['evaluate', 'm.onnx', '--data', 'others', ...named], folder)
    assert.is(refused.status, 2)
    assert.match(refused.stderr, /others: 'top' is not among the classes 'up', 'down'/)
  }))

test('train on a CSV file whose last column names classes', () =>
  withFolder((folder) => {
    const rows = Array.from({ length: 200 }, (_, i) => {
      const [a, b] = [Math.sin(i * 12.9), Math.sin(i * 78.2)]
      return `${a},${b},${a > b ? 'more' : 'less'}`
    })
    writeFileSync(join(folder, 'table.csv'), ['a,b,kind', ...rows].join('\n'))
    writeModel(
      join(folder, 'net.json'),
      sequential([layers.dense({ units: 2, activation: 'softmax', inputShape: [2] })]),
    )
    const args = [
      'train',
      'net.json',
      '--data',
      'table.csv',
      '--epochs',
      '60',
      '--batch-size',
      '16',
      '--seed',
      '1',
      '--json',
    ]
    const trained = runCli(cli, [...args, '--learning-rate', '0.05'], folder)
    assert.is(trained.status, 0, trained.stderr)
    assert.ok((trained.json().at(-1)!.test as { accuracy: number }).accuracy >= 0.9)
  }))

test('a module trains its model as it compiled it; one output is the probability of class 1', () =>
  withFolder((folder) => {
    const rows = Array.from({ length: 200 }, (_, i) => {
      const [a, b] = [Math.sin(i * 12.9), Math.sin(i * 78.2)]
      return `${a},${b},${a > b ? 1 : 0}`
    })
    writeFileSync(join(folder, 'table.csv'), ['a,b,more', ...rows].join('\n'))
    writeFileSync(join(folder, 'three.csv'), ['a,b,more', ...rows.slice(0, 9).map((row) => `${row}1`)].join('\n'))
    const source = pathToFileURL(join(cli, '../index.js')).href
    const net = (activation: string, loss: string) => `
import { layers, optimizers, sequential } from '${source}'
const net = sequential([layers.dense({ units: 1, activation: '${activation}', inputShape: [2] })])
net.compile({ optimizer: optimizers.adam({ learningRate: 0.05 }), loss: ${loss}, metrics: ['accuracy'] })
export default net`
    writeFileSync(join(folder, 'net.mjs'), net('sigmoid', "'binaryCrossentropy'"))
    const settings = ['--epochs', '40', '--batch-size', '16', '--seed', '1', '--out', 'm.onnx', '--report', 'm.html']
    const trained = runCli(cli, ['train', 'net.mjs', '--data', 'table.csv', ...settings, '--json'], folder)
    assert.is(trained.status, 0, trained.stderr)
    const result = trained.json().at(-1)!.test as { loss: number; accuracy: number }
    assert.ok(result.accuracy >= 0.9)
    const wrong = Math.round(20 * (1 - result.accuracy))
    assert.match(readFileSync(join(folder, 'm.html'), 'utf8'), new RegExp(`id="mistakes">${wrong}<`))
    const evaluated = runCli(cli, ['evaluate', 'm.onnx', '--data', 'table.csv', '--json'], folder).json()[0]
    const { loss, accuracy } = evaluated.test as typeof result
    assert.is(accuracy, result.accuracy)
    assert.ok(Math.abs(loss - result.loss) < 1e-5, `${loss}, ${result.loss}`)
    const sample = runCli(
      cli,
      ['predict', 'm.onnx', '--data', 'table.csv', '--sample', '0', '--json'],
      folder,
    ).json()[0]
    assert.equal([sample.prediction], sample.scores)
    const refused = runCli(cli, ['evaluate', 'm.onnx', '--data', 'three.csv'], folder)
    assert.is(refused.status, 2)
    assert.match(refused.stderr, /label \d1 of sample 0 is not one of the model’s 2 classes/)
  }))

test('scores that are no probabilities are logits', () => {
  const near = (scores: Tensor, expected: number[]) =>
    probabilitiesOf(scores)
      .toNumbers()
      .forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]) < 1e-6, `${i}: ${value}, ${expected[i]}`)
      })
  near(new Tensor('float32', [0.25, 1], [2, 1]), [0.75, 0.25, 0, 1])
  near(new Tensor('float32', [0, Math.log(3)], [2, 1]), [0.5, 0.5, 0.25, 0.75])
  near(new Tensor('float32', [Math.log(2), Math.log(6), 1000, 1000], [2, 2]), [0.25, 0.75, 0.5, 0.5])
  near(new Tensor('float32', [0.1, 0.6], [1, 2]), [0.1, 0.6])
  assert.match(drawScores(Float32Array.of(-3, 12.5, 4)), /^1 {2}12\.5000\n2 {2}4\.00000\n0 {2}-3\.00000$/)
})

test('predict: colour pictures for channels first and last', () =>
  withFolder(async (folder) => {
    const data = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255)
    writeFileSync(join(folder, 'p.png'), encode({ width: 2, height: 2, channels: 3, data }))
    for (const inputShape of [
      [3, 2, 2],
      [2, 2, 3],
    ]) {
      writeFileSync(join(folder, 'm.onnx'), await sequential([layers.flatten({ inputShape })]).toOnnx())
      const { scores } = runCli(cli, ['predict', 'm.onnx', '--image', 'p.png', '--json'], folder).json()[0]
      const pixels = Array.from(data, (value) => value / 255)
      const planes = [0, 1, 2].flatMap((channel) => pixels.filter((_, i) => i % 3 === channel))
      assert.equal(scores, inputShape[0] === 3 ? planes : pixels)
    }
  }))

test('train on a .npz file, and what is refused', () =>
  withFolder((folder) => {
    const arrays = (prefix: string, count: number) => {
      const y = Uint8Array.from({ length: count }, (_, i) => i % 3)
      const x = Uint8Array.from({ length: count * 6 }, (_, i) => (i % 6 === y[Math.floor(i / 6)] ? 255 : i % 50))
      return {
        [`x_${prefix}.npy`]: formatNpy(new Tensor('uint8', x, [count, 6])),
        [`y_${prefix}.npy`]: formatNpy(new Tensor('uint8', y, [count])),
      }
    }
    writeFileSync(join(folder, 'data.npz'), zipSync({ ...arrays('train', 90), ...arrays('test', 30) }))
    writeFileSync(join(folder, 'odd.npz'), zipSync({ 'a.npy': formatNpy(Tensor.zeros('float32', [2])) }))
    writeModel(
      join(folder, 'net.json'),
      sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [6] })]),
    )
    const run = (data: string, ...more: string[]) =>
      runCli(cli, ['train', 'net.json', '--data', data, '--json', ...more], folder)
    const trained = run('data.npz', '--epochs', '80', '--batch-size', '10', '--seed', '1', '--learning-rate', '0.05')
    assert.is(trained.status, 0, trained.stderr)
    assert.is((trained.json().at(-1)!.test as { accuracy: number }).accuracy, 1)
    for (const [data, message] of [
      ['odd.npz', /it holds a; wanted are x_train/],
      ['none.npz', /there is no such file or folder/],
      ['net.json', /give mnist, a folder of images/],
      ['.', /images need a network that takes \[height, width, channels\]/],
    ] as const) {
      const { status, stderr } = run(data)
      assert.is(status, 2)
      assert.match(stderr, message)
    }
  }))

test.run()
