import { broadcastStrides, sizeOf } from '../../core/shape.js'

/** For each element of `target` in row-major order, the index of the element that `shape` broadcasts there. */
export function broadcastIndices(shape: readonly number[], target: readonly number[]): Int32Array {
  const strides = broadcastStrides(shape, target)
  const indices = new Int32Array(sizeOf(target))
  const position = new Array<number>(target.length).fill(0)
  for (let i = 0, source = 0; i < indices.length; i++) {
    indices[i] = source
    for (let axis = target.length - 1; axis >= 0; axis--) {
      source += strides[axis]
      if (++position[axis] < target[axis]) break
      source -= strides[axis] * target[axis]
      position[axis] = 0
    }
  }
  return indices
}
