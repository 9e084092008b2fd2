export type Padding = 'valid' | 'same' | 'causal'

/** 0, 1 … rank - 1. */
export const axesUpTo = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i)

/** Axis order that takes N…C to NC… for `rank` spatial axes. */
export const toChannelsFirst = (rank: number): number[] => [0, rank + 1, ...axesUpTo(rank).map((i) => i + 1)]
/** Axis order that takes NC… to N…C. */
export const toChannelsLast = (rank: number): number[] => [0, ...axesUpTo(rank).map((i) => i + 2), 1]

/**
 * ONNX's padding attributes for TensorFlow's rule: `same` gives ceil(size / stride) outputs, with the odd element
 * at the end; `causal` pads the start only. Unknown sizes use ONNX's own form of the same rule.
 */
export function paddingAttributes(
  padding: Padding,
  sizes: readonly (number | string)[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[] = kernel.map(() => 1),
): { auto_pad?: string; pads?: readonly number[] } {
  const extent = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1)
  if (padding === 'valid') return { pads: new Array<number>(2 * kernel.length).fill(0) }
  if (padding === 'causal') return { pads: [...extent.map((size) => size - 1), ...kernel.map(() => 0)] }
  if (!sizes.every((size) => typeof size === 'number')) return { auto_pad: 'SAME_UPPER' }
  const totals = sizes.map((size, axis) => {
    const outputs = Math.ceil(size / strides[axis])
    return Math.max(0, (outputs - 1) * strides[axis] + extent[axis] - size)
  })
  return { pads: [...totals.map((total) => total >> 1), ...totals.map((total) => total - (total >> 1))] }
}
