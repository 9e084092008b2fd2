import { broadcastStrides, collapseAxes, sizeOf } from '../../../core/shape.js'

/** Operands broadcast to one shape, seen as rows: along a row an operand moves by its step, from row to row by its strides. */
export interface Rows {
  readonly size: number
  /** Elements of a row, at least 1. */
  readonly inner: number
  /** Dims outside a row. */
  readonly dims: readonly number[]
  /** For each operand: 1 if it moves along a row, 0 if it is repeated. */
  readonly steps: readonly number[]
  /** For each operand, its strides in elements along `dims`. */
  readonly strides: readonly (readonly number[])[]
}

/** Rows of dense operands of the given shapes, broadcast to `shape`. */
export function rowsOf(shape: readonly number[], operands: readonly (readonly number[])[]): Rows {
  const { dims, strides } = collapseAxes(
    shape,
    operands.map((operand) => broadcastStrides(operand, shape)),
  )
  return {
    size: sizeOf(shape),
    inner: dims.at(-1) ?? 1,
    dims: dims.slice(0, -1),
    steps: strides.map((operand) => operand.at(-1) ?? 0),
    strides: strides.map((operand) => operand.slice(0, -1)),
  }
}
