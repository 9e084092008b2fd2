import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { broadcastShapes, broadcastStrides, sizeOf } from '../../../core/shape.js'
import type { Tensor } from '../../../core/tensor.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { type Activation, activationKinds, epilogueOf } from '../activations.js'
import { gemm_f32, gemm_finish_f32 } from '../gen/gemm.js'
import { gemm_tn_f32 } from '../gen/gemm-tn.js'
import type { KernelCall } from '../gen/kernels.js'
import { shapeOf } from './frame.js'
import {
  ceilDiv,
  epilogueFields,
  floatBytes,
  isFloat32,
  type NodePlan,
  packPanels,
  panelBytes,
  slabColumns,
  tilingOf,
  Workspace,
  worthPacking,
} from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { prepareOperand } from './prepared.js'

interface MatrixProduct {
  readonly a: Value
  readonly b: Value
  readonly bias: Value | undefined
  readonly y: Value
  readonly transA: boolean
  readonly transB: boolean
  readonly epilogue: Activation
}

/** Element offsets of each batch of the product in an operand whose leading axes are `shape`. */
export function batchIndices(shape: readonly number[], batch: readonly number[]): number[] {
  const strides = broadcastStrides(shape, batch)
  let indices = [0]
  batch.forEach((size, axis) => {
    indices = indices.flatMap((index) => Array.from({ length: size }, (_, i) => index + i * strides[axis]))
  })
  return indices
}

/** The last two axes of an operand, with a vector seen as one row (of a) or one column (of b). */
export function matrixShape(shape: readonly number[], transposed: boolean, vectorIsRow: boolean): [number, number] {
  if (shape.length === 1) return vectorIsRow ? [1, shape[0]] : [shape[0], 1]
  const [rows, columns] = shape.slice(-2)
  return transposed ? [columns, rows] : [rows, columns]
}

function planProduct({ a, b, bias, y, transA, transB, epilogue }: MatrixProduct, constant: ConstantOf): NodePlan {
  const aShape = shapeOf(a)
  const bShape = shapeOf(b)
  const [rowsOfA, depth] = matrixShape(aShape, transA, true)
  const [, columns] = matrixShape(bShape, transB, false)
  const aBatch = aShape.slice(0, -2)
  const bBatch = bShape.slice(0, -2)
  const collapse = sizeOf(bBatch) === 1 && !transA
  const batch = collapse ? [] : (broadcastShapes(aBatch, bBatch) as number[])
  const rows = collapse ? rowsOfA * sizeOf(aBatch) : rowsOfA
  const batches = sizeOf(batch)
  const aIndices = collapse ? [0] : batchIndices(aBatch, batch)
  const bIndices = collapse ? [0] : batchIndices(bBatch, batch)

  const space = new Workspace()
  const packed = transB || constant(b) !== undefined || worthPacking(rows, columns, depth)
  const bCount = sizeOf(bBatch)
  const packedBytes = panelBytes(depth, columns)
  const pack = (source: number, target: number) => [
    packPanels(
      {
        source,
        target,
        taps: 1,
        tapStride: 0,
        k: depth,
        kStride: (transB ? 1 : columns) * floatBytes,
        columns,
        nStride: (transB ? depth : 1) * floatBytes,
      },
      Array.from({ length: bCount }, (_, i) => [i * depth * columns * floatBytes, i * packedBytes]),
    ),
  ]
  const panels = packed ? prepareOperand(b, bCount * packedBytes, pack, space, constant(b)) : undefined
  const tiling = tilingOf(batches, rows, columns, batches * rows * columns * depth, transA ? 24 : undefined)
  const offsets = Array.from({ length: batches }, (_, i) => [
    aIndices[i] * rowsOfA * depth * floatBytes,
    packed ? bIndices[i] * packedBytes : bIndices[i] * depth * columns * floatBytes,
    i * rows * columns * floatBytes,
    0,
  ]).flat()

  const calls = (context: LoweringContext): KernelCall[] => {
    const { address: right, calls: result } = panels?.(context) ?? { address: context.address(b), calls: [] }
    const common = {
      ldb: packed ? 8 * floatBytes : columns * floatBytes,
      panelStride: packed ? depth * 8 * floatBytes : 8 * floatBytes,
      ldc: columns * floatBytes,
      outer: 1,
      outerStride: 0,
      inner: 1,
      innerStride: 0,
      run: depth,
      ...epilogueFields(epilogue, activationKinds.relu),
      a: context.address(a),
      b: right,
      c: context.address(y),
      bias: bias ? context.address(bias) : 0,
      columns,
      tileRows: tiling.tileRows,
      tileColumns: tiling.tileColumns,
      slabColumns: slabColumns(depth),
    }
    return [
      ...result,
      transA
        ? gemm_tn_f32(
            {
              ...common,
              images: 1,
              height: 1,
              pixelStride: rows * floatBytes,
              imageStride: 0,
              tapRows: 1,
              tapColumns: 1,
              channels: rows,
              tapRowStride: 0,
              tapColumnStride: 0,
              gather: 0,
              blockRows: 1,
              batches,
              chunkImages: 1,
              chunkBytes: 0,
            },
            tiling.tiles,
            offsets,
          )
        : gemm_f32(
            {
              ...common,
              rows,
              width: Math.max(1, rows),
              height: 1,
              pixelStride: depth * floatBytes,
              rowStride: 0,
              imageStride: 0,
              top: 0,
              bottom: 0,
              strideY: 1,
              dilationY: 1,
            },
            tiling.tiles,
            offsets,
          ),
    ]
  }
  return { workspaceBytes: space.bytes, calls }
}

const identity: Activation = { activation: activationKinds.identity, alpha: 0, beta: 0 }

const matMulPlan = ({ inputs: [a, b], outputs: [y] }: Node, constant: ConstantOf): NodePlan =>
  planProduct({ a: a!, b: b!, bias: undefined, y, transA: false, transB: false, epilogue: identity }, constant)

const fusedPlan = (node: Node, constant: ConstantOf): NodePlan =>
  planProduct(
    {
      a: node.inputs[0]!,
      b: node.inputs[1]!,
      bias: node.inputs[2],
      y: node.outputs[0],
      transA: Boolean(node.attributes['transA']),
      transB: Boolean(node.attributes['transB']),
      epilogue: epilogueOf(node),
    },
    constant,
  )

/** Gemm: y = alpha a b + beta c. A row c with factors 1 is the bias of the product; anything else is a second call. */
function gemmPlan(node: Node, constant: ConstantOf): NodePlan {
  const [a, b, c] = node.inputs
  const y = node.outputs[0]
  const alpha = floatAttribute(node.attributes, 'alpha') ?? 1
  const beta = floatAttribute(node.attributes, 'beta') ?? 1
  const [rows, columns] = shapeOf(y)
  const addend = beta === 0 ? undefined : c
  const row = addend && addend.shape[addend.shape.length - 1] === columns && sizeOf(shapeOf(addend)) === columns
  const fused = alpha === 1 && (addend === undefined || (row && beta === 1))
  const product = planProduct(
    {
      a: a!,
      b: b!,
      bias: fused ? addend : undefined,
      y,
      transA: Boolean(intAttribute(node.attributes, 'transA')),
      transB: Boolean(intAttribute(node.attributes, 'transB')),
      epilogue: identity,
    },
    constant,
  )
  if (fused) return product
  const [rowStride, columnStride] = addend ? broadcastStrides(shapeOf(addend), [rows, columns]) : [0, 0]
  const tileRows = Math.max(1, ceilDiv(16_384, Math.max(1, columns)))
  return {
    workspaceBytes: product.workspaceBytes,
    calls: (context) => [
      ...product.calls(context),
      gemm_finish_f32(
        {
          y: context.address(y),
          c: addend ? context.address(addend) : 0,
          rows,
          columns,
          rowStride,
          columnStride,
          alpha,
          beta,
          tileRows,
        },
        ceilDiv(rows, tileRows),
      ),
    ],
  }
}

/** A lowering from a function that plans a float32 node: once, where a graph that is planned is loaded next. */
export function fromPlan(plan: (node: Node, constant: ConstantOf) => NodePlan): Lowering {
  const planned = new WeakMap<Node, { readonly constants: readonly (Tensor | undefined)[]; readonly plan: NodePlan }>()
  const constantsOf = ({ inputs }: Node, constant: ConstantOf) => inputs.map((input) => input && constant(input))
  return {
    accelerates: isFloat32,
    workspace(node, constant) {
      const entry = { constants: constantsOf(node, constant), plan: plan(node, constant) }
      planned.set(node, entry)
      return entry.plan.workspaceBytes
    },
    lower(node, context) {
      const known = planned.get(node)
      planned.delete(node)
      const constants = constantsOf(node, context.constant)
      const isSame = known?.constants.every((tensor, index) => tensor === constants[index])
      return (isSame ? known! : { plan: plan(node, context.constant) }).plan.calls(context)
    },
  }
}

export const matMulLowerings = {
  MatMul: fromPlan(matMulPlan),
  Gemm: fromPlan(gemmPlan),
  'lanewise.FusedMatMul': fromPlan(fusedPlan),
} as const satisfies Record<string, Lowering>
