import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'
import { zipSync } from 'fflate'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
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
      ['train', 'net.json', ...common, '--epochs', '20', '--seed', '1', '--out', 'm.onnx'],
      folder,
    )
    assert.is(trained.status, 0, trained.stderr)
    const { test: result } = trained.json().at(-1) as { test: { accuracy: number } }
    assert.is(result.accuracy, 1)
    const evaluated = runCli(cli, ['evaluate', 'm.onnx', ...common], folder)
    assert.is(evaluated.status, 0, evaluated.stderr)
    assert.is((evaluated.json()[0].test as { accuracy: number }).accuracy, 1)
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
