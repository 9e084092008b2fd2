import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { crc32c, eventRecord, histogramOf } from '../src/data/event-log.js'
import { callbacks, layers, optimizers, sequential } from '../src/keras/index.js'

/** CRC-32C bit by bit, over the unreflected polynomial 0x1edc6f41 with reflected bytes: another way than the code's table. */
function slowCrc32c(bytes: Uint8Array): number {
  const reverse = (value: number, bits: number) =>
    [...value.toString(2).padStart(bits, '0')].reverse().reduce((sum, bit) => sum * 2 + Number(bit), 0)
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc = (crc ^ (reverse(byte, 8) * 2 ** 24)) >>> 0
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc >= 2 ** 31 ? 0x1edc6f41 : 0)) >>> 0
  }
  return (reverse(crc, 32) ^ 0xffffffff) >>> 0
}

interface Field {
  readonly field: number
  readonly value: number | Uint8Array
}

/** The fields of a protobuf message, by the encoding's documentation: varints and fixed numbers as numbers, the rest as bytes. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  const fields: Field[] = []
  while (at < bytes.length) {
    const key = varint()
    const field = key >>> 3
    if ((key & 7) === 0) fields.push({ field, value: varint() })
    else if ((key & 7) === 1) {
      fields.push({ field, value: view.getFloat64(at, true) })
      at += 8
    } else if ((key & 7) === 5) {
      fields.push({ field, value: view.getFloat32(at, true) })
      at += 4
    } else if ((key & 7) === 2) {
      const size = varint()
      fields.push({ field, value: bytes.subarray(at, at + size) })
      at += size
    } else throw new Error(`wire type ${key & 7}`)
  }
  assert.is(at, bytes.length)
  return fields
}

const first = (fields: readonly Field[], field: number) => fields.find((item) => item.field === field)?.value
const textOf = (value: number | Uint8Array | undefined) => new TextDecoder().decode(value as Uint8Array)
const doublesOf = (value: number | Uint8Array | undefined) => [
  ...new Float64Array((value as Uint8Array).slice().buffer),
]

interface Event {
  readonly step: number
  readonly version: string
  readonly scalars: Record<string, number>
  readonly histograms: Record<string, { numbers: number[]; limits: number[]; counts: number[] }>
}

/** The events of a file; every length and checksum is held to what it covers. */
function eventsOf(bytes: Uint8Array): Event[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Turned right by 15 bits, and a constant added: tensorflow/core/lib/hash/crc32c.h. */
  const mask = (crc: number) => (((crc >>> 15) | ((crc << 17) >>> 0)) + 0xa282ead8) % 2 ** 32
  const events: Event[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true))
    assert.is(view.getUint32(at + 8, true), mask(slowCrc32c(bytes.subarray(at, at + 8))))
    const data = bytes.subarray(at + 12, at + 12 + length)
    assert.is(view.getUint32(at + 12 + length, true), mask(slowCrc32c(data)))
    at += 16 + length
    const fields = fieldsOf(data)
    assert.ok(Math.abs((first(fields, 1) as number) - Date.now() / 1000) < 1e6)
    const event: Event = {
      step: first(fields, 2) as number,
      version: textOf(first(fields, 3)),
      scalars: {},
      histograms: {},
    }
    const summary = first(fields, 5) as Uint8Array | undefined
    for (const { field, value } of summary ? fieldsOf(summary) : []) {
      assert.is(field, 1)
      const parts = fieldsOf(value as Uint8Array)
      const tag = textOf(first(parts, 1))
      const histogram = first(parts, 5)
      if (histogram === undefined) event.scalars[tag] = first(parts, 2) as number
      else {
        const own = fieldsOf(histogram as Uint8Array)
        event.histograms[tag] = {
          numbers: [1, 2, 3, 4, 5].map((number) => first(own, number) as number),
          limits: doublesOf(first(own, 6)),
          counts: doublesOf(first(own, 7)),
        }
      }
    }
    events.push(event)
  }
  return events
}

const bytesOf = (size: number, value: (i: number) => number) => Uint8Array.from({ length: size }, (_, i) => value(i))

test('CRC-32C of the vectors of RFC 3720, B.4', () => {
  assert.is(crc32c(bytesOf(32, () => 0)), 0x8a9136aa)
  assert.is(crc32c(bytesOf(32, () => 255)), 0x62a8ab43)
  assert.is(crc32c(bytesOf(32, (i) => i)), 0x46dd794e)
  assert.is(crc32c(bytesOf(32, (i) => 31 - i)), 0x113fdb5c)
  assert.is(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.is(slowCrc32c(new TextEncoder().encode('123456789')), 0xe3069283)
})

test('a record reads as what was written', () => {
  const wallTime = Date.now() / 1000
  const record = eventRecord(wallTime, { step: 2 ** 40 + 3, scalars: { 'épreuve/loss': -1.5, b: Number.NaN } })
  const [event] = eventsOf(record)
  assert.is(event.step, 2 ** 40 + 3)
  assert.equal(event.scalars, { 'épreuve/loss': -1.5, b: Number.NaN })
})

test('histograms count every finite value once', () => {
  const values = [0, 1, 2, 3, 4, 4, Number.NaN]
  const { limits, counts, ...rest } = histogramOf(values, 4)
  assert.equal(rest, { min: 0, max: 4, count: 6, sum: 14, sumSquares: 46 })
  assert.equal(limits, [1, 2, 3, 4])
  assert.equal(counts, [1, 1, 1, 3])
  assert.equal(histogramOf([7, 7]).counts, [2])
  assert.equal(histogramOf([]).count, 0)
})

test('TensorBoard: scalars of epochs and batches, evaluations and histograms', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-tensorboard-'))
  try {
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)),
      [20, 3],
    )
    const y = new Tensor(
      'float32',
      Float32Array.from({ length: 20 }, (_, i) => Math.cos(i)),
      [20, 1],
    )
    const net = sequential([layers.dense({ units: 1, inputShape: [3], name: 'dense' })])
    net.compile({ optimizer: optimizers.sgd({ learningRate: 0.125 }), loss: 'mse', metrics: ['mae'] })
    const perBatch: number[] = []
    const { history } = await net.fit(x, y, {
      epochs: 2,
      batchSize: 4,
      validationSplit: 0.2,
      callbacks: [
        callbacks.tensorBoard({ logDir: folder, histogramFreq: 2, updateFreq: 3 }),
        { onTrainBatchEnd: (_, logs) => void perBatch.push(logs.loss) },
      ],
      verbose: 0,
    })
    const read = (part: string) => {
      const names = readdirSync(join(folder, part))
      assert.is(names.length, 1)
      assert.match(names[0], /^events\.out\.tfevents\.\d{10}\./)
      const [head, ...events] = eventsOf(new Uint8Array(readFileSync(join(folder, part, names[0]))))
      assert.is(head.version, 'brain.Event:2')
      return events
    }
    const train = read('train')
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) <= 1e-6 * Math.abs(b), `${a} ${b}`)
    const batches = train.filter((event) => 'batch_loss' in event.scalars)
    assert.equal(
      batches.map(({ step }) => step),
      [0, 3, 6],
    )
    for (const { step, scalars } of batches) near(scalars.batch_loss, perBatch[step])
    const epochs = train.filter((event) => 'epoch_loss' in event.scalars)
    assert.equal(
      epochs.map(({ step }) => step),
      [0, 1],
    )
    for (const { step, scalars } of epochs) {
      assert.equal(Object.keys(scalars), ['epoch_loss', 'epoch_mae', 'epoch_learning_rate'])
      near(scalars.epoch_mae, history.mae[step])
      near(scalars.epoch_learning_rate, 0.125)
    }
    const histograms = train.flatMap((event) => Object.entries(event.histograms))
    assert.equal(
      histograms.map(([name]) => name),
      ['dense/kernel/histogram', 'dense/bias/histogram'],
    )
    assert.is(
      histograms[0][1].counts.reduce((a, b) => a + b),
      3,
    )
    assert.is(histograms[0][1].limits.at(-1), histograms[0][1].numbers[1])
    const validation = read('validation')
    const measured = validation.filter((event) => 'epoch_loss' in event.scalars)
    assert.equal(
      measured.map(({ step }) => step),
      [0, 1],
    )
    for (const { step, scalars } of measured) near(scalars.epoch_loss, history.val_loss[step])
    const evaluations = validation.filter((event) => 'evaluation_loss_vs_iterations' in event.scalars)
    assert.equal(
      evaluations.map(({ step }) => step),
      [4, 8],
    )
    net.dispose()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
