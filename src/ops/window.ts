import { LanewiseError } from '../core/errors.js'
import type { Attributes, Node } from '../core/ir.js'
import { concrete, type Dim, formatShape, type Shape } from '../core/shape.js'
import { type AttributeSchema, intAttribute, intsAttribute } from './definition.js'

/** How a convolution or pool slides over its spatial axes: sizes in elements, one entry an axis. */
export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padBegin: readonly number[]
  readonly padEnd: readonly number[]
  /** Whether a last window that begins inside the input or its leading pad counts though it overhangs the end. */
  readonly ceil: boolean
}

/** The attributes that a sliding window is made of, but kernel_shape. */
export const windowAttributes = {
  auto_pad: { type: 'string', default: 'NOTSET' },
  dilations: { type: 'ints' },
  pads: { type: 'ints' },
  strides: { type: 'ints' },
} as const satisfies Record<string, AttributeSchema>

/** Elements from the first to the last that a kernel of `size` touches, both counted. */
const extent = (size: number, dilation: number): number => (size - 1) * dilation + 1

/** Sums of a few sizes, pads and dilations stay below 2^31, so that kernels may count in 32 bits. */
const LONGEST = 2 ** 28

function checkReach(name: string, values: readonly number[]): void {
  if (values.some((value) => Math.abs(value) > LONGEST))
    throw new LanewiseError('INVALID_MODEL', `${name} ${formatShape(values)}: entries beyond ${LONGEST} are refused`)
}

function axes(attributes: Attributes, name: string, count: number, fill: number): readonly number[] {
  const values = intsAttribute(attributes, name)
  if (values === undefined || values.length === 0) return new Array<number>(count).fill(fill)
  if (values.length !== count)
    throw new LanewiseError('SHAPE_MISMATCH', `attribute ${name} has ${values.length} entries, ${count} are needed`)
  checkReach(name, values)
  return values
}

const isSame = (attributes: Attributes): boolean => String(attributes['auto_pad'] ?? 'NOTSET').startsWith('SAME')

/**
 * The window that `attributes` describe over spatial axes of size `input`, with auto_pad resolved into pads.
 * Throws SHAPE_MISMATCH where attributes disagree in length, or where SAME padding meets a symbolic dimension.
 */
export function windowOf(attributes: Attributes, kernel: readonly number[], input: Shape): Window {
  const rank = input.length
  if (kernel.length !== rank)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `kernel_shape has ${kernel.length} entries, the input has ${rank} spatial axes`,
    )
  checkReach('kernel_shape', kernel)
  const strides = axes(attributes, 'strides', rank, 1)
  const dilations = axes(attributes, 'dilations', rank, 1)
  const autoPad = attributes['auto_pad'] ?? 'NOTSET'
  if (autoPad !== 'NOTSET' && autoPad !== 'VALID' && autoPad !== 'SAME_UPPER' && autoPad !== 'SAME_LOWER')
    throw new LanewiseError('INVALID_MODEL', `auto_pad '${autoPad}' is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER`)
  if ([strides, dilations, kernel].some((sizes) => sizes.some((size) => size < 1)))
    throw new LanewiseError('INVALID_MODEL', 'kernel_shape, strides and dilations must be positive')
  const window = { kernel, strides, dilations, ceil: attributes['ceil_mode'] === 1 }
  if (autoPad === 'NOTSET') {
    const pads = axes(attributes, 'pads', 2 * rank, 0)
    return { ...window, padBegin: pads.slice(0, rank), padEnd: pads.slice(rank) }
  }
  const total = kernel.map((size, axis) => {
    if (autoPad === 'VALID') return 0
    const dim = input[axis]
    const reach = extent(size, dilations[axis])
    if (typeof dim === 'number') {
      const steps = Math.ceil(dim / strides[axis])
      return Math.max(0, (steps - 1) * strides[axis] + reach - dim)
    }
    if (strides[axis] === 1) return reach - 1
    throw new LanewiseError('SHAPE_MISMATCH', `${autoPad} needs a known size, the spatial axis ${axis} is '${dim}'`)
  })
  const small = total.map((pad) => Math.floor(pad / 2))
  const large = total.map((pad, axis) => pad - small[axis])
  return autoPad === 'SAME_LOWER'
    ? { ...window, padBegin: large, padEnd: small }
    : { ...window, padBegin: small, padEnd: large }
}

/**
 * The spatial shape that the window leaves of `input`. A symbolic dimension stays itself where its size is kept,
 * and becomes a formula in its name otherwise. A kernel that overhangs the padded input by less than a stride has one
 * place if `overhangs`, as the quotient of sizes is truncated towards 0 then; the border cuts it off.
 * Throws SHAPE_MISMATCH where the kernel does not fit.
 */
export function windowOutput(
  attributes: Attributes,
  kernel: readonly number[],
  input: Shape,
  overhangs = false,
): Dim[] {
  const same = isSame(attributes)
  const sizes = same ? input.map((dim) => (typeof dim === 'number' ? dim : 1)) : input
  const { strides, dilations, padBegin, padEnd, ceil } = windowOf(attributes, kernel, sizes)
  return input.map((dim, axis) => {
    const stride = strides[axis]
    if (same) {
      if (typeof dim === 'number') return Math.ceil(dim / stride)
      return stride === 1 ? dim : `ceil(${dim} / ${stride})`
    }
    const slack = padBegin[axis] + padEnd[axis] - extent(kernel[axis], dilations[axis])
    if (typeof dim !== 'number') {
      if (stride === 1 && slack === -1) return dim
      return `${ceil ? 'ceil' : 'floor'}((${dim} + ${slack}) / ${stride}) + 1`
    }
    if (dim > 0 && dim + slack < 0 && overhangs && dim + slack > -stride) return 1
    if (dim + slack < 0)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `a kernel that spans ${extent(kernel[axis], dilations[axis])} elements does not fit spatial axis ${axis} of size ${dim} with pads ${padBegin[axis]} and ${padEnd[axis]}`,
      )
    const steps = (dim + slack) / stride
    if (!ceil) return Math.floor(steps) + 1
    const count = Math.ceil(steps) + 1
    return (count - 1) * stride >= dim + padBegin[axis] ? count - 1 : count
  })
}

/** `window` as ONNX attributes with explicit pads. */
export const windowToAttributes = ({ kernel, strides, dilations, padBegin, padEnd }: Window): Attributes => ({
  auto_pad: 'NOTSET',
  kernel_shape: kernel,
  strides,
  dilations,
  pads: [...padBegin, ...padEnd],
})

/** [N, C, …spatial] as [N, …spatial, C]. */
export const toChannelsLast = <T>(items: readonly T[]): T[] => [items[0], ...items.slice(2), items[1]]

/** [O, I, …kernel] as […kernel, I, O]. */
export const weightToChannelsLast = <T>(items: readonly T[]): T[] => [...items.slice(2), items[1], items[0]]

/** The channels-first shape of the input that the window of `node` slides over. */
function slidOver(node: Node): Shape {
  const shape = intsAttribute(node.attributes, 'input_shape')
  if (shape) return shape
  return (node.op === 'lanewise.MaxPoolGradient' ? node.inputs[1] : node.inputs[0])!.shape
}

/** The kernel's spatial shape: the attribute, or what the weight operand, or a global pool's input, says. */
function kernelOf(node: Node, input: Shape): readonly number[] {
  if (node.op.startsWith('Global')) return concrete(input.slice(2), `the input of ${node.op}`)
  const kernel = intsAttribute(node.attributes, 'kernel_shape')
  if (kernel && kernel.length > 0) return kernel
  const operand = node.op === 'QLinearConv' ? node.inputs[3] : node.inputs[1]
  const weight = intsAttribute(node.attributes, 'weight_shape') ?? operand!.shape
  return concrete(weight.slice(2), `the weight of ${node.op}`)
}

/** The window of a channels-first convolution, pool, or gradient of one. Throws SHAPE_MISMATCH. */
function nodeWindow(node: Node): Window {
  const input = slidOver(node)
  return windowOf(node.attributes, kernelOf(node, input), input.slice(2))
}

/**
 * The attributes of a channels-first convolution, pool, or gradient of one, with kernel_shape, strides, dilations
 * and pads made explicit and auto_pad resolved. Throws SHAPE_MISMATCH where SAME padding meets a symbolic dimension.
 */
export const explicitWindow = (node: Node): Attributes => ({
  ...node.attributes,
  ...windowToAttributes(nodeWindow(node)),
})

/**
 * The attributes of the channels-last twin of `node`: an explicit window, and input_shape and weight_shape
 * in the twin's axis order. Throws as explicitWindow does.
 */
export function channelsLastAttributes(node: Node): Attributes {
  const attributes = explicitWindow(node)
  const input = intsAttribute(attributes, 'input_shape')
  const weight = intsAttribute(attributes, 'weight_shape')
  return {
    ...attributes,
    ...(input && { input_shape: toChannelsLast(input) }),
    ...(weight && { weight_shape: weightToChannelsLast(weight) }),
  }
}

/** The group attribute, checked against the channels it splits. Throws SHAPE_MISMATCH. */
export function groupOf(attributes: Attributes, ...channels: readonly Dim[]): number {
  const group = intAttribute(attributes, 'group') ?? 1
  for (const count of channels)
    if (group < 1 || (typeof count === 'number' && count % group !== 0))
      throw new LanewiseError('SHAPE_MISMATCH', `group ${group} does not divide ${count} channels`)
  return group
}
