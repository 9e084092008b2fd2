import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { broadcastShapes, sizeOf } from '../../../core/shape.js'
import { limits } from '../../../ops/granularity.js'
import type { KernelCall } from '../gen/kernels.js'
import { gemm_i16, pack_panels_i16, widen_i16 } from '../gen/rare-gemm-i16.js'
import { geometryOf, shapeOf } from './frame.js'
import { ceilDiv, floatBytes, type NodePlan, panelBytes, slabColumns, tilingOf, Workspace } from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { batchIndices, matrixShape } from './matmul.js'
import { prepareOperand } from './prepared.js'
import {
  type Convolution,
  even,
  framedLeft,
  int16Bytes,
  isSigned,
  type Left,
  multipliersCall,
  type Operand,
  zerosOf,
} from './quantized-operands.js'
import { integerWinogradPlan, suitsIntegerWinograd } from './quantized-winograd.js'
import { CHUNK } from './tiles.js'

/** `count` matrices B of `taps` x `k` rows: element strides and the distance of two matrices, in bytes. */
interface Right {
  readonly count: number
  readonly taps: number
  readonly tapStride: number
  readonly k: number
  readonly kStride: number
  readonly nStride: number
  readonly matrixStride: number
}

/** `batches` products of `rows` x `columns`; `offsets` of each: bytes of A, number of the matrix B, elements of y, of bias. */
interface Product {
  readonly left: Left
  readonly right: Right
  readonly b: Operand
  readonly bias?: Value
  readonly y: Operand
  /** The scale of A, where y is quantized. */
  readonly scale?: Value
  readonly rows: number
  readonly columns: number
  /** Elements from row to row of y. */
  readonly rowLength: number
  readonly offsets: readonly (readonly [number, number, number, number])[]
}

/** Rows of the register tile of `gemm_i16`. */
const tileHeight = 4

function planProduct(product: Product, constant: ConstantOf): NodePlan {
  const { left, right, b, bias, y, scale, rows, columns, rowLength, offsets } = product
  const depth = right.taps * ceilDiv(right.k, 2)
  const matrixBytes = panelBytes(depth, columns)
  const zeros = zerosOf(b.zero, constant)
  const pack = (source: number, target: number) => {
    const { count, matrixStride, ...strides } = right
    const matrices = Array.from({ length: count }, (_, i) => [i * matrixStride, i * matrixBytes])
    const fields = { source, target, batches: count, ...strides, columns, isSigned: isSigned(b.value) }
    const list = [...matrices.flat(), ...zeros]
    return [pack_panels_i16({ ...fields, zeros: zeros.length }, count * ceilDiv(columns, 8), list)]
  }
  const space = new Workspace()
  const aOffset = space.take(left.bytes)
  const panels = prepareOperand(b.value, right.count * matrixBytes, pack, space, constant(b.value))
  const tiling = tilingOf(offsets.length, rows, columns, (offsets.length * rows * columns * depth) / 2)
  const slab = Math.min(slabColumns(depth), tiling.tileColumns)
  const quantizes = scale !== undefined
  const scratchBytes = tileHeight * slab * floatBytes
  const scratch = quantizes ? space.take(tiling.tiles * scratchBytes) : 0
  const multipliers = quantizes ? space.take(rowLength * floatBytes) : 0
  const [low, high] = limits[y.value.dtype] ?? [0, 0]

  const calls = (context: LoweringContext): KernelCall[] => {
    const { address, workspace } = context
    const a = workspace + aOffset
    const { address: packed, calls: packing } = panels(context)
    const scaling = quantizes
      ? [multipliersCall(b.scale!, scale, y.scale!, rowLength, workspace + multipliers, context)]
      : []
    return [
      left.widen(context, a),
      ...packing,
      ...scaling,
      gemm_i16(
        {
          ldb: 8 * floatBytes,
          panelStride: depth * 8 * floatBytes,
          ldc: (quantizes ? slab : rowLength) * floatBytes,
          ...left.walk,
          lower: 0,
          a,
          b: packed,
          c: quantizes ? workspace + scratch : address(y.value),
          bias: bias ? address(bias) : 0,
          rows,
          columns,
          tileRows: tiling.tileRows,
          tileColumns: tiling.tileColumns,
          slabColumns: slab,
          y: quantizes ? address(y.value) : 0,
          ldy: rowLength,
          scratchBytes,
          multipliers: workspace + multipliers,
          zero: y.zero ? address(y.zero) : 0,
          isSigned: isSigned(y.value),
          low,
          high,
        },
        tiling.tiles,
        offsets.flatMap(([aBytes, matrix, element, column]) => [
          aBytes,
          matrix * matrixBytes,
          element * (quantizes ? 1 : floatBytes),
          column * floatBytes,
        ]),
      ),
    ]
  }
  return { workspaceBytes: space.bytes, calls }
}

function convolutionPlan(node: Node, { x, b, y, ...rest }: Convolution, constant: ConstantOf): NodePlan {
  const g = geometryOf(node, x.value, b.value, y.value)
  if (rest.scale && suitsIntegerWinograd(g)) return integerWinogradPlan(g, { x, b, y, ...rest }, constant)
  const [channels, columns] = [g.channels / g.group, g.outputs / g.group]
  const right: Right = {
    count: g.group,
    taps: g.kernelY * g.kernelX,
    tapStride: channels * g.outputs,
    k: channels,
    kStride: g.outputs,
    nStride: 1,
    matrixStride: columns,
  }
  return planProduct(
    {
      left: framedLeft(g, x),
      right,
      b,
      y,
      ...rest,
      rows: g.images * g.outHeight * g.outWidth,
      columns,
      rowLength: g.outputs,
      offsets: Array.from({ length: g.group }, (_, i) => [i * channels * int16Bytes, i, i * columns, i * columns]),
    },
    constant,
  )
}

type MatrixProduct = Pick<Product, 'b' | 'y' | 'scale'> & { readonly a: Operand }

function matrixPlan({ a, b, y, scale }: MatrixProduct, constant: ConstantOf): NodePlan {
  const [aShape, bShape] = [shapeOf(a.value), shapeOf(b.value)]
  const [rowsOfA, depth] = matrixShape(aShape, false, true)
  const [, columns] = matrixShape(bShape, false, false)
  const [aBatch, bBatch] = [aShape.slice(0, -2), bShape.slice(0, -2)]
  const together = sizeOf(bBatch) === 1
  const batch = together ? [] : (broadcastShapes(aBatch, bBatch) as number[])
  const lines = rowsOfA * sizeOf(aBatch)
  const rows = together ? lines : rowsOfA
  const aIndices = together ? [0] : batchIndices(aBatch, batch)
  const bIndices = together ? [0] : batchIndices(bBatch, batch)
  const pixelStride = even(depth) * int16Bytes
  const rowsPerTile = Math.max(1, Math.floor(CHUNK / even(depth)))
  const left: Left = {
    bytes: lines * pixelStride,
    widen: ({ address }, target) =>
      widen_i16(
        {
          x: address(a.value),
          y: target,
          zero: a.zero ? address(a.zero) : 0,
          zeroStep: a.zero && sizeOf(shapeOf(a.zero)) > 1 ? 1 : 0,
          isSigned: isSigned(a.value),
          height: lines,
          width: 1,
          channels: depth,
          targetHeight: lines,
          targetWidth: 1,
          targetChannels: even(depth),
          top: 0,
          left: 0,
          rowsPerTile,
          rows: lines,
        },
        ceilDiv(lines, rowsPerTile),
      ),
    walk: {
      outer: 1,
      outerStride: 0,
      inner: 1,
      innerStride: 0,
      run: even(depth) / 2,
      width: Math.max(1, rows),
      height: 1,
      pixelStride,
      rowStride: 0,
      imageStride: 0,
    },
  }
  const right: Right = {
    count: sizeOf(bBatch),
    taps: 1,
    tapStride: 0,
    k: depth,
    kStride: columns,
    nStride: 1,
    matrixStride: depth * columns,
  }
  const offsets = bIndices.map((index, i): [number, number, number, number] => [
    aIndices[i] * rowsOfA * pixelStride,
    index,
    i * rows * columns,
    0,
  ])
  return planProduct({ left, right, b, y, scale, rows, columns, rowLength: columns, offsets }, constant)
}

const isByte = (value: Value | undefined): boolean => value?.dtype === 'int8' || value?.dtype === 'uint8'
const isOne = (value: Value | undefined): boolean => value === undefined || sizeOf(shapeOf(value)) === 1
const isFloat = (value: Value | undefined): boolean => value?.dtype === 'float32'

/** Whether zero points of B are known, and there is one, or one a column: `count` of them. */
const knownZeros = (zero: Value | undefined, count: number, constant: ConstantOf): boolean =>
  zero === undefined || (constant(zero) !== undefined && [1, count].includes(sizeOf(shapeOf(zero))))

const isEmpty = ({ outputs }: Node): boolean => sizeOf(shapeOf(outputs[0])) === 0

/** A product from a plan, and what it can take beyond non-empty integers of 8 bits. */
const quantizedProduct = (
  operands: readonly [number, number],
  takes: (node: Node, constant: ConstantOf) => boolean,
  plan: (node: Node, constant: ConstantOf) => NodePlan,
): Lowering => ({
  accelerates: (node, constant) =>
    operands.every((index) => isByte(node.inputs[index]) && sizeOf(shapeOf(node.inputs[index]!)) > 0) &&
    !isEmpty(node) &&
    takes(node, constant),
  workspace: (node, constant) => plan(node, constant).workspaceBytes,
  lower: (node, context) => plan(node, context.constant).calls(context),
})

const columnsOf = (value: Value): number => matrixShape(shapeOf(value), false, false)[1]
const hasPlanes = (value: Value | undefined): boolean => value!.shape.length === 3 || value!.shape.length === 4
/** One number, or one a row of a matrix. */
const isRowwise = (a: Value, zero: Value | undefined): boolean =>
  isOne(zero) || (a.shape.length === 2 && zero!.shape.length === 1)
/** One number, or one a column of a matrix that is the same in all batches. */
const isColumnwise = (value: Value | undefined): boolean => isOne(value) || value!.shape.length === 1

/** Products of integers of 8 bits, by way of int16 and int32: exact. */
export const quantizedProductLowerings = {
  'lanewise.ConvIntegerNhwc': quantizedProduct(
    [0, 1],
    ({ inputs: [x, w, xZero, wZero] }, constant) =>
      hasPlanes(x) && isOne(xZero) && knownZeros(wZero, shapeOf(w!).at(-1)!, constant),
    (node, constant) => {
      const [x, w, xZero, wZero] = node.inputs
      const [left, b] = [
        { value: x!, zero: xZero },
        { value: w!, zero: wZero },
      ]
      return convolutionPlan(node, { x: left, b, y: { value: node.outputs[0] } }, constant)
    },
  ),
  'lanewise.QLinearConvNhwc': quantizedProduct(
    [0, 3],
    ({ inputs: [x, xScale, xZero, w, wScale, wZero, yScale, yZero], outputs }, constant) =>
      hasPlanes(x) &&
      [xScale, wScale, yScale].every(isFloat) &&
      [xScale, xZero, yScale, yZero].every(isOne) &&
      [1, shapeOf(w!).at(-1)].includes(sizeOf(shapeOf(wScale!))) &&
      isByte(outputs[0]) &&
      knownZeros(wZero, shapeOf(w!).at(-1)!, constant),
    (node, constant) => {
      const [x, scale, xZero, w, wScale, wZero, yScale, yZero, bias] = node.inputs as readonly Value[]
      const operands = {
        x: { value: x, zero: xZero },
        b: { value: w, scale: wScale, zero: wZero },
        y: { value: node.outputs[0], scale: yScale, zero: yZero },
      }
      return convolutionPlan(node, { ...operands, scale, bias }, constant)
    },
  ),
  MatMulInteger: quantizedProduct(
    [0, 1],
    ({ inputs: [a, b, aZero, bZero] }, constant) =>
      isRowwise(a!, aZero) && isColumnwise(bZero) && knownZeros(bZero, columnsOf(b!), constant),
    ({ inputs: [a, b, aZero, bZero], outputs: [y] }, constant) =>
      matrixPlan({ a: { value: a!, zero: aZero }, b: { value: b!, zero: bZero }, y: { value: y } }, constant),
  ),
  QLinearMatMul: quantizedProduct(
    [0, 3],
    ({ inputs: [, aScale, aZero, b, bScale, bZero, yScale, yZero], outputs }, constant) =>
      [aScale, bScale, yScale].every(isFloat) &&
      [aScale, aZero, yScale, yZero].every(isOne) &&
      [bScale, bZero].every(isColumnwise) &&
      isByte(outputs[0]) &&
      knownZeros(bZero, columnsOf(b!), constant),
    ({ inputs, outputs: [y] }, constant) => {
      const [a, scale, aZero, b, bScale, bZero, yScale, yZero] = inputs as readonly Value[]
      const operands = {
        a: { value: a, zero: aZero },
        b: { value: b, scale: bScale, zero: bZero },
        y: { value: y, scale: yScale, zero: yZero },
      }
      return matrixPlan({ ...operands, scale }, constant)
    },
  ),
} as const satisfies Record<string, Lowering>
