import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { Hdf5Dataset, type Hdf5Group, readHdf5 } from '../src/data/hdf5/reader.js'
import { parseIdx } from '../src/data/idx.js'
import { decodeImage } from '../src/data/images.js'
import { formatNpy, parseNpy } from '../src/data/npy.js'
import { formatSafetensors, parseSafetensors } from '../src/data/safetensors.js'
import { csv, npz } from '../src/data/tables.js'
import { writeZip, ZipArchive } from '../src/data/zip.js'
import { layers, loadKeras, modelFromJSON, sequential } from '../src/keras/index.js'
import { dataRoot } from './support/conformance.js'
import { damage, setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const count = setting('LANEWISE_FUZZ_MUTANTS', 200)
const seed = setting('LANEWISE_FUZZ_SEED', 1)
/** What a mutant may take at most: milliseconds of processor time, and bytes of buffers while it is read. */
const longest = 1500
const largest = 2 ** 28

/** A kind of file: samples of it, what reads it, and how it is spoilt besides damage to its bytes. */
interface Format {
  readonly samples: readonly Uint8Array[]
  read(bytes: Uint8Array): unknown
  spoil?(bytes: Uint8Array, random: RandomGenerator): Uint8Array
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const tensor = new Tensor('float32', [1, 2, 3, 4, 5, 6], [2, 3])

const small = sequential([
  layers.inputLayer({ shape: [4, 4, 1] }),
  layers.conv2d({ filters: 2, kernelSize: 3, activation: 'relu' }),
  layers.batchNormalization(),
  layers.flatten(),
  layers.dense({ units: 3, activation: 'softmax' }),
])
small.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })

const recurrent = sequential([
  layers.inputLayer({ shape: [5] }),
  layers.embedding({ inputDim: 7, outputDim: 4 }),
  layers.bidirectional({ layer: layers.lstm({ units: 3 }) }),
  layers.dropout({ rate: 0.5 }),
  layers.dense({ units: 2 }),
])

const odd: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1,
  2.5,
  1e9,
  2 ** 31,
  1e300,
  '',
  'x',
  'same',
  'linear',
  [],
  [0],
  [-1, 2 ** 40],
  {},
  [[[]]],
  { class_name: 'Dense', config: {} },
  '__proto__',
  'constructor',
  ['a', 0, 0],
]

/** JSON with one to three of its values replaced, left out or moved. */
function spoiltJson(text: string, random: RandomGenerator): string {
  const root = { value: JSON.parse(text) as unknown }
  for (let rounds = 1 + random.integer(3); rounds > 0; rounds--) {
    const places: [Record<string, unknown>, string][] = []
    const walk = (holder: Record<string, unknown>) => {
      for (const key of Object.keys(holder)) {
        places.push([holder, key])
        const value = holder[key]
        if (typeof value === 'object' && value !== null) walk(value as Record<string, unknown>)
      }
    }
    walk(root as Record<string, unknown>)
    if (places.length === 0) break
    const [holder, key] = places[random.integer(places.length)]
    const kind = random.integer(8)
    if (kind === 0) delete holder[key]
    else if (kind === 1) {
      const [other, name] = places[random.integer(places.length)]
      holder[key] = structuredClone(other[name])
    } else holder[key] = structuredClone(odd[random.integer(odd.length)])
  }
  return JSON.stringify(root.value) ?? 'null'
}

/** An archive with one member damaged, or spoilt as JSON, and its checksums right. */
function spoiltArchive(bytes: Uint8Array, random: RandomGenerator): Uint8Array {
  const archive = new ZipArchive(bytes, 'sample')
  const members = Object.fromEntries(archive.names.map((name) => [name, archive.need(name)]))
  const names = Object.keys(members)
  const name = names[random.integer(names.length)]
  const isJson = name.endsWith('.json') && random.integer(6) > 0
  members[name] = isJson
    ? utf8(spoiltJson(new TextDecoder().decode(members[name]), random))
    : damage(members[name], random)
  return writeZip(members)
}

function readAll(group: Hdf5Group): void {
  void group.attributes
  for (const name of group.names) {
    const item = group.get(name)
    if (item instanceof Hdf5Dataset) item.read()
    else if (item) readAll(item)
  }
}

const given = (...path: string[]): Uint8Array[] => {
  const file = join(dataRoot, ...path)
  return existsSync(file) ? [readFileSync(file)] : []
}

const png = Uint8Array.from(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAKklEQVR4nGP4z8DwHwZYGBkZmRgYGBn+//8PFmBhYGBggGCoBAAKigYEhPSKWAAAAABJRU5ErkJggg==',
    'base64',
  ),
)

const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6)

const formats: Readonly<Record<string, Format>> = {
  npy: { samples: [formatNpy(tensor)], read: (bytes) => parseNpy(bytes) },
  npz: {
    samples: [writeZip({ 'a.npy': formatNpy(tensor), 'b.npy': formatNpy(tensor) })],
    read: (bytes) => npz(bytes),
    spoil: spoiltArchive,
  },
  safetensors: {
    samples: [
      formatSafetensors({
        tensors: new Map([
          ['a', tensor],
          ['b', tensor],
        ]),
        metadata: { made: 'here' },
      }),
    ],
    read: (bytes) => parseSafetensors(bytes),
  },
  idx: { samples: [idx], read: (bytes) => parseIdx(bytes) },
  csv: { samples: [utf8('a,b,y\n1,2.5,x\n"3",4,"y ""z"""\n')], read: (bytes) => csv(bytes) },
  png: { samples: [png], read: (bytes) => decodeImage(bytes) },
  hdf5: {
    samples: given('keras-files', 'mnist_lstm_rows', 'model.weights.h5'),
    read: (bytes) => readAll(readHdf5(bytes)),
  },
  keras: {
    samples: [],
    read: (bytes) => loadKeras(bytes),
    spoil: spoiltArchive,
  },
  'legacy h5': { samples: given('keras-files', 'mnist_lstm_rows', 'model.h5'), read: (bytes) => loadKeras(bytes) },
  'model JSON': {
    samples: [small, recurrent].map((model) => utf8(JSON.stringify(model.toJSON()))),
    read: (bytes) => modelFromJSON(new TextDecoder().decode(bytes)),
    spoil: (bytes, random) => utf8(spoiltJson(new TextDecoder().decode(bytes), random)),
  },
}

async function samplesOf(name: string): Promise<readonly Uint8Array[]> {
  if (name !== 'keras') return formats[name].samples
  const files = await Promise.all([small, recurrent].map((model) => model.toFiles('model.keras')))
  return files.map((file) => file['model.keras'])
}

/** What is wrong with how `read` took the bytes; undefined if it read or refused them. */
async function failureOf(read: Format['read'], bytes: Uint8Array): Promise<string | undefined> {
  const started = process.cpuUsage()
  const before = process.memoryUsage().arrayBuffers
  try {
    await read(bytes)
  } catch (error) {
    if (!(error instanceof LanewiseError)) return (error as Error).stack ?? String(error)
  }
  const { user, system } = process.cpuUsage(started)
  if ((user + system) / 1000 > longest) return `took ${Math.round((user + system) / 1000)} ms`
  const taken = process.memoryUsage().arrayBuffers - before
  return taken > largest ? `took ${taken} bytes` : undefined
}

for (const [name, { read, spoil }] of Object.entries(formats))
  test(`damaged ${name} files are read, or refused with a LanewiseError`, async () => {
    const samples = await samplesOf(name)
    if (samples.length === 0) return console.log(`SKIP damaged ${name} files: the reference data is absent`)
    const failures: string[] = []
    for (let index = 0; index < count && failures.length < 10; index++) {
      const random = new RandomGenerator(seed * 1_000_003 + index)
      const sample = samples[index % samples.length]
      const bytes = spoil && random.integer(4) > 0 ? spoil(sample, random) : damage(sample, random)
      const failure = await failureOf(read, bytes)
      if (failure) failures.push(`mutant ${index} of seed ${seed}: ${failure}`)
    }
    for (const failure of failures) console.log(`${name}: ${failure}`)
    assert.is(failures.length, 0)
  })

test.run()
