import type { Node } from '../../../core/ir.js'
import { intAttribute, intsAttribute } from '../../../ops/definition.js'
import { windowOf } from '../../../ops/window.js'

type Triple = readonly [number, number, number]

/** A channels-last window over up to three spatial axes: absent ones come first, with size 1. */
export interface Geometry {
  readonly images: number
  /** Spatial sizes of what the window slides over, and of its places. */
  readonly input: Triple
  readonly output: Triple
  readonly kernel: Triple
  readonly strides: Triple
  readonly dilations: Triple
  readonly padBegin: Triple
  readonly padEnd: Triple
  readonly group: number
}

const triple = (values: readonly number[], fill: number): Triple =>
  [...new Array<number>(3 - values.length).fill(fill), ...values] as unknown as Triple

/** The window of a node between the channels-last shapes of its input and output; the kernel as the attribute says, unless given. */
export function geometryOf(
  node: Node,
  input: readonly number[],
  output: readonly number[],
  kernel: readonly number[] = intsAttribute(node.attributes, 'kernel_shape')!,
): Geometry {
  const spatial = input.slice(1, -1)
  const window = windowOf(node.attributes, kernel, spatial)
  return {
    images: input[0],
    input: triple(spatial, 1),
    output: triple(output.slice(1, -1), 1),
    kernel: triple(window.kernel, 1),
    strides: triple(window.strides, 1),
    dilations: triple(window.dilations, 1),
    padBegin: triple(window.padBegin, 0),
    padEnd: triple(window.padEnd, 0),
    group: intAttribute(node.attributes, 'group') ?? 1,
  }
}

/** Whether a channels-last shape has one to three spatial axes. */
export const isSpatial = (shape: readonly unknown[]): boolean => shape.length >= 3 && shape.length <= 5

export const volume = ([d, h, w]: Triple): number => d * h * w

/** WGSL for vec3<i32>(…). */
export const vec3 = (values: Triple): string => `vec3<i32>(${values.join(', ')})`
