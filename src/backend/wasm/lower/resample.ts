import { LanewiseError } from '../../../core/errors.js'
import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { resample_f32 } from '../gen/rare-resample.js'
import type { Lowering } from './lowering.js'
import { CHUNK, cut } from './tiles.js'

const resample: Lowering = {
  accelerates: ({ inputs: [x, indices] }, constant) =>
    x!.dtype === 'float32' && constant(indices!) !== undefined && indices!.shape[1] !== 0,
  lower({ name, inputs, outputs: [output], attributes }, { address, constant }) {
    const [x, indices, weights] = inputs.map((value) => value!)
    const shape = concrete(x.shape)
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
    const [to, taps] = concrete(indices.shape)
    const outside = constant(indices)!
      .toNumbers()
      .find((index) => index < 0 || index >= shape[axis])
    if (outside !== undefined)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `'${name}': index ${outside} is out of range for an axis of size ${shape[axis]}`,
      )
    const inner = sizeOf(shape.slice(axis + 1))
    const rows = sizeOf(shape.slice(0, axis)) * to
    if (rows * inner === 0) return []
    const { chunk, tiles } = cut(rows, Math.max(1, Math.ceil(CHUNK / (inner * taps))))
    const places = { x: address(x), indices: address(indices), weights: address(weights), y: address(output) }
    return [resample_f32({ ...places, from: shape[axis], to, taps, inner, rows, chunk }, tiles)]
  },
}

export const resampleLowerings = { 'lanewise.Resample': resample } as const satisfies Record<string, Lowering>
