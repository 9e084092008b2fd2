import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { concrete } from '../../../core/shape.js'
import { activationNames, type CellKind, directionsOf, gruCell, lstmCell, rnnCell } from '../../../ops/recurrent.js'
import { activationKinds } from '../activations.js'
import { gemm_f32 } from '../gen/gemm.js'
import type { KernelCall } from '../gen/kernels.js'
import { copy_bytes, fill_bytes } from '../gen/movement.js'
import { recurrent_cell_f32 } from '../gen/rare-rnn.js'
import {
  epilogueFields,
  floatBytes,
  isFloat32,
  type NodePlan,
  packPanels,
  panelBytes,
  slabColumns,
  tilingOf,
  Workspace,
} from './gemm.js'
import type { Lowering, Preparation } from './lowering.js'
import { fromPlan } from './matmul.js'
import { prepareOperand } from './prepared.js'
import { cut } from './tiles.js'

/** Elements of the gates of a tile of the cell kernel, and bytes of a tile of a copy. */
const CELL_CHUNK = 4096
const COPY_CHUNK = 65536

interface Product {
  readonly a: number
  /** Panels of the transposed right matrix. */
  readonly b: number
  readonly c: number
  readonly bias: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
}

/** c = a b + bias, all dense. */
function product({ a, b, c, bias, rows, columns, depth }: Product): KernelCall {
  const { tileRows, tileColumns, tiles } = tilingOf(1, rows, columns, rows * columns * depth)
  return gemm_f32(
    {
      a,
      b,
      c,
      bias,
      rows,
      columns,
      tileRows,
      tileColumns,
      ldb: 8 * floatBytes,
      panelStride: depth * 8 * floatBytes,
      ldc: columns * floatBytes,
      outer: 1,
      outerStride: 0,
      inner: 1,
      innerStride: 0,
      run: depth,
      ...epilogueFields({ activation: activationKinds.identity, alpha: 0, beta: 0 }, activationKinds.relu),
      width: Math.max(1, rows),
      height: 1,
      pixelStride: depth * floatBytes,
      rowStride: 0,
      imageStride: 0,
      top: 0,
      bottom: 0,
      strideY: 1,
      dilationY: 1,
      slabColumns: slabColumns(depth),
    },
    tiles,
    [0, 0, 0, 0],
  )
}

/** How panels of transposes are made: of `columns` rows of each of `directions` [rows, depth] matrices, from row `first` on. */
const packTransposed =
  (directions: number, rows: number, depth: number, first: number, columns: number): Preparation =>
  (source, target) => [
    packPanels(
      {
        source: source + first * depth * floatBytes,
        target,
        taps: 1,
        tapStride: 0,
        k: depth,
        kStride: floatBytes,
        columns,
        nStride: depth * floatBytes,
      },
      Array.from({ length: directions }, (_, side) => [
        side * rows * depth * floatBytes,
        side * panelBytes(depth, columns),
      ]),
    ),
  ]

const copy = (from: number, to: number, bytes: number): KernelCall =>
  copy_bytes({ x: from, y: to, bytes, chunk: COPY_CHUNK }, Math.ceil(bytes / COPY_CHUNK))

/** The kernel's number of a GRU whose reset gate comes before the product: the first of two calls. */
const splitGru = 4

/** The kernel's number of a node's cell; undefined where it has none. */
function cellNumber(node: Node, kind: CellKind): number | undefined {
  const { attributes, inputs } = node
  const names = activationNames(attributes, kind.defaults)
  if (attributes['clip'] || attributes['input_forget'] === 1 || inputs[7]) return undefined
  const plain = names.every((name, index) => name === kind.defaults[index % kind.defaults.length])
  if (kind === lstmCell) return plain ? 3 : undefined
  if (kind === gruCell) return !plain ? undefined : attributes['linear_before_reset'] === 1 ? 2 : splitGru
  return plain ? 0 : names.every((name) => name === 'relu') ? 1 : undefined
}

function accelerates(node: Node, kind: CellKind): boolean {
  const { attributes, inputs } = node
  const floats = { ...node, inputs: inputs.filter((_, index) => index !== 4) }
  if (!isFloat32(floats) || (inputs[4] && inputs[4].dtype !== 'int32')) return false
  // The states of two directions, batch first, lie between each other.
  if (attributes['layout'] === 1 && directionsOf(attributes).length > 1) return false
  const [steps, batch, width] = concrete(inputs[0]!.shape)
  return steps * batch * width > 0 && cellNumber(node, kind) !== undefined
}

function recurrentPlan(node: Node, kind: CellKind, constant: ConstantOf): NodePlan {
  const { attributes, inputs, outputs } = node
  const [x, weight, recurrent, bias, lengths] = inputs as readonly [Value, Value, Value, Value?, Value?]
  const batchFirst = attributes['layout'] === 1
  const [first, second, depth] = concrete(x.shape)
  const [steps, batch] = batchFirst ? [second, first] : [first, second]
  const hidden = concrete(recurrent.shape)[2]
  const directions = directionsOf(attributes)
  const columns = kind.gates * hidden
  const number = cellNumber(node, kind)!
  const stateBytes = batch * hidden * floatBytes
  const space = new Workspace()
  const gatesAt = space.take(steps * batch * columns * floatBytes)
  const sumsAt = space.take(batch * columns * floatBytes)
  const split = number === splitGru
  const stepColumns = split ? 2 * hidden : columns
  const panelsOf = (value: Value, size: number, first: number, count: number) =>
    prepareOperand(
      value,
      directions.length * panelBytes(size, count),
      packTransposed(directions.length, columns, size, first, count),
      space,
      constant(value),
    )
  const inputPanels = panelsOf(weight, depth, 0, columns)
  const statePanels = panelsOf(recurrent, hidden, 0, stepColumns)
  const candidatePanels = split ? panelsOf(recurrent, hidden, stepColumns, hidden) : undefined
  const [updateAt, resetAt] = [0, 1].map(() => (split ? space.take(stateBytes) : 0))
  const statesAt = Array.from({ length: kind.states }, () => space.take(stateBytes))
  const { chunk, tiles } = cut(batch, Math.max(1, Math.floor(CELL_CHUNK / columns)))
  const scratchStride = Math.ceil((columns * floatBytes) / 64 + 1) * 64
  const scratchAt = space.take(tiles * scratchStride)
  return {
    workspaceBytes: space.bytes,
    calls: (context) => {
      const { address, workspace } = context
      const ofInput = inputPanels(context)
      const ofState = statePanels(context)
      const ofCandidate = candidatePanels?.(context)
      const layers = directions.flatMap((direction, side) => {
        const at = (value: Value | undefined, elements: number) =>
          value ? address(value) + side * elements * floatBytes : 0
        const biasAt = at(bias, 2 * columns)
        const states = statesAt.map((offset) => workspace + offset)
        const begin = states.map((state, index) => {
          const initial = inputs[5 + index]
          return initial
            ? copy(at(initial, batch * hidden), state, stateBytes)
            : fill_bytes(
                { y: state, bytes: stateBytes, chunk: COPY_CHUNK, low: 0, high: 0 },
                Math.ceil(stateBytes / COPY_CHUNK),
              )
        })
        const gates = workspace + gatesAt
        const sums = workspace + sumsAt
        const run = Array.from({ length: steps }, (_, count) => {
          const step = direction === 'forward' ? count : steps - 1 - count
          const place = batchFirst ? step : step * directions.length + side
          const cell = {
            gates: gates + step * (batchFirst ? 1 : batch) * columns * floatBytes,
            gatesStride: (batchFirst ? steps : 1) * columns * floatBytes,
            recurrent: sums,
            h: states[0],
            c: split ? workspace + updateAt : (states[1] ?? 0),
            y: address(outputs[0]) + place * (batchFirst ? hidden * floatBytes : stateBytes),
            yStride: (batchFirst ? steps : 1) * hidden * floatBytes,
            scratch: workspace + scratchAt,
            scratchStride,
            lengths: lengths ? address(lengths) : 0,
            step,
            hidden,
            rows: batch,
            chunk,
            kind: number,
          }
          const stateBias = biasAt && biasAt + columns * floatBytes
          const shared = { c: sums, rows: batch, depth: hidden }
          const fromState = product({
            ...shared,
            a: states[0],
            b: ofState.address + side * panelBytes(hidden, stepColumns),
            bias: stateBias,
            columns: stepColumns,
          })
          if (!ofCandidate) return [fromState, recurrent_cell_f32(cell, tiles)]
          const reset = workspace + resetAt
          return [
            fromState,
            recurrent_cell_f32({ ...cell, y: reset, yStride: hidden * floatBytes, lengths: 0 }, tiles),
            product({
              ...shared,
              a: reset,
              b: ofCandidate.address + side * panelBytes(hidden, hidden),
              bias: stateBias && stateBias + stepColumns * floatBytes,
              columns: hidden,
            }),
            recurrent_cell_f32({ ...cell, kind: splitGru + 1 }, tiles),
          ]
        }).flat()
        return [
          product({
            a: address(x),
            b: ofInput.address + side * panelBytes(depth, columns),
            c: gates,
            bias: biasAt,
            rows: steps * batch,
            columns,
            depth,
          }),
          ...begin,
          ...run,
          ...outputs.slice(1).map((output, index) => copy(states[index], at(output, batch * hidden), stateBytes)),
        ]
      })
      return [...ofInput.calls, ...ofState.calls, ...(ofCandidate?.calls ?? []), ...layers]
    },
  }
}

const recurrentLowering = (kind: CellKind): Lowering => ({
  ...fromPlan((node, constant) => recurrentPlan(node, kind, constant)),
  accelerates: (node) => accelerates(node, kind),
})

/** Recurrent layers of float32 with their usual activations: one product for all steps, then a product and a cell a step. */
export const recurrentLowerings = {
  RNN: recurrentLowering(rnnCell),
  GRU: recurrentLowering(gruCell),
  LSTM: recurrentLowering(lstmCell),
} as const satisfies Record<string, Lowering>
