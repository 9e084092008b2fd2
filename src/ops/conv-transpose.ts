import { LanewiseError } from '../core/errors.js'
import type { Attributes, Value } from '../core/ir.js'
import { concrete, type Dim, formatShape, type Shape } from '../core/shape.js'
import { alongChannels } from './compose.js'
import { checkBias, checkKernel, checkRank, convAttributes, knownWeight, operandsOf } from './conv.js'
import { intsAttribute, type OpDefinition } from './definition.js'
import { freshShape } from './infer.js'
import { groupOf, windowOf, windowToAttributes } from './window.js'

interface TransposedWindow {
  readonly output: readonly Dim[]
  /** The window of the Conv whose input gradient this is. */
  readonly attributes: Attributes
}

/**
 * Output shape and window of a ConvTranspose of `data` [N, C, …] with `weight` [C, M/group, …]: the pads are explicit,
 * or follow from output_shape or auto_pad. Throws SHAPE_MISMATCH.
 */
export function transposedWindow(attributes: Attributes, data: Shape, weight: Shape): TransposedWindow {
  checkRank(data, weight)
  const [batch, channels, ...spatial] = data
  const [inputs, outputs, ...rest] = weight
  const kernel = checkKernel(attributes, concrete(rest, 'the weight'))
  const group = groupOf(attributes, channels)
  if (channels !== inputs && typeof channels === 'number' && typeof inputs === 'number')
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the input has ${channels} channels, weight ${formatShape(weight)} takes ${inputs}`,
    )
  const autoPad = attributes['auto_pad'] ?? 'NOTSET'
  const explicit = windowOf({ ...attributes, auto_pad: 'NOTSET' }, kernel, spatial)
  const wanted = intsAttribute(attributes, 'output_shape')?.slice(-spatial.length)
  const extra = intsAttribute(attributes, 'output_padding') ?? []
  const padBegin = [...explicit.padBegin]
  const padEnd = [...explicit.padEnd]
  const output = spatial.map((dim, axis): Dim => {
    const stride = explicit.strides[axis]
    const reach = (kernel[axis] - 1) * explicit.dilations[axis] + 1 + (extra[axis] ?? 0)
    const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER'
    if (autoPad === 'VALID') padBegin[axis] = padEnd[axis] = 0
    if (wanted || same) {
      if (wanted && typeof dim !== 'number')
        throw new LanewiseError('SHAPE_MISMATCH', `output_shape needs a known size, spatial axis ${axis} is '${dim}'`)
      const total = wanted ? stride * (Number(dim) - 1) + reach - wanted[axis] : reach - stride
      const pad = Math.max(0, total)
      const half = Math.floor(pad / 2)
      padBegin[axis] = autoPad === 'SAME_UPPER' ? half : pad - half
      padEnd[axis] = total - padBegin[axis]
      if (wanted) return wanted[axis]
      return typeof dim === 'number' ? dim * stride : `${stride} * (${dim})`
    }
    const slack = reach - padBegin[axis] - padEnd[axis]
    if (typeof dim !== 'number') return `${stride} * (${dim} - 1) + ${slack}`
    return stride * (dim - 1) + slack
  })
  return {
    output: [batch, typeof outputs === 'number' ? outputs * group : outputs, ...output],
    attributes: { ...windowToAttributes({ ...explicit, padBegin, padEnd }), group },
  }
}

/** ConvTranspose, which is the gradient of a Conv by its input. */
export const convTranspose = {
  ConvTranspose: {
    since: 11,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, output_padding: { type: 'ints' }, output_shape: { type: 'ints' } },
    traits: { weights: [1, 2] },
    infer: (context) => {
      const { data, weight, bias, dtype } = operandsOf(context)
      const known = knownWeight(context.attributes, weight.shape)
      const output = known
        ? transposedWindow(context.attributes, data.shape, known).output
        : [data.shape[0], ...freshShape(context, weight.shape.length).slice(1)]
      checkBias(bias, output[1])
      return [{ dtype, shape: output }]
    },
    decompose: (emit, node) => {
      const [x, w, bias] = node.inputs as [Value, Value, Value | undefined]
      const { output, attributes } = transposedWindow(node.attributes, x.shape, w.shape)
      const y = emit.op('lanewise.ConvInputGradient', [x, w], {
        ...attributes,
        input_shape: concrete(output, `the output of ${node.name}`),
      })
      return [bias ? emit.add(y, alongChannels(emit, bias, x.shape.length)) : y]
    },
  },
} as const satisfies Record<string, OpDefinition>
