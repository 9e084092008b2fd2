import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { isConcrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { constantInts, inputOf, numberOf, withInput } from './adapter.js'
import type { Adapter, AdapterTable, Draft } from './draft.js'

/**
 * The forms before opset 11: pixel i comes from i / scale; its nearest one lies below, above along an axis that shrinks. Where
 * some axes shrink and others grow, those that shrink do so first.
 */
const fromCorner = (draft: Draft, builder: GraphBuilder, scales: Value): Draft => {
  const { mode = 'nearest' } = draft.attributes
  const factors = constantInts({ ...draft, inputs: [scales] }, 0, builder) ?? []
  const attributes = (nearest_mode: string) => ({
    mode: mode === 'bilinear' ? 'linear' : mode,
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode,
  })
  const x = inputOf(draft, 0)
  const shrinks = factors.some((factor) => factor < 1)
  if (mode !== 'nearest' || !shrinks || !factors.some((factor) => factor > 1))
    return {
      ...draft,
      op: 'Resize',
      inputs: [x, undefined, scales],
      attributes: attributes(shrinks ? 'ceil' : 'floor'),
    }
  const limited = (limit: (factor: number) => number) => builder.constant(new Tensor('float32', factors.map(limit)))
  const smaller = [x, undefined, limited((factor) => Math.min(factor, 1))]
  return {
    ...draft,
    op: 'Resize',
    inputs: [builder.op('Resize', smaller, attributes('ceil')), undefined, limited((factor) => Math.max(factor, 1))],
    attributes: attributes('floor'),
  }
}

/** Upsample: scales are an input since opset 9, an attribute since 7, two attributes for height and width before. */
const upsample: Adapter = (draft, builder) => {
  if (draft.inputs[1]) return fromCorner(draft, builder, draft.inputs[1])
  const { scales } = draft.attributes
  const pair = ['height_scale', 'width_scale'].map((name) => numberOf(draft, name))
  const factors = (scales as readonly number[] | undefined) ?? [1, 1, ...pair]
  if (!Array.isArray(factors) || factors.some((factor) => typeof factor !== 'number'))
    throw new LanewiseError('INVALID_MODEL', "needs the attribute 'scales'")
  return fromCorner(draft, builder, builder.constant(new Tensor('float32', factors as readonly number[])))
}

/** An empty roi, scales or sizes stands for one that is left out. */
const withoutEmptyInputs: Adapter = (draft) =>
  [1, 2, 3].reduce((current, index) => {
    const shape = current.inputs[index]?.shape
    return shape && isConcrete(shape) && sizeOf(shape) === 0 ? withInput(current, index, undefined) : current
  }, draft)

export const resizeAdapters: AdapterTable = {
  Upsample: [{ before: Number.POSITIVE_INFINITY, adapt: upsample }],
  Resize: [
    { before: 11, adapt: (draft, builder) => fromCorner(draft, builder, inputOf(draft, 1)) },
    { before: Number.POSITIVE_INFINITY, adapt: withoutEmptyInputs },
  ],
  ImageScaler: [
    {
      before: Number.POSITIVE_INFINITY,
      adapt: (draft, builder) => {
        const bias = (draft.attributes['bias'] ?? []) as readonly number[]
        const scaled = builder.mul(inputOf(draft, 0), numberOf(draft, 'scale') ?? 1)
        const shift = builder.constant(new Tensor('float32', bias, [bias.length, 1, 1]))
        return { op: 'Add', inputs: [scaled, shift], attributes: {}, outputs: 1 }
      },
    },
  ],
}
