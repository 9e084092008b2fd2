import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { parseSafetensors } from '../src/data/safetensors.js'
import {
  Callback,
  callbacks,
  layers,
  loadKeras,
  loadOnnx,
  type Model,
  optimizers,
  sequential,
  setRandomSeed,
} from '../src/keras/index.js'
import { refusal } from './support/errors.js'

const samples = 40
const waves = (size: number, factor: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(factor * i))
const x = new Tensor('float32', waves(samples * 3, 1.3), [samples, 3])
const y = new Tensor('float32', waves(samples, 0.7), [samples, 1])

function network(optimizer = optimizers.adam({ learningRate: 0.05 })): Model {
  setRandomSeed(11)
  const net = sequential([
    layers.dense({ units: 8, activation: 'tanh', inputShape: [3], name: 'hidden' }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 1, name: 'out' }),
  ])
  net.compile({ optimizer, loss: 'mse', metrics: ['mae'] })
  return net
}

const weightsOf = async (net: Model) => (await net.weightContents()).map((weight) => [...(weight.data as Float32Array)])

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-callbacks-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Has the epochs' logs say `values`. */
const scripted = (name: string, values: readonly number[]): Callback => ({
  onEpochEnd: (epoch, logs) => {
    logs[name] = values[epoch]
  },
})

test('hooks run in order, around batches, validation, evaluate and predict', async () => {
  const net = network()
  const calls: string[] = []
  class Log extends Callback {
    override onTrainBegin() {
      calls.push(`train ${this.params.epochs} ${this.params.steps} ${this.model.name === net.name}`)
    }
    override onTrainBatchBegin(batch: number) {
      calls.push(`batch ${batch}`)
    }
    override async onTrainBatchEnd(batch: number) {
      calls.push(`batch end ${batch}`)
    }
    override onTestBegin() {
      calls.push('test')
    }
    override onTestBatchBegin(batch: number) {
      calls.push(`test batch ${batch}`)
    }
    override onTestBatchEnd(batch: number) {
      calls.push(`test batch end ${batch}`)
    }
    override onTestEnd() {
      calls.push('test end')
    }
    override onPredictBegin() {
      calls.push('predict')
    }
    override onPredictBatchEnd(batch: number) {
      calls.push(`predict batch end ${batch}`)
    }
    override onPredictEnd() {
      calls.push('predict end')
    }
    override onTrainEnd() {
      calls.push('train end')
    }
  }
  const log = new Log()
  await net.fit(x, y, { batchSize: 16, validationSplit: 0.2, callbacks: [log], verbose: 0 })
  const test8 = ['test', 'test batch 0', 'test batch end 0', 'test end']
  assert.equal(calls, ['train 1 2 true', 'batch 0', 'batch end 0', 'batch 1', 'batch end 1', ...test8, 'train end'])
  calls.length = 0
  await net.evaluate(x, y, { batchSize: 40, callbacks: [log], verbose: 0 })
  assert.equal(calls, test8)
  calls.length = 0
  await net.predict(x, { batchSize: 20, callbacks: [log] })
  assert.equal(calls, ['predict', 'predict batch end 0', 'predict batch end 1', 'predict end'])
  net.dispose()
})

test('callbacks may evaluate and predict, which does not change the training; nothing else may', async () => {
  const alone = network()
  await alone.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0 })
  const net = network()
  const seen: number[] = []
  const during = {
    onEpochEnd: async () => {
      seen.push((await net.evaluate(x, y, { verbose: 0 })).loss)
      await net.predict(x)
    },
  }
  await net.fit(x, y, { epochs: 3, batchSize: 8, callbacks: [during], verbose: 0 })
  assert.is(seen.length, 3)
  assert.equal(await weightsOf(net), await weightsOf(alone))
  assert.is(seen[2], (await net.evaluate(x, y, { verbose: 0 })).loss)
  const nested = { onEpochEnd: () => void 0, onEpochBegin: async () => void (await net.fit(x, y, { verbose: 0 })) }
  assert.match(await refusal(() => net.fit(x, y, { callbacks: [nested], verbose: 0 })), /busy/)
  net.dispose()
  alone.dispose()
})

for (const [what, options, values, stopped, best] of [
  ['patience', { patience: 2 }, [5, 4, 4.5, 4.4, 1, 1], 3, 1],
  ['no patience', {}, [5, 4, 4, 3], 2, 1],
  ['minDelta', { patience: 1, minDelta: 0.5 }, [5, 4.6, 4, 1], 1, 0],
  ['mode max', { patience: 1, mode: 'max' as const }, [1, 2, 1.5, 3], 2, 1],
  ['a start', { patience: 1, startFromEpoch: 2 }, [1, 2, 3, 3.5, 0], 3, 2],
  // Improvements that do not beat the baseline do not restart the waiting, and do not end it.
  ['a baseline', { patience: 2, baseline: 1 }, [5, 4, 4.5, 0, 0], 2, 1],
  ['a baseline that is beaten', { patience: 2, baseline: 4.5 }, [5, 4, 4.5, 4.2, 0], 3, 1],
] as const)
  test(`EarlyStopping with ${what}`, async () => {
    const net = network()
    const contents: number[][][] = []
    const stopping = callbacks.earlyStopping({ monitor: 'val_loss', restoreBestWeights: true, ...options })
    const keep = { onEpochEnd: async () => void contents.push(await weightsOf(net)) }
    const { epoch } = await net.fit(x, y, {
      epochs: values.length,
      callbacks: [scripted('val_loss', values), keep, stopping],
      verbose: 0,
    })
    assert.is(epoch.length, stopped + 1)
    assert.is(stopping.stoppedEpoch, stopped)
    assert.is(stopping.bestEpoch, best)
    assert.equal(await weightsOf(net), contents[best])
    net.dispose()
  })

test('monitors say what is not logged, and what they cannot tell', async () => {
  const net = network()
  const fit = (monitor: string, extra = {}) =>
    net.fit(x, y, { epochs: 2, callbacks: [callbacks.earlyStopping({ monitor })], verbose: 0, ...extra })
  assert.match(await refusal(() => fit('val_loss')), /'val_loss', which is not logged; logged: loss/)
  assert.match(await refusal(() => fit('swing')), /mode: 'min' or 'max'/)
  const { epoch } = await fit('val_mae', { validationSplit: 0.2, validationFreq: 2 })
  assert.is(epoch.length, 2)
  net.dispose()
})

test('ReduceLROnPlateau follows patience, cooldown and the least rate', async () => {
  const net = network(optimizers.sgd({ learningRate: 0.08 }))
  const { history } = await net.fit(x, y, {
    epochs: 9,
    callbacks: [
      scripted('loss', [3, 3, 3, 3, 3, 3, 2, 2, 2]),
      callbacks.reduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 2, cooldown: 2, minLr: 0.03 }),
    ],
    verbose: 0,
  })
  // Waits at epochs 1 and 2, rests at 3 and 4 (where the rest ends and counting starts), reduces at 5 to the least rate.
  const rates = history.learning_rate.map((rate) => Math.round(rate * 1000) / 1000)
  assert.equal(rates, [0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.03, 0.03, 0.03])
  net.dispose()
})

test('LearningRateScheduler sets and logs rates; others than numbers are refused', async () => {
  const net = network(optimizers.sgd({ learningRate: 0.5 }))
  const { history } = await net.fit(x, y, {
    epochs: 3,
    callbacks: [callbacks.learningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2))],
    verbose: 0,
  })
  assert.equal(history.learning_rate, [0.5, 0.25, 0.125])
  const wrong = callbacks.learningRateScheduler(() => Number.NaN)
  assert.match(await refusal(() => net.fit(x, y, { callbacks: [wrong], verbose: 0 })), /must give a number/)
  net.dispose()
})

test('ModelCheckpoint fills the path in and saves ONNX that predicts alike', async () => {
  await withFolder(async (folder) => {
    const net = network()
    const saving = callbacks.modelCheckpoint({ filepath: join(folder, 'a/{epoch:03d}-{loss:.2f}.onnx') })
    const { history } = await net.fit(x, y, { epochs: 2, callbacks: [saving], verbose: 0 })
    const names = history.loss.map((loss, i) => `00${i + 1}-${loss.toFixed(2)}.onnx`)
    assert.equal(readdirSync(join(folder, 'a')).sort(), names)
    const again = await loadOnnx(new Uint8Array(readFileSync(join(folder, 'a', names[1]))))
    const [expected, got] = [await net.predict(x), await again.predict(x)]
    for (let i = 0; i < samples; i++)
      assert.ok(Math.abs((expected.data as Float32Array)[i] - (got.data as Float32Array)[i]) < 1e-5)
    net.dispose()
    again.dispose()
  })
})

test('ModelCheckpoint saves weights of the best epoch only, or every so many batches', async () => {
  await withFolder(async (folder) => {
    const net = network()
    const path = join(folder, 'best.safetensors')
    const contents: number[][][] = []
    await net.fit(x, y, {
      epochs: 4,
      callbacks: [
        scripted('val_loss', [3, 2, 2.5, 2]),
        { onEpochEnd: async () => void contents.push(await weightsOf(net)) },
        callbacks.modelCheckpoint({ filepath: path, saveBestOnly: true, saveWeightsOnly: true }),
      ],
      verbose: 0,
    })
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)))
    assert.equal([...tensors.keys()], ['hidden/kernel', 'hidden/bias', 'out/kernel', 'out/bias'])
    assert.equal(
      [...tensors.values()].map((tensor) => [...(tensor.data as Float32Array)]),
      contents[1],
    )
    const weights = callbacks.modelCheckpoint({ filepath: join(folder, 'a.weights.h5'), saveWeightsOnly: true })
    const whole = callbacks.modelCheckpoint({ filepath: join(folder, 'a.keras') })
    await net.fit(x, y, { callbacks: [weights, whole], verbose: 0 })
    const again = await loadKeras(join(folder, 'a.keras'))
    assert.equal(await weightsOf(again), await weightsOf(net))
    again.setWeights(again.getWeights().map(({ dims }) => Tensor.zeros('float32', dims)))
    await again.loadWeights(join(folder, 'a.weights.h5'))
    assert.equal(await weightsOf(again), await weightsOf(net))
    again.dispose()
    const written: string[] = []
    const write = (name: string) => void written.push(name)
    const saving = callbacks.modelCheckpoint({ filepath: '{epoch}-{batch}.onnx', saveFreq: 3, write })
    await net.fit(x, y, { epochs: 2, batchSize: 10, callbacks: [saving], verbose: 0 })
    assert.equal(written, ['1-3.onnx', '2-2.onnx'])
    net.dispose()
  })
})

test('ModelCheckpoint refuses forms and names that it does not know', async () => {
  const net = network()
  const fit = (options: { filepath: string; saveWeightsOnly?: boolean }) =>
    net.fit(x, y, { callbacks: [callbacks.modelCheckpoint({ ...options, write: () => {} })], verbose: 0 })
  assert.match(await refusal(() => fit({ filepath: 'a.pt' })), /\.onnx/)
  assert.match(await refusal(() => fit({ filepath: 'a.onnx', saveWeightsOnly: true })), /\.safetensors/)
  assert.match(await refusal(() => fit({ filepath: '{val_loss}.onnx' })), /asks for 'val_loss'; there are loss/)
  net.dispose()
})

for (const saveFreq of ['epoch', 3] as const)
  test(`BackupAndRestore (${saveFreq}) goes on after a break to the same bits`, async () => {
    await withFolder(async (folder) => {
      const options = { epochs: 5, batchSize: 8, validationSplit: 0.2, verbose: 0 } as const
      const whole = network()
      await whole.fit(x, y, options)
      const backup = () => callbacks.backupAndRestore({ backupDir: join(folder, 'backup'), saveFreq })
      const broken = network()
      let batches = 0
      const failure = {
        onTrainBatchEnd: () => {
          if (++batches === 11) throw new Error('power cut')
        },
      }
      const message = await refusal(() => broken.fit(x, y, { ...options, callbacks: [backup(), failure] }))
      assert.is(message, 'power cut')
      assert.ok(existsSync(join(folder, 'backup/checkpoint.safetensors')))
      const second = network()
      const epochs: number[] = []
      const note = { onEpochBegin: (epoch: number) => void epochs.push(epoch) }
      await second.fit(x, y, { ...options, callbacks: [backup(), note] })
      assert.equal(epochs, [2, 3, 4])
      assert.equal(await weightsOf(second), await weightsOf(whole))
      assert.not(existsSync(join(folder, 'backup/checkpoint.safetensors')))
      for (const net of [whole, broken, second]) net.dispose()
    })
  })

test('CSVLogger writes a line an epoch, and goes on with a file', async () => {
  await withFolder(async (folder) => {
    const net = network()
    const filename = join(folder, 'logs/log.csv')
    const fit = (append: boolean, epochs: number, initialEpoch = 0) =>
      net.fit(x, y, {
        epochs,
        initialEpoch,
        validationSplit: 0.2,
        validationFreq: 2,
        callbacks: [callbacks.csvLogger({ filename, append })],
        verbose: 0,
      })
    const { history } = await fit(false, 2)
    await fit(true, 3, 2)
    const lines = readFileSync(filename, 'utf8').split('\n')
    assert.is(lines[0], 'epoch,loss,mae,val_loss,val_mae')
    assert.is(lines[1], `0,${history.loss[0]},${history.mae[0]},NA,NA`)
    assert.is(lines[2], `1,${history.loss[1]},${history.mae[1]},${history.val_loss[0]},${history.val_mae[0]}`)
    assert.match(lines[3], /^2,[\d.e-]+,[\d.e-]+,NA,NA$/)
    assert.equal(lines.slice(4), [''])
    await fit(false, 1)
    assert.is(readFileSync(filename, 'utf8').split('\n').length, 3)
    writeFileSync(filename, 'epoch,mae')
    await fit(true, 1)
    assert.match(readFileSync(filename, 'utf8'), /^epoch,mae\n0,[\d.e-]+\n$/)
    net.dispose()
  })
})

test('SwapEMAWeights: validation sees the averages, training does not', async () => {
  const ema = () => optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 })
  const raw: number[][][] = []
  const plain = network(ema())
  await plain.fit(x, y, {
    epochs: 3,
    batchSize: 40,
    shuffle: false,
    verbose: 0,
    callbacks: [{ onEpochEnd: async () => void raw.push(await weightsOf(plain)) }],
  })
  for (const swapOnEpoch of [false, true]) {
    const net = network(ema())
    const tested: number[][][] = []
    const after: number[][][] = []
    await net.fit(x, y, {
      epochs: 3,
      batchSize: 40,
      shuffle: false,
      validationData: [x, y],
      callbacks: [
        callbacks.swapEMAWeights({ swapOnEpoch }),
        {
          onTestBegin: async () => void tested.push(await weightsOf(net)),
          onEpochEnd: async () => void after.push(await weightsOf(net)),
        },
      ],
      verbose: 0,
    })
    // The average after each step: the first weights themselves, then half and half.
    let average = raw[0]
    raw.forEach((weights, epoch) => {
      average = weights.map((weight, i) => weight.map((value, k) => (average[i][k] + value) / 2))
      const [seen, expected] = [tested[epoch].flat(), average.flat()]
      assert.ok(seen.every((value, k) => Math.abs(value - expected[k]) < 1e-5))
      assert.equal(after[epoch], swapOnEpoch ? tested[epoch] : raw[epoch])
    })
    assert.equal(await weightsOf(net), tested[2], 'the averages stay at the end')
    net.dispose()
  }
  plain.dispose()
})

test('RemoteMonitor posts the logs; a server that is not there does not stop the training', async () => {
  const net = network()
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = `${request.method} ${request.url} ${request.headers['content-type']?.split(';')[0]} `
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      bodies.push(body)
      response.end()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { history } = await net.fit(x, y, {
    callbacks: [callbacks.remoteMonitor({ root }), callbacks.remoteMonitor({ root, path: '/x', sendAsJson: true })],
    verbose: 0,
  })
  await new Promise((done) => server.close(done))
  const json = JSON.stringify({ epoch: 0, loss: history.loss[0], mae: history.mae[0] })
  const form = new URLSearchParams({ data: json })
  assert.equal(bodies, [
    `POST /publish/epoch/end/ application/x-www-form-urlencoded ${form}`,
    `POST /x application/json ${json}`,
  ])
  const { warn } = console
  const warnings: string[] = []
  console.warn = (text: string) => void warnings.push(text)
  try {
    await net.fit(x, y, { callbacks: [callbacks.remoteMonitor({ root })], verbose: 0 })
  } finally {
    console.warn = warn
  }
  assert.match(warnings[0], /RemoteMonitor could not reach/)
  net.dispose()
})

test('TerminateOnNaN with raiseError rejects', async () => {
  const net = network(optimizers.sgd({ learningRate: 1e30 }))
  const guard = callbacks.terminateOnNaN({ raiseError: true })
  assert.match(
    await refusal(() => net.fit(x, y, { epochs: 9, callbacks: [guard], verbose: 0 })),
    /the loss is (NaN|Inf)/,
  )
  net.dispose()
})

test('ProgbarLogger prints an epoch, once', async () => {
  const net = network()
  const { write } = process.stdout
  const lines: string[] = []
  process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write
  try {
    await net.fit(x, y, { epochs: 1, batchSize: 20, callbacks: [callbacks.progbarLogger()], verbose: 2 })
  } finally {
    process.stdout.write = write
  }
  const text = lines.join('')
  assert.is(text.match(/Epoch 1\/1/g)?.length, 1)
  assert.is(text.match(/2\/2 .*loss: [\d.]+.* - mae: [\d.]+/g)?.length, 1)
  net.dispose()
})

test.run()
