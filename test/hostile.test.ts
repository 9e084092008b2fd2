import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onnx } from 'onnx-proto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { LanewiseError } from '../src/core/errors.js'
import { specialize } from '../src/graph/specialize.js'
import { importModel } from '../src/onnx/import.js'
import { loadGraph } from '../src/onnx/source.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const valueInfo = (name: string, dims: readonly (number | string)[], elemType = 1): onnx.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) },
    },
  },
})

const ints = (name: string, values: readonly number[]): onnx.ITensorProto => ({
  name,
  dataType: 7,
  dims: [values.length],
  int64Data: [...values],
})

const encode = (graph: onnx.IGraphProto, model: onnx.IModelProto = {}): Uint8Array =>
  onnx.ModelProto.encode(
    onnx.ModelProto.create({ irVersion: 10, opsetImport: [{ domain: '', version: 18 }], graph, ...model }),
  ).finish()

/** Asserts that `attempt` is refused with one of `codes` and a message like `pattern`, within a second of processor time. */
async function refused(attempt: () => unknown, codes: string, pattern: RegExp): Promise<void> {
  const before = process.cpuUsage()
  let error: unknown
  try {
    await attempt()
  } catch (caught) {
    error = caught
  }
  const { user, system } = process.cpuUsage(before)
  assert.ok(error instanceof LanewiseError, `not refused with a LanewiseError: ${(error as Error)?.stack}`)
  assert.ok(codes.split(' ').includes(error.code), `${error.code}: ${error.message}`)
  assert.match(error.message, pattern, error.message.slice(0, 300))
  assert.ok((user + system) / 1000 < 1000, `took ${(user + system) / 1000} ms`)
}

/** Import and specialisation of a graph whose symbolic dimensions are 2. */
const take = (bytes: Uint8Array) => {
  const graph = importModel(bytes)
  const shapes = graph.inputs.map(({ name, shape }) => [name, shape.map((dim) => (typeof dim === 'number' ? dim : 2))])
  return specialize(graph, Object.fromEntries(shapes), evaluate)
}

test('shapes that no memory holds are refused, with the name of what has them', async () => {
  const relu = [{ opType: 'Relu', name: 'r', input: ['x'], output: ['y'] }]
  await refused(() => take(encode({ node: relu, input: [valueInfo('x', [2 ** 30, 2 ** 30])] })), 'INVALID_MODEL', /'x'/)
  await refused(
    () => take(encode({ node: relu, input: [valueInfo('x', [-7])] })),
    'INVALID_MODEL',
    /'x' has the dimension -7/,
  )
  const many = new Array<number>(1000).fill(1)
  await refused(
    () => take(encode({ node: relu, input: [valueInfo('x', many)] })),
    'INVALID_MODEL',
    /more than 64 dimensions/,
  )
})

test('nodes that make much of little are refused by name', async () => {
  const bomb = (opType: string, input: string[], initializer: onnx.ITensorProto[]) =>
    encode({
      node: [{ opType, name: 'bomb', input, output: ['y'] }],
      input: [valueInfo('x', ['n'])],
      initializer,
      output: [valueInfo('y', [])],
    })
  const huge = ints('s', [2 ** 30, 2 ** 30])
  await refused(() => take(bomb('ConstantOfShape', ['s'], [huge])), 'INVALID_MODEL', /'bomb'/)
  await refused(() => take(bomb('Expand', ['x', 's'], [ints('s', [2 ** 40, 1])])), 'INVALID_MODEL', /'bomb'/)
  await refused(() => take(bomb('Tile', ['x', 's'], [ints('s', [2 ** 40])])), 'INVALID_MODEL SHAPE_MISMATCH', /'bomb'/)
  const scalar = (name: string, value: number): onnx.ITensorProto => ({ name, dataType: 7, int64Data: [value] })
  const range = bomb('Range', ['a', 'b', 'c'], [scalar('a', 0), scalar('b', 2 ** 50), scalar('c', 1)])
  await refused(() => take(range), 'INVALID_MODEL', /'bomb'/)
  await refused(() => take(bomb('ConstantOfShape', ['s'], [ints('s', [-3])])), 'SHAPE_MISMATCH INVALID_MODEL', /'bomb'/)
  const listed = (opType: string, list: number) =>
    encode({
      node: [{ opType, name: 'bomb', input: list === 2 ? ['x', 's', 's'] : ['x', 's'], output: ['y'] }],
      input: [valueInfo('x', [6]), valueInfo('s', [2 ** 31 - 1], 7)],
      output: [valueInfo('y', [])],
    })
  for (const opType of ['Split', 'Reshape', 'Expand', 'Unsqueeze', 'Slice'])
    await refused(() => take(listed(opType, opType === 'Slice' ? 2 : 1)), 'INVALID_MODEL SHAPE_MISMATCH', /bomb/)
  const parts = encode({
    node: [
      {
        opType: 'Split',
        name: 'bomb',
        input: ['x'],
        output: ['y'],
        attribute: [{ name: 'num_outputs', type: 2, i: 2 ** 40 }],
      },
    ],
    input: [valueInfo('x', [6])],
    output: [valueInfo('y', [])],
  })
  await refused(() => take(parts), 'INVALID_MODEL', /'bomb'/)
})

test('sizes that double from node to node end at the limit', async () => {
  const node = Array.from({ length: 70 }, (_, index) => ({
    opType: 'Concat',
    name: `c${index}`,
    input: [`v${index}`, `v${index}`],
    output: [`v${index + 1}`],
    attribute: [{ name: 'axis', type: 2, i: 0 }],
  }))
  const bytes = encode({ node, input: [valueInfo('v0', ['n'])], output: [valueInfo('v70', [])] })
  importModel(bytes)
  await refused(() => take(bytes), 'INVALID_MODEL', /Concat 'c\d+'/)
})

/** A graph of If nodes nested `depth` deep, written from the inside outwards without recursion. */
function nestedGraphs(depth: number): Uint8Array {
  const prefixes: number[][] = []
  let size = 0
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])
  let pending: readonly number[] = []
  /** Makes all that is written so far, behind the fields that came with the last call, field `field` of a message with `fields`. */
  const wrap = (field: number, fields: readonly number[]) => {
    size += pending.length
    prefixes.push([...varint(field * 8 + 2), ...varint(size), ...pending])
    size += prefixes.at(-1)!.length - pending.length
    pending = fields
  }
  const text = (field: number, value: string) => [field * 8 + 2, value.length, ...new TextEncoder().encode(value)]
  for (let level = 0; level < depth; level++) {
    // Graph in attribute, attribute in node, node in graph: each the last field of what holds it.
    wrap(6, [...text(1, 'then_branch'), ...varint(20 * 8), 5])
    wrap(5, [...text(1, 'c'), ...text(2, `y${level}`), ...text(4, 'If')])
    wrap(1, [])
  }
  wrap(7, [])
  return Uint8Array.from([8, 10, 66, 4, 10, 0, 16, 18, ...prefixes.reverse().flat()])
}

test('subgraphs nested 10 000 deep are refused', async () => {
  for (const depth of [100, 1000, 10_000])
    await refused(() => importModel(nestedGraphs(depth)), 'INVALID_MODEL', new RegExp(`If 'y${depth - 65}'.* 64 deep`))
})

test('functions that call themselves, or grow without end, are refused', async () => {
  const call = (opType: string, input: string, output: string) => ({
    opType,
    domain: 'f',
    input: [input],
    output: [output],
  })
  const opsetImport = [
    { domain: '', version: 18 },
    { domain: 'f', version: 1 },
  ]
  const graph = { node: [call('F0', 'x', 'y')], input: [valueInfo('x', [2])], output: [valueInfo('y', [2])] }
  const itself = [{ name: 'F0', domain: 'f', input: ['a'], output: ['b'], node: [call('F0', 'a', 'b')], opsetImport }]
  await refused(() => importModel(encode(graph, { opsetImport, functions: itself })), 'INVALID_MODEL', /F0 /)
  const doubling = Array.from({ length: 60 }, (_, index) => ({
    name: `F${index}`,
    domain: 'f',
    input: ['a'],
    output: ['b'],
    opsetImport,
    node: [call(`F${index + 1}`, 'a', 't'), call(`F${index + 1}`, 't', 'b')],
  }))
  await refused(
    () => importModel(encode(graph, { opsetImport, functions: doubling })),
    'INVALID_MODEL',
    /expand to more/,
  )
})

test('attributes and inputs of wrong kinds are refused by name', async () => {
  const graph = (node: onnx.INodeProto, elemType = 1) =>
    encode({ node: [{ name: 'n', output: ['y'], ...node }], input: [valueInfo('x', [1, 2, 3], elemType)] })
  const named = /'n'/
  const axis = (attribute: onnx.IAttributeProto) => ({
    opType: 'Softmax',
    input: ['x'],
    attribute: [{ name: 'axis', ...attribute }],
  })
  await refused(() => take(graph(axis({ type: 1, f: 1.5 }))), 'INVALID_MODEL', named)
  await refused(() => take(graph(axis({ type: 3, s: new Uint8Array([65]) }))), 'INVALID_MODEL', named)
  await refused(() => take(graph(axis({ type: 7, ints: [1] }))), 'INVALID_MODEL', named)
  await refused(() => take(graph({ opType: 'Conv', input: ['x'] })), 'INVALID_MODEL', named)
  await refused(() => take(graph({ opType: 'Tanh', input: ['x'] }, 8)), 'TYPE_MISMATCH', named)
  await refused(() => take(graph({ opType: 'MatMul', input: ['x', 'x'] }, 8)), 'TYPE_MISMATCH SHAPE_MISMATCH', named)
  const integers = encode(
    {
      node: [
        {
          name: 'n',
          domain: 'ai.onnx.preview.training',
          opType: 'Adagrad',
          input: ['x', 'x', 'x', 'x', 'x'],
          output: ['y', 'z'],
          attribute: [{ name: 'norm_coefficient', type: 1, f: 0.1 }],
        },
      ],
      input: [valueInfo('x', [1], 7)],
    },
    {
      opsetImport: [
        { domain: '', version: 18 },
        { domain: 'ai.onnx.preview.training', version: 1 },
      ],
    },
  )
  await refused(() => take(integers), 'TYPE_MISMATCH', /whole numbers/)
})

test('weights of few bits that their attributes do not fit are refused by name', async () => {
  const bytes = (size: number, dataType = 2) => ({ name: 'w', dataType, dims: [size], rawData: new Uint8Array(size) })
  const scales = (size: number) => ({
    name: 's',
    dataType: 1,
    dims: [size],
    floatData: new Array<number>(size).fill(1),
  })
  const groups = (...indices: number[]) => ({ name: 'g', dataType: 6, dims: [indices.length], int32Data: indices })
  const graph = (opType: string, sizes: Readonly<Record<string, number>>, ...initializer: onnx.ITensorProto[]) =>
    encode(
      {
        node: [
          {
            name: 'n',
            domain: 'com.microsoft',
            opType,
            input: ['x', 'w', 's', ...(initializer.length > 2 ? ['', 'g'] : [])],
            output: ['y'],
            attribute: Object.entries(sizes).map(([name, i]) => ({ name, type: 2, i })),
          },
        ],
        input: [valueInfo('x', [1, 4])],
        initializer,
      },
      {
        opsetImport: [
          { domain: '', version: 18 },
          { domain: 'com.microsoft', version: 1 },
        ],
      },
    )
  const sizes = { K: 4, N: 4, block_size: 16 }
  const bnb = (changed: object, ...initializer: onnx.ITensorProto[]) =>
    take(graph('MatMulBnb4', { ...sizes, ...changed }, ...initializer))
  const fits = /'n'.*does not fit/
  await refused(() => bnb({ K: 2 ** 31, N: 2 ** 31, block_size: 2 ** 40 }, bytes(8), scales(1)), 'INVALID_MODEL', fits)
  await refused(() => bnb({ K: -4, N: -4 }, bytes(8), scales(1)), 'INVALID_MODEL', fits)
  await refused(() => bnb({}, bytes(8, 3), scales(1)), 'INVALID_MODEL', fits)
  const blocks = (...initializer: onnx.ITensorProto[]) => take(graph('MatMulNBits', sizes, ...initializer))
  await refused(() => blocks(bytes(32), scales(4), groups(0, 0, 0, 1)), 'INVALID_MODEL', /'n'.*g_idx/)
  await refused(() => blocks(bytes(32), scales(4), groups(0)), 'INVALID_MODEL', /'n'.*g_idx/)
})

test('an attribute of any length leaves messages that people can read', async () => {
  const perm = { name: 'perm', type: 7, ints: Array.from({ length: 50_000 }, (_, i) => i) }
  const bytes = encode({
    node: [{ name: 'n', opType: 'Transpose', input: ['x'], output: ['y'], attribute: [perm] }],
    input: [valueInfo('x', [1, 2])],
  })
  await refused(() => take(bytes), 'SHAPE_MISMATCH', /^[\s\S]{0,4003}$/)
})

test('external data stays in the folder of the model', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lanewise-'))
  try {
    const folder = join(root, 'model')
    mkdirSync(folder)
    const path = join(folder, 'model.onnx')
    const write = (entries: Readonly<Record<string, string | undefined>>) =>
      writeFileSync(
        path,
        encode({
          node: [{ opType: 'Add', name: 'n', input: ['x', 'w'], output: ['y'] }],
          input: [valueInfo('x', [2])],
          output: [valueInfo('y', [2])],
          initializer: [
            {
              name: 'w',
              dataType: 1,
              dims: [2],
              dataLocation: 1,
              externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
            },
          ],
        }),
      )
    const floats = new Uint8Array(Float32Array.of(0, 1.5, 2.5).buffer)
    writeFileSync(join(root, 'secret'), floats)
    writeFileSync(join(folder, 'weights'), floats)
    symlinkSync(join(root, 'secret'), join(folder, 'link'))
    for (const location of [
      '../secret',
      '/etc/passwd',
      'a/../../secret',
      '..\\secret',
      'file:///etc/passwd',
      'C:\\x',
      '',
    ]) {
      write({ location })
      await refused(() => loadGraph(path), 'INVALID_MODEL', /folder of the model/)
    }
    write({ location: 'link', offset: '4', length: '8' })
    await refused(() => loadGraph(path), 'INVALID_MODEL', /leads out/)
    for (const entries of [
      { offset: '8' },
      { offset: '-4' },
      { length: '12' },
      { offset: '4', length: '99999999999999999' },
    ]) {
      write({ location: 'weights', ...entries })
      await refused(() => loadGraph(path), 'INVALID_MODEL', /'w' in 'weights'/)
    }
    write({ location: 'missing' })
    await refused(() => loadGraph(path), 'DATA_NOT_FOUND', /missing/)
    write({ location: './weights', offset: '4', length: '8' })
    const graph = await loadGraph(path)
    assert.equal(
      [...graph.constants.values()].map((tensor) => [...tensor.toNumbers()]),
      [[1.5, 2.5]],
    )
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
