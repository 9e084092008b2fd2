import { storeLanes } from '../math'
import { madd } from '../simd'

/**
 * One step of a recurrent cell on rows of `hidden` elements: `gates` (the input's part, its rows gatesStride bytes apart) and
 * `recurrent` (the state's part, dense) hold all gates side by side; h and c (LSTM) are read and written; y takes the output.
 * A row whose sequence (lengths, int32, or 0) has ended by `step` keeps its state and gives 0.
 * Kinds: 0 RNN with tanh, 1 RNN with relu, 2 GRU with linear_before_reset (gates z, r, h), 3 LSTM (gates i, o, f, c). A GRU
 * without it takes two calls: 4, of the gates z and r alone, writes z to c and r h to y; 5 takes z from c and the state's part
 * of the gate h.
 * A tile is `chunk` rows, and has `scratchStride` bytes of `scratch`: a row of gates and 64 bytes.
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
  scratch: usize
  scratchStride: i32
  lengths: usize
  step: i32
  hidden: i32
  rows: i32
  chunk: i32
  kind: i32
}

/**
 * to = offset + factor tanh(factor (a + b)), `b` 0 for none. Sixteen elements at a time, so that the coefficients of math.ts's
 * tanh are loaded once for them; the last writes may go up to 60 bytes past the end of `to`.
 */
function squash(a: usize, b: usize, to: usize, count: i32, factor: f32, offset: f32): void {
  const scale = f32x4.splat(factor)
  const shift = f32x4.splat(offset)
  for (let i = 0; i < count; i += 16, a += 64, to += 64) {
    let x0 = v128.load(a), x1 = v128.load(a, 16), x2 = v128.load(a, 32), x3 = v128.load(a, 48)
    if (b) {
      x0 = f32x4.add(x0, v128.load(b))
      x1 = f32x4.add(x1, v128.load(b, 16))
      x2 = f32x4.add(x2, v128.load(b, 32))
      x3 = f32x4.add(x3, v128.load(b, 48))
      b += 64
    }
    x0 = f32x4.mul(x0, scale)
    x1 = f32x4.mul(x1, scale)
    x2 = f32x4.mul(x2, scale)
    x3 = f32x4.mul(x3, scale)
    const high = f32x4.splat(7.90531111)
    const low = f32x4.neg(high)
    x0 = f32x4.max(f32x4.min(x0, high), low)
    x1 = f32x4.max(f32x4.min(x1, high), low)
    x2 = f32x4.max(f32x4.min(x2, high), low)
    x3 = f32x4.max(f32x4.min(x3, high), low)
    const z0 = f32x4.mul(x0, x0), z1 = f32x4.mul(x1, x1), z2 = f32x4.mul(x2, x2), z3 = f32x4.mul(x3, x3)
    let c = f32x4.splat(-2.76076847742355e-16)
    let d = f32x4.splat(2.00018790482477e-13)
    let p0 = madd(c, z0, d), p1 = madd(c, z1, d), p2 = madd(c, z2, d), p3 = madd(c, z3, d)
    c = f32x4.splat(-8.60467152213735e-11)
    p0 = madd(p0, z0, c); p1 = madd(p1, z1, c); p2 = madd(p2, z2, c); p3 = madd(p3, z3, c)
    c = f32x4.splat(5.12229709037114e-8)
    p0 = madd(p0, z0, c); p1 = madd(p1, z1, c); p2 = madd(p2, z2, c); p3 = madd(p3, z3, c)
    c = f32x4.splat(1.48572235717979e-5)
    p0 = madd(p0, z0, c); p1 = madd(p1, z1, c); p2 = madd(p2, z2, c); p3 = madd(p3, z3, c)
    c = f32x4.splat(6.37261928875436e-4)
    p0 = madd(p0, z0, c); p1 = madd(p1, z1, c); p2 = madd(p2, z2, c); p3 = madd(p3, z3, c)
    c = f32x4.splat(4.89352455891786e-3)
    p0 = f32x4.mul(x0, madd(p0, z0, c))
    p1 = f32x4.mul(x1, madd(p1, z1, c))
    p2 = f32x4.mul(x2, madd(p2, z2, c))
    p3 = f32x4.mul(x3, madd(p3, z3, c))
    c = f32x4.splat(1.19825839466702e-6)
    d = f32x4.splat(1.18534705686654e-4)
    let q0 = madd(c, z0, d), q1 = madd(c, z1, d), q2 = madd(c, z2, d), q3 = madd(c, z3, d)
    c = f32x4.splat(2.2684346324390e-3)
    q0 = madd(q0, z0, c); q1 = madd(q1, z1, c); q2 = madd(q2, z2, c); q3 = madd(q3, z3, c)
    c = f32x4.splat(4.89352518554385e-3)
    q0 = madd(q0, z0, c); q1 = madd(q1, z1, c); q2 = madd(q2, z2, c); q3 = madd(q3, z3, c)
    v128.store(to, madd(f32x4.div(p0, q0), scale, shift))
    v128.store(to, madd(f32x4.div(p1, q1), scale, shift), 16)
    v128.store(to, madd(f32x4.div(p2, q2), scale, shift), 32)
    v128.store(to, madd(f32x4.div(p3, q3), scale, shift), 48)
  }
}

// @ts-ignore: decorator
@inline
function storeBoth(h: usize, y: usize, next: v128, left: i32): void {
  storeLanes(h, next, left)
  storeLanes(y, next, left)
}

function rnnRow(relu: i32, gates: usize, recurrent: usize, scratch: usize, h: usize, y: usize, hidden: i32): void {
  if (!relu) squash(gates, recurrent, scratch, hidden, 1, 0)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const next = relu
      ? f32x4.max(f32x4.add(v128.load(gates + o), v128.load(recurrent + o)), f32x4.splat(0))
      : v128.load(scratch + o)
    storeBoth(h + o, y + o, next, hidden - i)
  }
}

function gruRow(gates: usize, recurrent: usize, scratch: usize, h: usize, y: usize, hidden: i32): void {
  const gate = <usize>hidden << 2
  squash(gates, recurrent, scratch, 2 * hidden, 0.5, 0.5)
  const candidates = scratch + 2 * gate
  for (let at: usize = 0; at < gate; at += 16) {
    const r = v128.load(scratch + gate + at)
    v128.store(candidates + at, madd(r, v128.load(recurrent + 2 * gate + at), v128.load(gates + 2 * gate + at)))
  }
  squash(candidates, 0, candidates, hidden, 1, 0)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const candidate = v128.load(candidates + o)
    const next = madd(v128.load(scratch + o), f32x4.sub(v128.load(h + o), candidate), candidate)
    storeBoth(h + o, y + o, next, hidden - i)
  }
}

function gruGatesRow(gates: usize, recurrent: usize, scratch: usize, h: usize, z: usize, y: usize, hidden: i32): void {
  const gate = <usize>hidden << 2
  squash(gates, recurrent, scratch, 2 * hidden, 0.5, 0.5)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    storeLanes(z + o, v128.load(scratch + o), hidden - i)
    storeLanes(y + o, f32x4.mul(v128.load(scratch + gate + o), v128.load(h + o)), hidden - i)
  }
}

function gruStateRow(gates: usize, recurrent: usize, scratch: usize, h: usize, z: usize, y: usize, hidden: i32): void {
  squash(gates + 2 * (<usize>hidden << 2), recurrent, scratch, hidden, 1, 0)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const candidate = v128.load(scratch + o)
    const next = madd(v128.load(z + o), f32x4.sub(v128.load(h + o), candidate), candidate)
    storeBoth(h + o, y + o, next, hidden - i)
  }
}

function lstmRow(gates: usize, recurrent: usize, scratch: usize, h: usize, c: usize, y: usize, hidden: i32): void {
  const gate = <usize>hidden << 2
  squash(gates, recurrent, scratch, 3 * hidden, 0.5, 0.5)
  const last = scratch + 3 * gate
  squash(gates + 3 * gate, recurrent + 3 * gate, last, hidden, 1, 0)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    const kept = f32x4.mul(v128.load(scratch + 2 * gate + o), v128.load(c + o))
    const cell = madd(v128.load(scratch + o), v128.load(last + o), kept)
    storeLanes(c + o, cell, hidden - i)
  }
  squash(c, 0, last, hidden, 1, 0)
  for (let i = 0; i < hidden; i += 4) {
    const o = <usize>i << 2
    storeBoth(h + o, y + o, f32x4.mul(v128.load(scratch + gate + o), v128.load(last + o)), hidden - i)
  }
}

export function recurrent_cell_f32(p: CellParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.rows)
  const hidden = p.hidden
  const row = <usize>hidden << 2
  const scratch = p.scratch + <usize>tile * p.scratchStride
  const gateCount: usize = p.kind == 3 ? 4 : p.kind == 2 ? 3 : p.kind == 4 ? 2 : 1
  for (let n = from; n < to; n++) {
    const gates = p.gates + <usize>n * p.gatesStride
    const recurrent = p.recurrent + <usize>n * gateCount * row
    const h = p.h + <usize>n * row
    const y = p.y + <usize>n * p.yStride
    if (p.lengths && p.step >= load<i32>(p.lengths + (<usize>n << 2))) memory.fill(y, 0, row)
    else if (p.kind == 3) lstmRow(gates, recurrent, scratch, h, p.c + <usize>n * row, y, hidden)
    else if (p.kind == 2) gruRow(gates, recurrent, scratch, h, y, hidden)
    else if (p.kind == 4) gruGatesRow(gates, recurrent, scratch, h, p.c + <usize>n * row, y, hidden)
    else if (p.kind == 5) gruStateRow(gates, recurrent, scratch, h, p.c + <usize>n * row, y, hidden)
    else rnnRow(p.kind, gates, recurrent, scratch, h, y, hidden)
  }
}
