import { sigmoid, storeLanes, tanh } from './math'
import { madd } from './simd'

/**
 * One step of a recurrent cell on rows of `hidden` elements: `gates` (the input's part, its rows gatesStride bytes apart) and
 * `recurrent` (the state's part, dense) hold all gates side by side; h and c (LSTM) are read and written; y takes the output.
 * A row whose sequence (lengths, int32, or 0) has ended by `step` keeps its state and gives 0.
 * Kinds: 0 RNN with tanh, 1 RNN with relu, 2 GRU with linear_before_reset (gates z, r, h), 3 LSTM (gates i, o, f, c).
 * A tile is `chunk` rows.
 */
// @ts-ignore: decorator
@unmanaged
export class CellParams {
  gates: usize
  gatesStride: i32
  recurrent: usize
  h: usize
  c: usize
  y: usize
  yStride: i32
  lengths: usize
  step: i32
  hidden: i32
  rows: i32
  chunk: i32
  kind: i32
}

// @ts-ignore: decorator
@inline
function sum(gates: usize, recurrent: usize): v128 {
  return f32x4.add(v128.load(gates), v128.load(recurrent))
}

function rnnRow(relu: i32, gates: usize, recurrent: usize, h: usize, y: usize, hidden: i32): void {
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const x = sum(gates + o, recurrent + o)
    const next = relu ? f32x4.max(x, f32x4.splat(0)) : tanh(x)
    storeLanes(h + o, next, hidden - i)
    storeLanes(y + o, next, hidden - i)
  }
}

function gruRow(gates: usize, recurrent: usize, h: usize, y: usize, hidden: i32): void {
  const gate = <usize>hidden << 2
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const z = sigmoid(sum(gates + o, recurrent + o))
    const r = sigmoid(sum(gates + gate + o, recurrent + gate + o))
    const candidate = tanh(madd(r, v128.load(recurrent + 2 * gate + o), v128.load(gates + 2 * gate + o)))
    const next = madd(z, f32x4.sub(v128.load(h + o), candidate), candidate)
    storeLanes(h + o, next, hidden - i)
    storeLanes(y + o, next, hidden - i)
  }
}

function lstmRow(gates: usize, recurrent: usize, h: usize, c: usize, y: usize, hidden: i32): void {
  const gate = <usize>hidden << 2
  for (let k = 0; k < hidden; k += 4) {
    const at = <usize>k << 2
    const g = gates + at
    const r = recurrent + at
    const i = sigmoid(sum(g, r))
    const o = sigmoid(sum(g + gate, r + gate))
    const f = sigmoid(sum(g + 2 * gate, r + 2 * gate))
    const candidate = tanh(sum(g + 3 * gate, r + 3 * gate))
    const cell = madd(f, v128.load(c + at), f32x4.mul(i, candidate))
    const next = f32x4.mul(o, tanh(cell))
    storeLanes(c + at, cell, hidden - k)
    storeLanes(h + at, next, hidden - k)
    storeLanes(y + at, next, hidden - k)
  }
}

export function recurrent_cell_f32(p: CellParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.rows)
  const hidden = p.hidden
  const row = <usize>hidden << 2
  const gateCount: usize = p.kind == 3 ? 4 : p.kind == 2 ? 3 : 1
  for (let n = from; n < to; n++) {
    const gates = p.gates + <usize>n * p.gatesStride
    const recurrent = p.recurrent + <usize>n * gateCount * row
    const h = p.h + <usize>n * row
    const y = p.y + <usize>n * p.yStride
    if (p.lengths && p.step >= load<i32>(p.lengths + (<usize>n << 2))) memory.fill(y, 0, row)
    else if (p.kind == 3) lstmRow(gates, recurrent, h, p.c + <usize>n * row, y, hidden)
    else if (p.kind == 2) gruRow(gates, recurrent, h, y, hidden)
    else rnnRow(p.kind, gates, recurrent, h, y, hidden)
  }
}
