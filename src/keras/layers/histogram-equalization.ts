import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { slice } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { declareOperators } from '../../ops/index.js'
import { indexing } from '../../ops/indexing.js'
import { ranking } from '../../ops/ranking.js'
import { invalid } from '../config.js'
import { bytes, scaleTo } from './color-augmentation.js'
import type { CallContext } from './context.js'
import { count, dataFormat, type Field, number, type ValuesOf } from './fields.js'
import { valueRange } from './image-fields.js'
import { RandomImages } from './random-images.js'

/** How often each of 0 … size - 1 is in each row of `places` (int32 [rows, n], within these): float32 [rows, size]. */
function countsOf(emit: Emitter, places: Value, size: number): Value {
  const none = emit.less(slice(emit, places, 1, 0, 1), emit.constant(Tensor.zeros('int32', [1, size])))
  const once = emit.greaterOrEqual(places, 0)
  const inputs = [emit.cast(none, 'float32'), places, emit.cast(once, 'float32')]
  return emit.op('ScatterElements', inputs, { axis: 1, reduction: 'add' })
}

/** Sums of the first elements along the last axis. */
const runningSums = (emit: Emitter, x: Value): Value => emit.op('CumSum', [x, emit.scalar(x.shape.length - 1, 'int64')])

/** Element `places[row, i]` of each row of `table`. */
const look = (emit: Emitter, table: Value, places: Value): Value =>
  emit.op('GatherElements', [table, places], { axis: 1 })

const equalizationFields = { valueRange, bins: count(256), dataFormat }

/** Values by their rank among the batch's, channel by channel, so that all are as frequent; while training. */
export class Equalization extends RandomImages<ValuesOf<typeof equalizationFields>> {
  static override readonly fields = equalizationFields

  change(x: Value, { emit }: CallContext): Value {
    declareOperators({ ...indexing, ...ranking })
    const { bins, valueRange } = this.options
    const [batch, height, width, channels] = x.shape as readonly number[]
    const values = emit.transpose(scaleTo(emit, x, valueRange, bytes), [3, 0, 1, 2])
    const rows = emit.reshape(values, [channels, batch * height * width])
    const placed = (scaled: Value) => emit.cast(emit.clip(scaled, 0, bins - 1), 'int32')
    const counts = countsOf(emit, placed(emit.div(emit.mul(rows, bins - 1), 255)), bins)
    const varies = emit.greater(emit.sum(emit.cast(emit.greater(counts, 0), 'float32'), [1], true), 1)
    const sums = runningSums(emit, counts)
    const total = batch * height * width
    const least = emit.min(emit.where(emit.greater(sums, 0), sums, total), [1], true)
    const share = emit.div(emit.mul(emit.sub(sums, least), 255), emit.maximum(emit.sub(total, least), 1))
    const table = emit.clip(emit.op('Round', [share]), 0, 255)
    const equal = look(emit, table, placed(emit.mul(emit.div(rows, 255), bins - 1)))
    const images = emit.reshape(emit.where(varies, equal, rows), [channels, batch, height, width])
    return scaleTo(emit, emit.transpose(images, [1, 2, 3, 0]), bytes, valueRange)
  }
}

const gridSize: Field<readonly number[], readonly [number, number]> = {
  needed: false,
  fallback: [8, 8],
  read(value, what) {
    if (!Array.isArray(value) || value.length !== 2 || value.some((size) => !Number.isInteger(size) || size < 1))
      throw invalid(`${what} must be [rows, columns], positive integers, got ${JSON.stringify(value)}`)
    return [value[0], value[1]]
  },
  write: (value) => value,
}

const adaptiveFields = { valueRange, clipLimit: number(4), tileGridSize: gridSize, dataFormat }

const range = (length: number): number[] => Array.from({ length }, (_, i) => i)
/** Where a place beyond the end of `size` elements comes from: abc goes on as cba|abc. */
const mirrored = (place: number, size: number): number => {
  const turn = place % (2 * size)
  return turn < size ? turn : 2 * size - 1 - turn
}

/** Tiles next to a place along an axis, each with its share, as if the outermost tiles went on. */
function neighbours(place: number, tile: number, tiles: number) {
  const at = (place - tile / 2) / tile
  const before = Math.floor(at)
  const inside = (index: number) => Math.min(Math.max(index, 0), tiles - 1)
  return [
    { tile: inside(before), share: 1 - (at - before) },
    { tile: inside(before + 1), share: at - before },
  ]
}

/**
 * Equalization tile by tile, between whose tables values are interpolated; no level counts for more than `clipLimit` times
 * its even share, the rest going to all levels; 0 for no limit. Also outside of training (Zuiderveld, 1994).
 */
export class ContrastLimitedAdaptiveHistogramEqualization extends RandomImages<ValuesOf<typeof adaptiveFields>> {
  static override readonly fields = adaptiveFields
  protected override readonly always = true

  override call(inputs: readonly Value[], context: CallContext): Value {
    return context.emit.cast(this.images(inputs[0], context), inputs[0].dtype as 'float32')
  }

  change(x: Value, { emit }: CallContext): Value {
    declareOperators({ ...indexing, ...ranking })
    const { valueRange, clipLimit, tileGridSize } = this.options
    const [height, width, channels] = x.shape.slice(1).map(Number)
    const [rows, columns] = tileGridSize
    const [tall, wide] = [Math.ceil(height / rows), Math.ceil(width / columns)]
    const constant = (dtype: 'int32' | 'float32', list: readonly number[]) =>
      emit.constant(new Tensor(dtype, list, [list.length]))
    const rowOf = (tileRow: number, tileColumn: number, channel: number) =>
      256 * ((tileRow * columns + tileColumn) * channels + channel)
    const each = <T>(h: number, w: number, write: (y: number, x: number, channel: number) => T): T[] =>
      range(h).flatMap((y) => range(w).flatMap((x) => range(channels).map((channel) => write(y, x, channel))))

    const levels = emit.reshape(scaleTo(emit, x, valueRange, bytes), [0, height * width * channels])
    const places = emit.cast(emit.clip(levels, 0, 255), 'int32')
    const whole = each(tall * rows, wide * columns, (y, x, channel) => ({
      from: (mirrored(y, height) * width + mirrored(x, width)) * channels + channel,
      row: rowOf(Math.floor(y / tall), Math.floor(x / wide), channel),
    }))
    const from = constant(
      'int32',
      whole.map(({ from }) => from),
    )
    const rowsOfAll = constant(
      'int32',
      whole.map(({ row }) => row),
    )
    const tiled = emit.add(emit.gather(places, from, 1), rowsOfAll)
    const tables = rows * columns * channels
    const counts = emit.reshape(countsOf(emit, tiled, 256 * tables), [0, tables, 256])
    const flat = emit.reshape(this.#tableOf(emit, counts, tall * wide, clipLimit), [0, 256 * tables])

    const corners = [0, 1].flatMap((below) => [0, 1].map((right) => [below, right] as const))
    const parts = corners.map(([below, right]) => {
      const pixels = each(height, width, (y, x, channel) => {
        const [row, column] = [neighbours(y, tall, rows)[below], neighbours(x, wide, columns)[right]]
        return { row: rowOf(row.tile, column.tile, channel), share: row.share * column.share }
      })
      const row = constant(
        'int32',
        pixels.map(({ row }) => row),
      )
      const share = constant(
        'float32',
        pixels.map(({ share }) => share),
      )
      return emit.mul(look(emit, flat, emit.add(places, row)), share)
    })
    const sum = emit.reshape(
      parts.reduce((a, b) => emit.add(a, b)),
      [0, height, width, channels],
    )
    return scaleTo(emit, sum, bytes, valueRange)
  }

  /** What each level becomes, by how often it is among `area` pixels. */
  #tableOf(emit: Emitter, counts: Value, area: number, clipLimit: number): Value {
    let limited = counts
    if (clipLimit > 0) {
      const most = emit.minimum(counts, (clipLimit * area) / 256)
      limited = emit.add(most, emit.div(emit.sum(emit.sub(counts, most), [2], true), 256))
    }
    const sums = runningSums(emit, limited)
    const least = emit.min(sums, [2], true)
    const others = emit.sub(area, least)
    const share = emit.div(emit.mul(emit.sub(sums, least), 255), emit.where(emit.equal(others, 0), 1, others))
    return emit.clip(share, 0, 255)
  }
}
