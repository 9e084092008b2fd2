import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Hdf5Dataset, type Hdf5Group, readHdf5 } from '../src/data/hdf5/reader.js'
import { parseNpy } from '../src/data/npy.js'
import { ZipArchive } from '../src/data/zip.js'
import { InferenceSession, LanewiseError, loadKeras, type Model, modelFromJSON, type Tensor } from '../src/index.js'

const folder = join(process.env.LANEWISE_DATA || resolve('..', 'shared', 'data'), 'keras-files')
const cases = existsSync(folder) ? readdirSync(folder).sort() : []
if (cases.length === 0) console.log(`skipped: there are no Keras files in ${folder}`)

const read = (...path: string[]) => new Uint8Array(readFileSync(join(folder, ...path)))
const array = (...path: string[]) => parseNpy(read(...path), path.join('/'))

const largestDifference = (a: Tensor, b: Tensor): number => {
  assert.equal(a.dims, b.dims)
  const expected = b.toNumbers()
  return Math.max(...a.toNumbers().map((value, i) => Math.abs(value - expected[i])))
}

async function predicts(model: Model, name: string): Promise<void> {
  const difference = largestDifference(await model.predict(array(name, 'input.npy')), array(name, 'output.npy'))
  assert.ok(difference <= 1e-5, `${name}: predictions differ by ${difference}`)
}

for (const name of cases) {
  test(`${name}: model.keras predicts as in Keras and comes compiled`, async () => {
    const model = await loadKeras(join(folder, name, 'model.keras'))
    await predicts(model, name)
    assert.ok(model.optimizer.iterations > 0)
    model.dispose()
  })

  test(`${name}: model.h5 predicts as in Keras, with the same optimizer state as model.keras`, async () => {
    const old = await loadKeras(read(name, 'model.h5'))
    await predicts(old, name)
    const model = await loadKeras(read(name, 'model.keras'))
    const [a, b] = [await old.trainingState(), await model.trainingState()]
    assert.is(a.iterations, b.iterations)
    assert.is(a.learningRate, b.learningRate)
    const slots = (state: typeof a) =>
      state.slots.flatMap((slot) => Object.entries(slot).map(([key, tensor]) => [key, tensor.toNumbers()]))
    assert.equal(slots(a), slots(b))
    assert.ok(slots(a).length >= 2 * model.weights.length)
    old.dispose()
    model.dispose()
  })

  test(`${name}: model.weights.h5, and the weights in the other files, go into a model from its JSON`, async () => {
    const { ...json } = (await loadKeras(read(name, 'model.keras'), { compile: false })).toJSON()
    for (const file of ['model.weights.h5', 'model.keras', 'model.h5']) {
      const model = modelFromJSON(json)
      await model.loadWeights(read(name, file))
      await predicts(model, name)
      model.dispose()
    }
  })
}

/** Everything in a file of weights by path: attributes, and shape, dtype and numbers of datasets. */
function contentOf(group: Hdf5Group, into: Record<string, unknown> = {}): Record<string, unknown> {
  into[`${group.path}/`] = Object.fromEntries(group.attributes)
  for (const name of group.names) {
    const child = group.get(name)!
    if (child instanceof Hdf5Dataset) {
      const { type, dims, data } = child.read()
      into[child.path] = {
        type,
        dims,
        data: Array.from(data as Float32Array, String),
        ...Object.fromEntries(child.attributes),
      }
    } else contentOf(child, into)
  }
  return into
}

/** A config without the numbers that Keras gives objects that occur more than once. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => key !== 'shared_object_id')
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutIds(item)]))
}

const jsonOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes))

for (const name of cases)
  test(`${name}: the .keras, .weights.h5 and .h5 written hold what those of Keras hold`, async () => {
    const model = await loadKeras(read(name, 'model.keras'))
    const theirs = new ZipArchive(read(name, 'model.keras'), 'theirs')
    const ours = new ZipArchive((await model.toFiles('m.keras'))['m.keras'], 'ours')
    assert.equal(ours.names, theirs.names)
    const config = (archive: ZipArchive) => withoutIds(jsonOf(archive.need('config.json')))
    assert.equal(config(ours), config(theirs))
    const metadata = (archive: ZipArchive) => Object.keys(jsonOf(archive.need('metadata.json')))
    assert.equal(metadata(ours), metadata(theirs))
    const weights = (bytes: Uint8Array) => contentOf(readHdf5(bytes))
    const expected = weights(theirs.need('model.weights.h5'))
    assert.ok(Object.keys(expected).length > 10)
    assert.equal(weights(ours.need('model.weights.h5')), expected)
    const whole = (bytes: Uint8Array) => {
      const { '/': root, ...rest } = contentOf(readHdf5(bytes)) as Record<string, Record<string, string>>
      const configs = ['model_config', 'training_config'].map((key) => withoutIds(JSON.parse(root[key])))
      return { ...rest, '/': { ...root, model_config: configs[0], training_config: configs[1] } }
    }
    assert.equal(whole((await model.toFiles('m.h5'))['m.h5']), whole(read(name, 'model.h5')))
    const alone = (await model.toFiles('m.weights.h5'))['m.weights.h5']
    assert.equal(weights(alone), weights(read(name, 'model.weights.h5')))
    model.dispose()
  })

for (const name of cases)
  test(`${name}: what is written in each format is read again, and predicts the same`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lanewise-keras-'))
    try {
      const model = await loadKeras(read(name, 'model.keras'))
      for (const file of ['m.keras', 'm.h5', 'm.weights.h5', 'm.safetensors', 'm.onnx', 'tfjs/model.json', 'other/'])
        await model.save(join(folder, file))
      for (const file of ['m.keras', 'm.h5', 'tfjs/model.json', 'other']) {
        const copy = await loadKeras(join(folder, file))
        await predicts(copy, name)
        copy.dispose()
      }
      for (const file of ['m.weights.h5', 'm.h5', 'm.safetensors', 'm.keras', 'tfjs']) {
        const copy = modelFromJSON(model.toJSON())
        await copy.loadWeights(join(folder, file))
        await predicts(copy, name)
        copy.dispose()
      }
      const session = await InferenceSession.create(join(folder, 'm.onnx'))
      const outputs = await session.run({ [session.inputNames[0]]: array(name, 'input.npy') })
      assert.ok(largestDifference(outputs[session.outputNames[0]], array(name, 'output.npy')) <= 1e-5)
      await session.release()
      model.dispose()
      assert.equal(
        readdirSync(folder).filter((file) => file.endsWith('.tmp')),
        [],
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

const random = new RandomGenerator(17)
const damaged = cases.find((name) => name.includes('lstm'))

/** Loads damaged files. Fails unless all is well, or a LanewiseError says what is not. */
async function survives(work: () => Promise<Model>, what: string): Promise<boolean> {
  try {
    ;(await work()).dispose()
    return true
  } catch (error) {
    assert.instance(error, LanewiseError, `${what}: ${(error as Error).stack}`)
    return false
  }
}

if (damaged) {
  const files = ['model.keras', 'model.h5', 'model.weights.h5']
  const load = (file: string, bytes: Uint8Array) => async () => {
    if (file !== 'model.weights.h5') return loadKeras(bytes, { compile: false })
    const model = await loadKeras(read(damaged, 'model.keras'), { compile: false })
    await model.loadWeights(bytes)
    return model
  }
  for (const file of files) {
    test(`${file}: cut anywhere, it is refused`, async () => {
      const whole = read(damaged, file)
      for (let end = 0; end < whole.length - 1; end += Math.ceil(whole.length / 100))
        assert.not(await survives(load(file, whole.slice(0, end)), `${file} cut at ${end}`), `cut at ${end}`)
    })

    test(`${file}: flipped bytes give other numbers or a LanewiseError`, async () => {
      const whole = read(damaged, file)
      let refused = 0
      for (let i = 0; i < 150; i++) {
        const bytes = whole.slice()
        for (let k = 0; k < 1 + (i % 20); k++) bytes[random.uint32() % bytes.length] ^= 1 << (random.uint32() % 8)
        if (!(await survives(load(file, bytes), `${file}, mutant ${i}`))) refused++
      }
      assert.ok(refused > 5, `${refused} refused`)
      if (file === 'model.keras') assert.is(refused, 150)
    })
  }

  test('a TensorFlow.js model: shards that are cut, missing, or lead elsewhere', async () => {
    const model = await loadKeras(read(damaged, 'model.keras'))
    const files = await model.toFiles('model.json')
    const [shard] = Object.keys(files)
    await loadKeras(files)
    const refused = async (changed: Record<string, Uint8Array>, expected: RegExp) => {
      try {
        await loadKeras(changed)
      } catch (error) {
        assert.instance(error, LanewiseError)
        return assert.match((error as Error).message, expected)
      }
      assert.unreachable(String(expected))
    }
    await refused({ ...files, [shard]: files[shard].slice(0, -4) }, /shards end within weight/)
    await refused({ 'model.json': files['model.json'] }, /needs the file 'group1-shard1of1.bin'/)
    const text = new TextDecoder().decode(files['model.json'])
    const json = (changed: string) => ({ ...files, 'model.json': new TextEncoder().encode(changed) })
    await refused(json(text.replace(shard, '../secret')), /outside of the model's folder/)
    await refused(json(text.slice(0, 900)), /model\.json is not JSON/)
    for (let i = 0; i < 200; i++) {
      const bytes = files['model.json'].slice()
      bytes[random.uint32() % bytes.length] = random.uint32() % 256
      await survives(() => loadKeras({ ...files, 'model.json': bytes }), `model.json, mutant ${i}`)
    }
    model.dispose()
  })
}

test.run()
