import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { zipSync } from 'fflate'
import jpeg from 'jpeg-js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { imageFolder } from '../src/data/datasets.js'
import { decodeImage, resizeImage } from '../src/data/images.js'
import { formatNpy } from '../src/data/npy.js'
import { csv, npy, npz } from '../src/data/tables.js'
import { layers, sequential } from '../src/keras/index.js'
import { refusal } from './support/errors.js'

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-data-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const png = (
  width: number,
  height: number,
  channels: 1 | 2 | 3 | 4,
  pixel: (i: number) => number,
  depth: 8 | 16 = 8,
) => {
  const array = depth === 8 ? Uint8Array : (Uint16Array as unknown as typeof Uint8Array)
  const data = array.from({ length: width * height * channels }, (_, i) => pixel(i))
  return encode({ width, height, channels, depth, data })
}
const values = (tensor: Tensor) => [...(tensor.data as Float32Array)]
const near = (a: readonly number[], b: readonly number[], tolerance: number) => {
  assert.is(a.length, b.length)
  const wrong = a.findIndex((value, i) => !(Math.abs(value - b[i]) <= tolerance))
  assert.is(wrong, -1, `element ${wrong}: ${a[wrong]} is not ${b[wrong]}`)
}

test('PNG in every colour mode', async () => {
  const colours = png(2, 1, 3, (i) => [10, 20, 30, 200, 100, 50][i])
  assert.equal((await decodeImage(colours)).dims, [1, 2, 3])
  assert.equal(values(await decodeImage(colours)), [10, 20, 30, 200, 100, 50])
  assert.equal(values(await decodeImage(colours, 'rgba')), [10, 20, 30, 255, 200, 100, 50, 255])
  near(values(await decodeImage(colours, 'grayscale')), [0.299 * 10 + 0.587 * 20 + 0.114 * 30, 124.2], 1e-3)
  const grey = png(2, 1, 2, (i) => [40, 255, 60, 128][i])
  assert.equal(values(await decodeImage(grey, 'rgba')), [40, 40, 40, 255, 60, 60, 60, 128])
  near(
    values(
      await decodeImage(
        png(1, 1, 1, () => 65535 / 5, 16),
        'grayscale',
      ),
    ),
    [51],
    1e-3,
  )
})

test('JPEG, and what is neither', async () => {
  const [width, height] = [16, 16]
  const data = Uint8Array.from(
    { length: width * height * 4 },
    (_, i) => [8 * Math.floor(i / 4 / width), 100, 8 * (Math.floor(i / 4) % width), 255][i % 4],
  )
  const file = new Uint8Array(jpeg.encode({ width, height, data }, 100).data)
  const image = await decodeImage(file)
  assert.equal(image.dims, [16, 16, 3])
  near(
    values(image),
    [...data].filter((_, i) => i % 4 !== 3),
    6,
  )
  assert.match(
    await refusal(() => decodeImage(file.subarray(0, 60), 'rgb', 'cut.jpg')),
    /^cut.jpg: not a readable image/,
  )
  assert.match(await refusal(() => decodeImage(new Uint8Array(30), 'rgb', 'x.gif')), /neither PNG nor JPEG/)
  const huge = png(2, 2, 1, () => 0)
  new DataView(huge.buffer, huge.byteOffset).setUint32(16, 2 ** 30)
  assert.match(await refusal(() => decodeImage(huge)), /100 million pixels/)
})

test('resizing is that of the layer Resizing', async () => {
  const image = new Tensor(
    'float32',
    Float32Array.from({ length: 7 * 5 * 2 }, (_, i) => (i * 37) % 101),
    [7, 5, 2],
  )
  for (const [height, width] of [
    [14, 10],
    [3, 4],
    [7, 9],
    [1, 1],
  ]) {
    const net = sequential([layers.resizing({ height, width, inputShape: [7, 5, 2] })])
    const expected = await net.predict(image.reshape([1, 7, 5, 2]))
    near(values(resizeImage(image, height, width)), values(expected), 1e-3)
    net.dispose()
  }
})

test('an image folder: classes, order, subsets, labels', async () => {
  await withFolder(async (folder) => {
    const shades: Record<string, number[]> = { cat: [1, 2, 3, 4], 'a dog': [11, 12, 13, 14, 15, 16] }
    for (const [name, levels] of Object.entries(shades)) {
      mkdirSync(join(folder, name, 'more'), { recursive: true })
      for (const level of levels)
        writeFileSync(
          join(folder, name, level % 2 ? '' : 'more', `${level}.PNG`),
          png(3, 4, 1, () => level),
        )
    }
    writeFileSync(join(folder, 'cat/notes.txt'), 'none')
    writeFileSync(join(folder, 'cat/.hidden.png'), 'none')
    const options = { imageSize: [2, 2], colorMode: 'grayscale' } as const
    const { samples, classNames, paths } = await imageFolder(folder, { ...options, shuffle: false })
    assert.equal(classNames, ['a dog', 'cat'])
    assert.is(paths.length, 10)
    const all = await samples.toArray()
    assert.equal(
      all.map(([image, label]) => [values(image)[0] > 10 ? 0 : 1, label, image.dims]),
      all.map(([, label]) => [label, label, [2, 2, 1]]),
    )
    const shuffled = (await imageFolder(folder, { ...options, seed: 3 })).samples
    const shadesOf = async (epoch: number) => (await shuffled.toArray(epoch)).map(([image]) => values(image)[0])
    assert.not.equal(await shadesOf(0), await shadesOf(1))
    const everything = [1, 2, 3, 4, 11, 12, 13, 14, 15, 16]
    assert.equal(
      (await shadesOf(1)).sort((a, b) => a - b),
      everything,
    )
    const part = async (subset: 'training' | 'validation') =>
      (await (await imageFolder(folder, { ...options, validationSplit: 0.3, subset, seed: 5 })).samples.toArray()).map(
        ([image]) => values(image)[0],
      )
    const [training, validation] = [await part('training'), await part('validation')]
    assert.is(validation.length, 3)
    assert.equal(
      [...training, ...validation].sort((a, b) => a - b),
      everything,
    )
    const rows = await imageFolder(folder, {
      ...options,
      labelMode: 'categorical',
      classNames: ['cat', 'a dog'],
      shuffle: false,
    })
    const [batch] = await rows.samples.batch(10).toArray()
    assert.equal(
      [batch[0].dims, batch[1].dims, values(batch[1]).slice(0, 2)],
      [
        [10, 2, 2, 1],
        [10, 2],
        [0, 1],
      ],
    )
    const given = paths.map((path) => ({ path, read: async () => png(3, 4, 3, () => 7) }))
    const fromFiles = await imageFolder(given, { imageSize: [4, 3] })
    assert.equal(fromFiles.classNames, ['a dog', 'cat', 'more'])
    assert.match(await refusal(() => imageFolder(join(folder, 'none'))), /there is no folder/)
    assert.match(await refusal(() => imageFolder(join(folder, 'cat/more'))), /no PNG or JPEG/)
    writeFileSync(join(folder, 'cat/9.png'), 'broken')
    const broken = (await imageFolder(folder, options)).samples
    assert.match(await refusal(() => broken.toArray()), /cat.9\.png: not a readable image/)
  })
})

const text = (lines: readonly string[]) => new TextEncoder().encode(lines.join('\n'))

test('CSV: names, quotes, texts as classes, what is missing', async () => {
  const flowers = text(['width,"length, cm",kind', '1,2.5,rose', '"3",-4e1,"lily, white"', '5,6,rose', ''])
  const { x, y, featureNames, classNames } = await csv(flowers)
  assert.equal(featureNames, ['width', 'length, cm'])
  assert.equal(
    [x.dims, values(x)],
    [
      [3, 2],
      [1, 2.5, 3, -40, 5, 6],
    ],
  )
  assert.equal([classNames, y!.type, y!.toNumbers()], [['lily, white', 'rose'], 'int32', [1, 0, 1]])
  const plain = text(['1;2;3', '4;5;6'])
  const numbers = await csv(plain, { header: false, delimiter: ';', label: 0 })
  assert.equal([numbers.y!.toNumbers(), values(numbers.x), numbers.classNames], [[1, 4], [2, 3, 5, 6], undefined])
  const chosen = await csv(plain, { header: false, delimiter: ';', label: null, features: [-1, 0] })
  assert.equal([values(chosen.x), chosen.y], [[3, 1, 6, 4], undefined])
  const gaps = text(['a,b,c', '1,,0', 'nan,-inf,1'])
  assert.equal(values((await csv(gaps, { missing: -1 })).x), [1, -1, Number.NaN, Number.NEGATIVE_INFINITY])
  assert.match(await refusal(() => csv(gaps)), /row 1, column 'b': nothing is there; say what counts, with missing/)
  assert.match(await refusal(() => csv(flowers, { label: 'size' })), /no column size; there are width/)
  assert.match(await refusal(() => csv(flowers, { label: 0 })), /row 1, column 'kind': 'rose' is not a number/)
  assert.match(await refusal(() => csv(text(['a,b', '1,2', '1']))), /CSV file: .*ength/)
  assert.match(
    await refusal(() => csv(Uint8Array.of(97, 10, 0xe9, 10))),
    /CSV file: it is not UTF-8 text; save it as such/,
  )
  assert.match(await refusal(() => csv(text(['a,b', '1,']))), /row 1 has no label in column 'b'/)
  assert.match(await refusal(() => csv(text(['a,b']))), /no rows/)
  assert.match(await refusal(() => csv('/nowhere/a.csv')), /nowhere/)
})

test('npy and npz, stored and deflated', async () => {
  const x = new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2])
  const y = new Tensor('int64', BigInt64Array.of(1n, 0n, 2n), [3])
  const members = { 'x.npy': formatNpy(x), 'y.npy': formatNpy(y) }
  for (const level of [0, 9] as const) {
    const arrays = await npz(zipSync(members, { level }))
    assert.equal(Object.keys(arrays), ['x', 'y'])
    assert.equal(
      [arrays.x.dims, values(arrays.x), arrays.y.toNumbers()],
      [
        [3, 2],
        [1, 2, 3, 4, 5, 6],
        [1, 0, 2],
      ],
    )
  }
  assert.equal(values(await npy(members['x.npy'])), values(x))
  assert.match(await refusal(() => npz(members['x.npy'])), /not a .npz file/)
  const damaged = zipSync(members, { level: 0 })
  damaged[100] ^= 1
  assert.match(await refusal(() => npz(damaged)), /checksum of member 'x.npy'/)
})

test.run()
