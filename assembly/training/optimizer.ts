import { storeLeft } from '../simd'

// @ts-ignore: decorator
@unmanaged
export class SgdParams { w: usize; g: usize; rate: usize; outW: usize; size: i32; chunk: i32 }

// @ts-ignore: decorator
@unmanaged
export class MomentumParams { w: usize; g: usize; m: usize; rate: usize; outW: usize; outM: usize; size: i32; chunk: i32; nesterov: i32; momentum: f32 }

// @ts-ignore: decorator
@unmanaged
export class AdamParams { w: usize; g: usize; m: usize; v: usize; alpha: usize; outW: usize; outM: usize; outV: usize; size: i32; chunk: i32; rest1: f32; rest2: f32; epsilon: f32 }

// @ts-ignore: decorator
@unmanaged
export class RmspropParams { w: usize; g: usize; v: usize; rate: usize; outW: usize; outV: usize; size: i32; chunk: i32; rho: f32; rest: f32; epsilon: f32 }

// @ts-ignore: decorator
@unmanaged
export class AdagradParams { w: usize; g: usize; a: usize; rate: usize; outW: usize; outA: usize; size: i32; chunk: i32; epsilon: f32 }

/** w - rate g. Here and below `rate` and `alpha` point to a float32, outputs may be the inputs of their names, `chunk` is a multiple of 4. */
export function sgd_update_f32(p: SgdParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  const rate = f32x4.splat(load<f32>(p.rate))
  const w = p.w, g = p.g, outW = p.outW
  for (let i = tile * p.chunk; i < to; i += 4) {
    const at = <usize>i << 2
    storeLeft(outW + at, f32x4.sub(v128.load(w + at), f32x4.mul(rate, v128.load(g + at))), to - i)
  }
}

/** m = momentum m - rate g; w + m, or with `nesterov` w + momentum m - rate g. */
export function momentum_update_f32(p: MomentumParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  const rate = f32x4.splat(load<f32>(p.rate))
  const momentum = f32x4.splat(p.momentum)
  const w = p.w, g = p.g, m = p.m, outW = p.outW, outM = p.outM
  const nesterov = p.nesterov
  for (let i = tile * p.chunk; i < to; i += 4) {
    const at = <usize>i << 2
    const pull = f32x4.mul(rate, v128.load(g + at))
    const velocity = f32x4.sub(f32x4.mul(momentum, v128.load(m + at)), pull)
    const step = nesterov ? f32x4.sub(f32x4.mul(momentum, velocity), pull) : velocity
    storeLeft(outW + at, f32x4.add(v128.load(w + at), step), to - i)
    storeLeft(outM + at, velocity, to - i)
  }
}

/** m += (g - m) rest1; v += (g g - v) rest2; w - m alpha / (sqrt(v) + epsilon). rest is 1 - beta. */
export function adam_update_f32(p: AdamParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  const alpha = f32x4.splat(load<f32>(p.alpha))
  const rest1 = f32x4.splat(p.rest1)
  const rest2 = f32x4.splat(p.rest2)
  const epsilon = f32x4.splat(p.epsilon)
  const w = p.w, g = p.g, m = p.m, v = p.v, outW = p.outW, outM = p.outM, outV = p.outV
  for (let i = tile * p.chunk; i < to; i += 4) {
    const at = <usize>i << 2
    const gradient = v128.load(g + at)
    const oldM = v128.load(m + at)
    const oldV = v128.load(v + at)
    const newM = f32x4.add(oldM, f32x4.mul(f32x4.sub(gradient, oldM), rest1))
    const newV = f32x4.add(oldV, f32x4.mul(f32x4.sub(f32x4.mul(gradient, gradient), oldV), rest2))
    const step = f32x4.div(f32x4.mul(newM, alpha), f32x4.add(f32x4.sqrt(newV), epsilon))
    storeLeft(outW + at, f32x4.sub(v128.load(w + at), step), to - i)
    storeLeft(outM + at, newM, to - i)
    storeLeft(outV + at, newV, to - i)
  }
}

/** v = rho v + rest g g; w - rate g / sqrt(v + epsilon). rest is 1 - rho. */
export function rmsprop_update_f32(p: RmspropParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  const rate = f32x4.splat(load<f32>(p.rate))
  const rho = f32x4.splat(p.rho)
  const rest = f32x4.splat(p.rest)
  const epsilon = f32x4.splat(p.epsilon)
  const w = p.w, g = p.g, v = p.v, outW = p.outW, outV = p.outV
  for (let i = tile * p.chunk; i < to; i += 4) {
    const at = <usize>i << 2
    const gradient = v128.load(g + at)
    const newV = f32x4.add(f32x4.mul(rho, v128.load(v + at)), f32x4.mul(rest, f32x4.mul(gradient, gradient)))
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.sqrt(f32x4.add(newV, epsilon)))
    storeLeft(outW + at, f32x4.sub(v128.load(w + at), step), to - i)
    storeLeft(outV + at, newV, to - i)
  }
}

/** a += g g; w - rate g / sqrt(a + epsilon). */
export function adagrad_update_f32(p: AdagradParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  const rate = f32x4.splat(load<f32>(p.rate))
  const epsilon = f32x4.splat(p.epsilon)
  const w = p.w, g = p.g, a = p.a, outW = p.outW, outA = p.outA
  for (let i = tile * p.chunk; i < to; i += 4) {
    const at = <usize>i << 2
    const gradient = v128.load(g + at)
    const newA = f32x4.add(v128.load(a + at), f32x4.mul(gradient, gradient))
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.sqrt(f32x4.add(newA, epsilon)))
    storeLeft(outW + at, f32x4.sub(v128.load(w + at), step), to - i)
    storeLeft(outA + at, newA, to - i)
  }
}
