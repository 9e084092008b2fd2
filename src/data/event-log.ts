import { concatBytes } from '../core/bytes.js'

/**
 * TensorBoard's event files: TFRecord frames (length, masked CRC32C, data, masked CRC32C; tensorflow's record_writer.h) of
 * Event messages (tensorflow's event.proto, summary.proto).
 */

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), of the reflected polynomial 0x82f63b78. */
const crcTable = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

/** `data` as one TFRecord. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(data.length + 16)
  const view = new DataView(frame.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(crc32c(frame.subarray(0, 8))), true)
  frame.set(data, 12)
  view.setUint32(12 + data.length, masked(crc32c(data)), true)
  return frame
}

/** A histogram in TensorBoard's form: how many values lie up to each limit, and above the one before. */
export interface Histogram {
  readonly min: number
  readonly max: number
  readonly count: number
  readonly sum: number
  readonly sumSquares: number
  readonly limits: readonly number[]
  readonly counts: readonly number[]
}

/** Counts `values` in `buckets` of equal width. Values that are not finite are left out. */
export function histogramOf(values: ArrayLike<number>, buckets = 30): Histogram {
  const finite = Array.from(values).filter(Number.isFinite)
  let [min, max, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
  for (const value of finite) {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
    sumSquares += value * value
  }
  if (finite.length === 0) return { min: 0, max: 0, count: 0, sum: 0, sumSquares: 0, limits: [0], counts: [0] }
  const width = (max - min) / buckets
  const number = width > 0 ? buckets : 1
  const counts = new Array<number>(number).fill(0)
  for (const value of finite) counts[width > 0 ? Math.min(number - 1, Math.floor((value - min) / width)) : 0]++
  const limits = counts.map((_, i) => (i === number - 1 ? max : min + width * (i + 1)))
  return { min, max, count: finite.length, sum, sumSquares, limits, counts }
}

/** What an event says besides its time: the version that begins a file, or values of one step. */
export interface EventContent {
  readonly step?: number
  readonly fileVersion?: string
  readonly scalars?: Readonly<Record<string, number>>
  readonly histograms?: Readonly<Record<string, Histogram>>
}

type Bytes = readonly number[] | Uint8Array

const varint = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 128)
  }
}
const fixed64 = (values: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer)
const fixed32 = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value).buffer)

// One field each of protobuf's wire types.
const number = (field: number, value: number) => concatBytes([varint(field << 3), varint(value)])
const double = (field: number, value: number) => concatBytes([varint((field << 3) | 1), fixed64([value])])
const message = (field: number, content: Bytes) =>
  concatBytes([varint((field << 3) | 2), varint(content.length), content])
const float = (field: number, value: number) => concatBytes([varint((field << 3) | 5), fixed32(value)])
const text = (field: number, value: string) => message(field, new TextEncoder().encode(value))

const histogramMessage = ({ min, max, count, sum, sumSquares, limits, counts }: Histogram) =>
  concatBytes([
    ...[min, max, count, sum, sumSquares].map((value, i) => double(i + 1, value)),
    message(6, fixed64(limits)),
    message(7, fixed64(counts)),
  ])

/** One record of an event file. `wallTime` in seconds since 1970; values are float32, steps whole numbers from 0. */
export function eventRecord(
  wallTime: number,
  { step = 0, fileVersion, scalars, histograms }: EventContent,
): Uint8Array {
  const values = [
    ...Object.entries(scalars ?? {}).map(([tag, value]) => concatBytes([text(1, tag), float(2, value)])),
    ...Object.entries(histograms ?? {}).map(([tag, value]) =>
      concatBytes([text(1, tag), message(5, histogramMessage(value))]),
    ),
  ]
  const parts: Bytes[] = [double(1, wallTime), number(2, step)]
  if (fileVersion !== undefined) parts.push(text(3, fileVersion))
  if (values.length > 0) parts.push(message(5, concatBytes(values.map((value) => message(1, value)))))
  return frameRecord(concatBytes(parts))
}
