import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from 'onnx-proto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { decode } from '../src/onnx/decode.js'
import { encode } from '../src/onnx/encode.js'
import { type Field, type Message, type MessageName, messages } from '../src/onnx/messages.js'
import { dataRoot } from './support/conformance.js'

type Fields = Readonly<Record<string, unknown>>
interface Codec {
  readonly prototype: object
  decode(bytes: Uint8Array): object
  encode(message: object): { finish(): Uint8Array }
}

/** onnx-proto's messages by our names; it stands for an older onnx.proto, without SequenceProto and some fields. */
const oracle = {
  ...onnx,
  Dimension: onnx.TensorShapeProto.Dimension,
  TensorTypeProto: onnx.TypeProto.Tensor,
  ElementTypeProto: onnx.TypeProto.Sequence,
  MapTypeProto: onnx.TypeProto.Map,
} as unknown as Readonly<Record<MessageName, Codec>>

/** What onnx-proto holds in a field of 64 bits. */
function bigIntOf(value: number | { low: number; high: number; unsigned: boolean }): bigint {
  if (typeof value === 'number') return BigInt(value)
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0)
  return value.unsigned ? bits : BigInt.asIntN(64, bits)
}

/** Asserts that a message holds what onnx-proto's has in the fields that it knows; gives the number of scalars compared. */
function agree(ours: Fields, theirs: Fields, name: MessageName, path: string): number {
  const fields = (Object.values(messages[name]) as Field[]).filter(([field]) => field in oracle[name].prototype)
  return fields.reduce((count, [field, kind, repeated]) => {
    const given = Object.hasOwn(theirs, field) ? (theirs[field] ?? undefined) : undefined
    const [mine, wanted] = [ours[field], given].map((value) =>
      repeated ? ((value ?? []) as unknown[]) : value === undefined ? [] : [value],
    )
    assert.is(mine.length, wanted.length, `${path}.${field}`)
    return mine.reduce<number>((sum, item, index) => {
      if (kind in messages) return sum + agree(item as Fields, wanted[index] as Fields, kind as MessageName, path)
      if (!sameScalar(item, wanted[index], kind))
        assert.unreachable(`${path}.${field}[${index}]: ${item}, onnx-proto reads ${wanted[index]}`)
      return sum + 1
    }, count)
  }, 0)
}

const sameScalar = (mine: unknown, wanted: unknown, kind: Field[1]): boolean =>
  kind === 'int64' || kind === 'uint64'
    ? mine === wanted || BigInt(mine as number) === bigIntOf(wanted as number)
    : kind === 'bytes'
      ? Buffer.compare(mine as Uint8Array, wanted as Uint8Array) === 0
      : Object.is(mine, wanted)

const files = existsSync(dataRoot)
  ? readdirSync(dataRoot, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(onnx|pb)$/.test(path))
  : []
if (files.length === 0) console.log('SKIP the models and tensors of the reference data: they are absent')

test('every model and tensor reads, and is written, as by onnx-proto', () => {
  let compared = 0
  for (const path of files) {
    const bytes = readFileSync(join(dataRoot, path))
    const name = path.endsWith('.onnx') ? 'ModelProto' : 'TensorProto'
    // Sequences and optionals, which lie in files called as those of tensors are.
    if (name === 'TensorProto' && /seq|opt/.test(path)) continue
    const theirs = oracle[name].decode(bytes)
    compared += agree(decode(name, bytes) as Fields, theirs as Fields, name, path)
    const written = oracle[name].encode(theirs).finish()
    assert.ok(Buffer.compare(encode(name, decode(name, written)), written) === 0, `${path} is written otherwise`)
  }
  if (files.length > 0) assert.ok(compared > 100_000, `${compared} fields`)
})

const refused = (bytes: readonly number[], pattern: RegExp, name: MessageName = 'ModelProto') =>
  assert.throws(
    () => decode(name, Uint8Array.from(bytes)),
    (error: unknown) => error instanceof LanewiseError && error.code === 'INVALID_MODEL' && pattern.test(error.message),
  )

test('numbers of all sizes come back', () => {
  const wide = [0, -1, 127, 128, 2 ** 49, -(2 ** 49), 2 ** 53 - 1, 1 - 2 ** 53, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n]
  const tensor: Message<'TensorProto'> = {
    dims: wide,
    dataType: -1,
    floatData: [0.5, -0, Number.NaN, Number.POSITIVE_INFINITY],
    int32Data: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
    doubleData: [Math.PI, -1e300],
    uint64Data: [0, 2n ** 64n - 1n, 2 ** 53 - 1],
    rawData: Uint8Array.of(1, 2, 3),
    stringData: [new Uint8Array(), Uint8Array.of(255)],
    name: '\ufeffn\u00e9 \u{1f600}',
  }
  const bytes = encode('TensorProto', tensor)
  assert.equal(decode('TensorProto', bytes), tensor)
  agree(tensor as Fields, onnx.TensorProto.decode(bytes) as unknown as Fields, 'TensorProto', 'tensor')
})

test('raw data are a view of the file', () => {
  const bytes = encode('TensorProto', { rawData: Uint8Array.of(1, 2, 3) })
  assert.is(decode('TensorProto', bytes).rawData?.buffer, bytes.buffer)
})

test('repeated numbers may be packed or not, unknown fields and groups are skipped, the last of a field counts', () => {
  assert.equal(decode('TensorProto', Uint8Array.of(8, 2, 10, 2, 3, 4, 8, 5)), { dims: [2, 3, 4, 5] })
  assert.equal(decode('TensorProto', Uint8Array.of(10, 0, 0x22, 0)), { dims: [], floatData: [] })
  const group = [0xa3, 6, 8, 1, 0xa3, 6, 0x15, 0, 0, 0, 0, 0xa4, 6, 0xa4, 6]
  const unknown = [0xa0, 6, 200, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 1, 9, 0xa5, 6, 1, 2, 3, 4, ...group]
  assert.equal(decode('TensorProto', Uint8Array.from([16, 1, ...unknown, 16, 7])), { dataType: 7 })
})

test('damaged messages are refused before memory is taken', () => {
  refused([10], /0 bytes|byte/, 'TensorProto')
  refused([0x4a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], /4294967295 bytes/, 'TensorProto')
  refused([0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1], /bytes/, 'TensorProto')
  refused([0x22, 3, 0, 0, 0], /4 bytes/, 'TensorProto')
  refused([16, ...new Array<number>(11).fill(0x80)], /too long/, 'TensorProto')
  refused([0x11, 1, 2, 3, 4, 5, 6, 7, 8], /'dataType'.*another kind/, 'TensorProto')
  refused([0x4e], /no field/)
  refused([0x4c], /no field/)
  refused(new Array<number>(10_000).fill(0x4b), /no field/)
  // An inner message that goes on behind the end of the one around it.
  refused([0x3a, 2, 0x12, 5, 1, 2, 3, 4, 5], /bytes/)
})

test('types nested without end are refused', () => {
  let type: readonly number[] = []
  for (let level = 0; level < 300; level++) {
    const length = type.length < 128 ? [type.length] : [(type.length & 127) | 128, type.length >> 7]
    type = [level % 2 ? 0x22 : 0x0a, ...length, ...type]
  }
  refused(type, /nested more than 256 deep/, 'TypeProto')
})

test.run()
