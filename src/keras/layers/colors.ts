import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { slice } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'

/** The planes of images [batch, height, width, 3], each [batch, height, width, 1]. Throws INVALID_ARGUMENT for other channels. */
export function planesOf(emit: Emitter, x: Value): [Value, Value, Value] {
  if (x.shape[3] !== 3) throw invalid(`images of 3 channels are needed here, got ${String(x.shape[3])}`)
  const plane = (channel: number) => slice(emit, x, 3, channel, channel + 1)
  return [plane(0), plane(1), plane(2)]
}

/** Luminance by the weights of ITU-R BT.601, [batch, height, width, 1]. */
export const grey = (emit: Emitter, x: Value): Value => {
  planesOf(emit, x)
  const weights = emit.constant(new Tensor('float32', [0.2989, 0.587, 0.114], [3]))
  return emit.sum(emit.mul(x, weights), [3], true)
}

/** Hue (in [0, 1)), saturation and value of each pixel (Smith, 1978). */
export function toHsv(emit: Emitter, x: Value): [hue: Value, saturation: Value, value: Value] {
  const [red, green, blue] = planesOf(emit, x)
  const value = emit.max(x, [3], true)
  const range = emit.sub(value, emit.min(x, [3], true))
  const positive = (y: Value) => emit.greater(y, 0)
  const saturation = emit.where(positive(value), emit.div(range, emit.where(positive(value), value, 1)), 0)
  const norm = emit.div(1 / 6, emit.where(positive(range), range, 1))
  const along = (a: Value, b: Value, offset: number) => emit.add(emit.mul(norm, emit.sub(a, b)), offset)
  const byBlueOrGreen = emit.where(emit.equal(value, green), along(blue, red, 2 / 6), along(red, green, 4 / 6))
  const turned = emit.where(emit.equal(value, red), along(green, blue, 0), byBlueOrGreen)
  const hue = emit.where(positive(range), turned, 0)
  return [emit.where(emit.less(hue, 0), emit.add(hue, 1), hue), saturation, value]
}

/** The inverse of toHsv; hues are taken modulo 1. */
export function fromHsv(emit: Emitter, hue: Value, saturation: Value, value: Value): Value {
  const turn = emit.mul(emit.sub(hue, emit.op('Floor', [hue])), 6)
  const distance = (from: number) => emit.op('Abs', [emit.sub(turn, from)])
  const shares = [emit.sub(distance(3), 1), emit.sub(2, distance(2)), emit.sub(2, distance(4))]
  const planes = shares.map((share) => {
    const part = emit.mul(saturation, emit.clip(share, 0, 1))
    return emit.mul(value, emit.add(emit.sub(1, saturation), part))
  })
  return emit.concat(planes, 3)
}
