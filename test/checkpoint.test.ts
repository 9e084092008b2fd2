import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { Tensor } from '../src/core/tensor.js'
import { type Batch, layers, type Model, sequential, setRandomSeed } from '../src/keras/index.js'
import {
  type Checkpoint,
  formatCheckpoint,
  parseCheckpoint,
  readCheckpoint,
  restoreCheckpoint,
  takeCheckpoint,
  writeCheckpoint,
} from '../src/keras/training/checkpoint.js'

const samples = 50
const x = new Tensor(
  'float32',
  Float32Array.from({ length: samples * 6 }, (_, i) => Math.sin(i)),
  [samples, 6],
)
const y = new Tensor(
  'float32',
  Float32Array.from({ length: samples }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  [samples, 1],
)

function network(): Model {
  setRandomSeed(3)
  const net = sequential([
    layers.dense({ units: 16, activation: 'tanh', inputShape: [6] }),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ])
  net.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  return net
}

const bitsOf = async (net: Model) => (await net.weightContents()).map((weight) => [...(weight.data as Float32Array)])

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-checkpoint-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const batches: AsyncIterable<Batch> = {
  async *[Symbol.asyncIterator]() {
    for (let from = 0; from < samples; from += 10)
      yield [
        new Tensor('float32', (x.data as Float32Array).slice(from * 6, (from + 10) * 6), [10, 6]),
        new Tensor('float32', (y.data as Float32Array).slice(from, from + 10), [10, 1]),
      ] as const
  },
}

const forms = [
  ['arrays', (net: Model, options: object) => net.fit(x, y, { batchSize: 10, verbose: 0, ...options })],
  ['a dataset', (net: Model, options: object) => net.fit(batches, undefined, { verbose: 0, ...options })],
] as const

for (const [name, fit] of forms)
  test(`a checkpoint within an epoch goes on to the same weights and logs: ${name}`, async () => {
    const whole = network()
    const { history } = await fit(whole, { epochs: 3 })

    const broken = network()
    let bytes: Uint8Array | undefined
    await fit(broken, {
      epochs: 3,
      callbacks: [
        {
          onEpochBegin(epoch: number) {
            this.epoch = epoch
          },
          epoch: 0,
          async onBatchEnd(batch: number) {
            if (this.epoch !== 1 || batch !== 2) return
            bytes = await formatCheckpoint(await takeCheckpoint(broken))
            broken.stopTraining = true
          },
        },
      ],
    })
    const resumed = network()
    const checkpoint = await parseCheckpoint(bytes!, 'checkpoint')
    await restoreCheckpoint(resumed, checkpoint)
    const { epoch, batch } = checkpoint.state.position
    assert.equal([epoch, batch], [1, 3])
    const rest = await fit(resumed, { epochs: 3, initialEpoch: epoch, initialBatch: batch })
    assert.equal(rest.history.loss, history.loss.slice(1))
    assert.equal(rest.history.accuracy, history.accuracy.slice(1))
    assert.equal(await bitsOf(resumed), await bitsOf(whole))
    for (const net of [whole, broken, resumed]) net.dispose()
  })

test('an epoch that is broken off is not counted: its end keeps where it stood', async () => {
  const whole = network()
  await whole.fit(x, y, { batchSize: 10, verbose: 0, epochs: 2 })
  const broken = network()
  let checkpoint: Checkpoint | undefined
  await broken.fit(x, y, {
    batchSize: 10,
    verbose: 0,
    epochs: 2,
    callbacks: [
      {
        onBatchEnd(batch: number) {
          if (batch === 1) broken.stopTraining = true
        },
        async onEpochEnd() {
          checkpoint = await takeCheckpoint(broken)
        },
      },
    ],
  })
  const { epoch, batch } = checkpoint!.state.position
  assert.equal([epoch, batch], [0, 2])
  const resumed = network()
  await restoreCheckpoint(resumed, checkpoint!)
  await resumed.fit(x, y, { batchSize: 10, verbose: 0, epochs: 2, initialEpoch: epoch, initialBatch: batch })
  assert.equal(await bitsOf(resumed), await bitsOf(whole))
  for (const net of [whole, broken, resumed]) net.dispose()
})

test('a checkpoint cut anywhere is passed over for the one before it', () =>
  withFolder(async (folder) => {
    const net = network()
    await net.fit(x, y, { batchSize: 10, verbose: 0 })
    await writeCheckpoint(folder, await takeCheckpoint(net))
    await net.fit(x, y, { batchSize: 10, verbose: 0, initialEpoch: 1, epochs: 2 })
    await writeCheckpoint(folder, await takeCheckpoint(net))
    const path = join(folder, 'checkpoint.safetensors')
    const whole = readFileSync(path)
    const read = async () => (await readCheckpoint(folder))!
    assert.equal([(await read()).checkpoint.state.position.epoch, (await read()).note], [2, undefined])
    const lengths = Array.from({ length: Math.ceil(whole.length / 100) }, (_, i) => i * 100)
    assert.ok(lengths.length > 20)
    for (const length of [...lengths, whole.length - 1]) {
      writeFileSync(path, whole)
      truncateSync(path, length)
      const { checkpoint, note } = await read()
      assert.is(checkpoint.state.position.epoch, 1, `cut at ${length}`)
      assert.match(note!, /damaged checkpoint was passed over/)
    }
    for (let at = 0; at < whole.length; at += 97) {
      const bytes = Uint8Array.from(whole)
      bytes[at] ^= 4
      writeFileSync(path, bytes)
      assert.is((await read()).checkpoint.state.position.epoch, 1, `flipped at ${at}`)
    }
    rmSync(path)
    assert.is((await read()).checkpoint.state.position.epoch, 1)
    truncateSync(join(folder, 'checkpoint.previous.safetensors'), 100)
    try {
      await readCheckpoint(folder)
      assert.unreachable('a damaged checkpoint was read')
    } catch (error) {
      assert.instance(error, LanewiseError)
      assert.match((error as Error).message, /no whole checkpoint in .*; delete it and start anew/)
    }
    net.dispose()
  }))

test.run()
