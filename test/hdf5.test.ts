import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { File, ready } from 'h5wasm/node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TypedArray } from '../src/core/dtype.js'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { type Hdf5Group, readHdf5 } from '../src/data/hdf5/reader.js'
import { type GroupContent, writeHdf5 } from '../src/data/hdf5/writer.js'

await ready
const random = new RandomGenerator(5)
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())

const folder = mkdtempSync(join(tmpdir(), 'lanewise-hdf5-'))
test.after(() => rmSync(folder, { recursive: true }))

let files = 0
/** A name that no file has yet. */
const newName = () => join(folder, `${files++}.h5`)

/** The bytes of a file that the HDF5 library writes. */
function written(fill: (file: File) => void): Uint8Array {
  const name = newName()
  const file = new File(name, 'w')
  fill(file)
  file.close()
  return new Uint8Array(readFileSync(name))
}

/** `bytes` as the HDF5 library reads them. */
function opened(bytes: Uint8Array): File {
  const name = newName()
  writeFileSync(name, bytes)
  return new File(name, 'r')
}

const group = (children: Record<string, GroupContent | Tensor>, attributes = {}): GroupContent => ({
  attributes,
  children: new Map(Object.entries(children)),
})

test('numbers of every type, as the HDF5 library writes them', () => {
  const arrays = {
    '<f': normals(6),
    '<d': Float64Array.from(normals(6)),
    '<b': Int8Array.from([-1, 2, 3, 4, 5, 127]),
    '<B': Uint8Array.from([1, 2, 3, 4, 5, 255]),
    '<h': Int16Array.from([-300, 2, 3, 4, 5, 6]),
    '<H': Uint16Array.from([1, 2, 3, 4, 5, 65535]),
    '<i': Int32Array.from([-70000, 2, 3, 4, 5, 6]),
    '<I': Uint32Array.from([1, 2, 3, 4, 5, 2 ** 32 - 1]),
    '<q': BigInt64Array.from([-1n, 2n, 3n, 4n, 5n, 2n ** 62n]),
    '<Q': BigUint64Array.from([1n, 2n, 3n, 4n, 5n, 2n ** 63n]),
  }
  const bytes = written((file) => {
    for (const [name, data] of Object.entries(arrays)) file.create_dataset({ name, data, shape: [2, 3], dtype: name })
  })
  const root = readHdf5(bytes)
  for (const [name, data] of Object.entries(arrays)) {
    const tensor = root.dataset(name)!.read()
    assert.equal(tensor.dims, [2, 3])
    assert.equal(tensor.data, data, name)
  }
})

test('numbers in big-endian order', () => {
  const bytes = writeHdf5(group({ x: Tensor.full('float32', [3], 1.25) }))
  const type = bytes.findIndex((byte, i) => byte === 0x11 && bytes[i + 1] === 0x20 && bytes[i + 2] === 31)
  bytes[type + 1] |= 1
  const first = bytes.findIndex((_, i) => [0, 0, 0xa0, 0x3f].every((byte, k) => bytes[i + k] === byte))
  for (let i = 0; i < 3; i++) bytes.subarray(first + 4 * i, first + 4 * i + 4).reverse()
  assert.equal(readHdf5(bytes).dataset('x')!.read().toNumbers(), [1.25, 1.25, 1.25])
})

test('chunks, with deflate and shuffle, their edges cut', () => {
  const data = normals(37 * 19 * 5)
  const shape = [37, 19, 5]
  const bytes = written((file) => {
    file.create_dataset({ name: 'chunks', data, shape, chunks: [8, 7, 2] })
    file.create_dataset({ name: 'deflate', data, shape, chunks: [8, 7, 2], compression: 4 })
    file.create_dataset({ name: 'many', data, shape: [data.length], chunks: [3] })
    const shuffled = { compression: [1, 2], compression_opts: [[6], []] } as object
    file.create_dataset({ name: 'one', data, shape, chunks: shape, ...shuffled })
  })
  const root = readHdf5(bytes)
  for (const name of ['chunks', 'deflate', 'many', 'one']) assert.equal(root.dataset(name)!.read().data, data, name)
})

test('groups, attributes and texts, as the HDF5 library writes them', () => {
  const bytes = written((file) => {
    const inner = file.create_group('a').create_group('b')
    inner.create_dataset({ name: 'x', data: Float32Array.of(1.5), shape: [] })
    inner.create_attribute('name', 'Gewicht äöü')
    inner.create_attribute('names', ['one', 'two', 'three'])
    inner.create_attribute('fixed', ['ab', 'c'], [2], 'S4')
    inner.create_attribute('numbers', Int32Array.of(1, 2, 3, 4), [2, 2])
    const many = file.create_group('many')
    for (let i = 0; i < 700; i++) many.create_group(`group ${i}`)
  })
  const root = readHdf5(bytes)
  const inner = root.group('a/b')!
  assert.equal(root.dataset('a/b/x')!.read().toNumbers(), [1.5])
  assert.is(inner.textAttribute('name'), 'Gewicht äöü')
  assert.equal(inner.attributes.get('names'), ['one', 'two', 'three'])
  assert.equal(inner.attributes.get('fixed'), ['ab', 'c'])
  assert.equal((inner.attributes.get('numbers') as Tensor).toNumbers(), [1, 2, 3, 4])
  assert.is(root.group('many')!.names.length, 700)
  assert.ok(root.group('many/group 699'))
  assert.is(root.get('a/nothing/x'), undefined)
})

const types = ['float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const

test('the HDF5 library reads what is written here, and so do we', () => {
  const numbers = Object.fromEntries(types.map((type) => [type, Tensor.full(type, [2, 3], 7)]))
  const many = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`item ${i}`, Tensor.scalar(i)]))
  const named = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`${i}`, group({}, { name: 'ä'.repeat(i === 5 ? 50_000 : i) })]),
  )
  const bytes = writeHdf5(
    group(
      {
        numbers: group({ ...numbers, empty: Tensor.zeros('float32', [0, 4]) }),
        many: group(many),
        named: group(named),
        lists: group({}, { names: ['one', 'äö', ''], none: [] }),
      },
      { title: 'all' },
    ),
  )
  const file = opened(bytes)
  const root = readHdf5(bytes)
  for (const type of types) {
    const dataset = file.get(`numbers/${type}`) as unknown as { shape: number[]; value: TypedArray }
    assert.equal(dataset.shape, [2, 3])
    assert.equal(dataset.value, numbers[type].data, type)
    assert.equal(root.dataset(`numbers/${type}`)!.read(), numbers[type])
  }
  for (let i = 0; i < 1500; i += 7) {
    assert.is(Number((file.get(`many/item ${i}`) as unknown as { value: number }).value), i)
    assert.equal(root.dataset(`many/item ${i}`)!.read().toNumbers(), [i])
  }
  for (let i = 0; i < 300; i++) {
    const text = 'ä'.repeat(i === 5 ? 50_000 : i)
    assert.is((file.get(`named/${i}`) as unknown as { attrs: { name: { value: string } } }).attrs.name.value, text)
    assert.is(root.group(`named/${i}`)!.textAttribute('name'), text)
  }
  const { attrs } = file.get('lists') as unknown as { attrs: Record<string, { value: unknown; shape: number[] }> }
  assert.equal(attrs.names.value, ['one', 'äö', ''])
  assert.equal(attrs.none.shape, [0])
  assert.equal(root.group('lists')!.attributes.get('names'), ['one', 'äö', ''])
  assert.is((file.get('many') as unknown as { keys(): string[] }).keys().length, 1500)
  assert.equal((file.get('numbers/empty') as unknown as { shape: number[] }).shape, [0, 4])
  file.close()
})

/** Reads all there is. */
function readAll(node: Hdf5Group): number {
  let count = node.attributes.size
  for (const name of node.names) {
    const child = node.get(name)!
    if ('read' in child) count += child.read().size + child.attributes.size
    else count += readAll(child)
  }
  return count
}

/** Reads damaged bytes. Fails unless all is well, or a LanewiseError says what is not. */
function survives(bytes: Uint8Array, what: string): boolean {
  try {
    readAll(readHdf5(bytes))
    return true
  } catch (error) {
    assert.instance(error, LanewiseError, `${what}: ${(error as Error).stack}`)
    return false
  }
}

const sample = written((file) => {
  const data = normals(300)
  file.create_dataset({ name: 'chunks', data, shape: [20, 15], chunks: [6, 4], compression: 4 })
  file.create_dataset({ name: 'plain', data, shape: [300] })
  const layers = file.create_group('layers')
  for (let i = 0; i < 20; i++) layers.create_group(`layer ${i}`).create_attribute('name', `layer ${i}`)
})

test('a file that is cut anywhere is refused', () => {
  let refused = 0
  const step = Math.ceil(sample.length / 400)
  for (let end = 0; end < sample.length; end += step) if (!survives(sample.slice(0, end), `cut at ${end}`)) refused++
  assert.ok(refused > 300, `${refused} refused`)
})

test('flipped bytes give other numbers or a LanewiseError, and no more memory than the file can fill', () => {
  let refused = 0
  for (let i = 0; i < 2000; i++) {
    const bytes = sample.slice()
    for (let k = 0; k <= i % 3; k++) bytes[random.uint32() % bytes.length] = random.uint32() % 256
    if (!survives(bytes, `mutant ${i}`)) refused++
  }
  assert.ok(refused > 100, `${refused} refused`)
})

const isOurs = (error: unknown) => error instanceof LanewiseError

test('texts of no size and shapes beyond the file are refused', () => {
  const text = written((file) => file.create_attribute('names', ['ab', 'c'], [2], 'S4'))
  const type = text.findIndex((byte, i) => (byte === 0x13 || byte === 0x33) && text[i + 4] === 4 && text[i + 5] === 0)
  text[type + 4] = 0
  assert.throws(() => readAll(readHdf5(text)), isOurs)
  const chunks = written((file) =>
    file.create_dataset({ name: 'x', data: normals(64), shape: [64], chunks: [64], compression: 4 }),
  )
  const view = new DataView(chunks.buffer)
  // Both the shape and the chunk become huge, with one chunk as before.
  for (let at = 0; at + 8 <= chunks.length; at++)
    if (view.getUint32(at, true) === 64 && chunks[at - 1] === 0) view.setUint32(at, 0x7fffffff, true)
  assert.throws(() => readAll(readHdf5(chunks)), isOurs)
})

test('a group that holds itself is refused', () => {
  const bytes = written((file) => {
    file.create_group('a').create_group('b')
    file.create_hard_link?.('/a', '/a/b/a')
  })
  const root = readHdf5(bytes)
  if (root.group('a/b')!.names.length > 0) assert.throws(() => readAll(root), /holds itself/)
  const source = writeHdf5(group({ a: group({ b: group({}) }) }))
  // Points the link `b` at the group around it: both entries are 40 bytes, behind the signature of their part.
  const view = new DataView(source.buffer)
  const nodes: number[] = []
  for (let at = 0; at + 8 <= source.length; at += 8) if (view.getUint32(at, true) === 0x444f4e53) nodes.push(at)
  const entryOf = (at: number) => view.getBigUint64(at + 8 + 8, true)
  const [inner, outer] = nodes
  assert.not.equal(entryOf(inner), entryOf(outer))
  view.setBigUint64(inner + 16, entryOf(outer), true)
  assert.throws(() => readAll(readHdf5(source)), /holds itself/)
})

test('what is no HDF5 file is called that', () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(5000), new TextEncoder().encode('{"a": 1}')])
    assert.throws(
      () => readHdf5(bytes, 'a.h5'),
      (error: unknown) => error instanceof LanewiseError && /a\.h5: not an HDF5 file/.test(error.message),
    )
})

test.run()
