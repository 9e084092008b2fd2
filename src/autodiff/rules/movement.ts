import { LanewiseError } from '../../core/errors.js'
import { concrete, inversePermutation, normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute, stringAttribute } from '../../ops/definition.js'
import { permutationOf, replaceAxis } from '../../ops/movement.js'
import { concreteSlices, type PadMode, padIndices, padsOf } from '../../ops/ranges.js'
import type { GradientRule, GradientRules } from '../rule.js'

const split: GradientRule = ({ emit, node, attributes, outputs, gradient }) => {
  const parts = outputs.map(
    (output, index) =>
      gradient(index) ??
      emit.constant(Tensor.zeros(output.dtype, concrete(output.shape, `output ${index} of ${node.name}`))),
  )
  return [emit.concat(parts, intAttribute(attributes, 'axis'))]
}

/** Puts dy's elements back at their places, zeros between and around them. */
const slice: GradientRule = (context) => {
  const { emit, node, inputs, gradient } = context
  const shape = concrete(inputs[0]!.shape, `the input of ${node.name}`)
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => {
    const constant = context.constant(index)
    if (inputs[index] && !constant)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `input ${index} of '${node.name}' must be constant to be differentiated`,
      )
    return constant?.toNumbers()
  })
  const slices = concreteSlices(shape, starts!, ends!, axes, steps)
  let dx = gradient(0)!
  const reversed = slices.flatMap(({ step }, axis) => (step < 0 ? [axis] : []))
  if (reversed.length > 0)
    dx = emit.op('Slice', [
      dx,
      emit.ints(reversed.map(() => -1)),
      emit.ints(reversed.map(() => -(2 ** 31))),
      emit.ints(reversed),
      emit.ints(reversed.map(() => -1)),
    ])
  const begin = slices.map(({ start, step, count }) => (step < 0 && count > 0 ? start + (count - 1) * step : start))
  const end = slices.map(({ step, count }, axis) => shape[axis] - begin[axis] - count * Math.abs(step))
  for (const [axis, { step, count }] of slices.entries()) {
    const stride = Math.abs(step)
    if (stride === 1 || count === 0) continue
    const before = dx.shape.slice(0, axis) as number[]
    const after = dx.shape.slice(axis + 1) as number[]
    const apart = emit.reshape(dx, [...before, count, 1, ...after])
    const pads = new Array<number>(2 * (shape.length + 1)).fill(0)
    pads[shape.length + 1 + axis + 1] = stride - 1
    dx = emit.reshape(emit.op('Pad', [apart, emit.ints(pads)]), [...before, count * stride, ...after])
  }
  return [[...begin, ...end].some((pad) => pad !== 0) ? emit.op('Pad', [dx, emit.ints([...begin, ...end])]) : dx]
}

/** Sums over the copies: dy as [repeat, dim, repeat, dim, …]. */
const tile: GradientRule = ({ emit, node, inputs, outputs, gradient }) => {
  const from = concrete(inputs[0]!.shape, `the input of ${node.name}`)
  const to = concrete(outputs[0].shape, `the output of ${node.name}`)
  if (from.length === 0) return [gradient(0)]
  const split = emit.reshape(
    gradient(0)!,
    from.flatMap((dim, axis) => [dim === 0 ? 0 : to[axis] / dim, dim]),
  )
  return [
    emit.sum(
      split,
      from.map((_, axis) => 2 * axis),
    ),
  ]
}

const pad: GradientRule = (context) => {
  const { emit, node, inputs, attributes, gradient, needs } = context
  const shape = concrete(inputs[0]!.shape, `the input of ${node.name}`)
  const pads = context.constant(1)
  if (!pads)
    throw new LanewiseError('SHAPE_MISMATCH', `the pads of '${node.name}' must be constant to be differentiated`)
  const { begin, end } = padsOf(shape.length, pads.toNumbers(), context.constant(3)?.toNumbers())
  const mode = stringAttribute(attributes, 'mode') as PadMode
  let dx = gradient(0)!
  if (mode !== 'constant') {
    for (const [axis, dim] of shape.entries()) {
      if (begin[axis] === 0 && end[axis] === 0) continue
      const indices = padIndices(dim, begin[axis], end[axis], mode)
      const input_shape = replaceAxis(dx.shape, axis, dim) as number[]
      dx = emit.op('lanewise.GatherGradient', [dx, emit.ints([...indices])], { axis, input_shape })
    }
    return [dx]
  }
  const crops = [...begin, ...end].every((pad) => pad >= 0)
  dx = crops
    ? emit.op('Slice', [dx, emit.ints(begin), emit.ints(shape.map((dim, axis) => begin[axis] + dim))])
    : emit.op('Pad', [dx, emit.ints([...begin, ...end].map((pad) => -pad))])
  if (!needs(2)) return [dx]
  return [dx, undefined, emit.sub(emit.sum(gradient(0)!), emit.sum(dx))]
}

export const movementRules: GradientRules = {
  Transpose: ({ emit, node, inputs, gradient }) => [
    emit.transpose(gradient(0)!, inversePermutation(permutationOf(node, inputs[0]!.shape.length))),
  ],
  Concat: ({ emit, node, inputs, attributes, gradient }) => {
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), inputs[0]!.shape.length)
    const sizes = concrete(
      inputs.map((input) => input!.shape[axis]),
      `axis ${axis} of the inputs of ${node.name}`,
    )
    return emit.emit('Split', [gradient(0), emit.ints(sizes)], { axis }, sizes.length)
  },
  Split: split,
  Slice: slice,
  Gather: ({ emit, node, inputs, attributes, gradient }) => [
    emit.op('lanewise.GatherGradient', [gradient(0), inputs[1]], {
      axis: attributes['axis'],
      input_shape: concrete(inputs[0]!.shape, `the data of ${node.name}`),
    }),
  ],
  'lanewise.GatherGradient': ({ emit, inputs, attributes, gradient }) => [
    emit.gather(gradient(0)!, inputs[1]!, intAttribute(attributes, 'axis')),
  ],
  Expand: ({ gradient }) => [gradient(0)],
  Tile: tile,
  Pad: pad,
}
