import { dispatch } from './gen/core'

/** Words of a step: kernel id, parameter block, number of tiles. */
const STEP_BYTES: usize = 12

/**
 * The synchronisation block at the start of memory, in bytes; words that different threads write at the same time lie on lines of their own.
 * CLAIMS, in 64 bits: the number of the step that all share, then as many claims of tiles as were made, counted so
 * that the last tile has number LIMIT - 1; from OVER on no run goes on. SLEEPERS: the threads that sleep until the number
 * of the step changes, or are about to. STEP: the step's address. END: that of the tape's end. RUNS: grows with each run.
 * DONE: tiles of the step that are done.
 * SPINS: looks at a word before a thread sleeps; CALLER_SPINS: the same for the calling thread, negative where it must never sleep.
 * PATIENCE: how often a thread that sleeps in the midst of a run looks before it takes another one for lost.
 * PROGRESS: grows with the steps. STOP: 1 ends the workers.
 * FAILED: 1 after a trap in any thread, 2 when one was lost. UP: the workers that have joined.
 * The word at 228 and the pages after this one are those of src/backend/wasm/instance.ts, that at 232 is the one of faults.ts.
 * From 32768 on lie the constants of constants.ts.
 */
const CLAIMS: usize = 0
const NUMBER: usize = CLAIMS + 4
const SLEEPERS: usize = CLAIMS + 8
const STEP: usize = CLAIMS + 12
const END: usize = CLAIMS + 16
const DONE: usize = 128
const SPINS: usize = 204
const CALLER_SPINS: usize = 208
const STOP: usize = 212
const FAILED: usize = 216
const UP: usize = 220
const PATIENCE: usize = 224
const PROGRESS: usize = 256

const LIMIT: u32 = 0x80000000
const OVER: u32 = 0xc0000000

const TRAPPED: i32 = 1
const LOST: i32 = 2

/** How many times as long workers look for the next run as for the next step: what a loop does between two runs takes longer. */
const IDLE: i32 = 10

/** Milliseconds after which a thread that sleeps in the midst of a run looks whether another one failed. */
const FAILURE_CHECK: f64 = 500
const FOREVER: f64 = Infinity

/**
 * Sleeping goes through the host's Atomics.wait and Atomics.notify: the baseline compiler of V8 11 (Node 20) loses
 * local variables across the instruction memory.atomic.wait32. `sleep` returns after a `wake` of the word at `address`, after
 * `milliseconds`, or at once if the word is not `value`.
 */
// @ts-ignore: decorator
@external("env", "sleep")
declare function sleep(address: usize, value: i32, milliseconds: f64): void
// @ts-ignore: decorator
@external("env", "wake")
declare function wake(address: usize): void

/** Takes in the parts of the kernels that another thread has left in memory. */
// @ts-ignore: decorator
@external("env", "extend")
declare function extend(): void

/**
 * Before the first run of several threads. Sets how long threads spin before they sleep: the workers, and the calling
 * thread (negative: it never sleeps). `patience`: the milliseconds without any progress after which a thread takes another one for lost.
 */
export function configure(spins: i32, callerSpins: i32, patience: f64): void {
  store<i32>(SPINS, spins)
  store<i32>(CALLER_SPINS, callerSpins)
  store<i32>(PATIENCE, <i32>(patience / FAILURE_CHECK))
  if (ASC_FEATURE_THREADS) atomic.store<i64>(CLAIMS, OVER)
}

function runStep(step: usize): void {
  const kernel = load<i32>(step)
  const params = load<usize>(step, 4)
  const tiles = load<i32>(step, 8)
  for (let tile = 0; tile < tiles; tile++) dispatch(kernel, params, tile, 0)
}

/**
 * Runs a tape of `steps` steps on the calling thread and, if `shared`, on all workers that come by: no thread waits for
 * another one that does nothing. Returns when every step is done. Runs must not overlap.
 */
export function run(tape: usize, steps: i32, shared: bool): void {
  const end = tape + <usize>steps * STEP_BYTES
  if (!ASC_FEATURE_THREADS || !shared) {
    for (; tape < end; tape += STEP_BYTES) runStep(tape)
    return
  }
  if (ASC_FEATURE_THREADS) {
    store<usize>(END, end)
    const first = nextShared(tape, 0)
    if (first == end) return
    publish(first)
    const spins = load<i32>(CALLER_SPINS)
    for (;;) {
      const claims = takeTiles(0)
      if (<u32>claims >= OVER) return
      waitWhile(<i32>(claims >> 32), spins, FAILURE_CHECK)
    }
  }
}

/** Runs the steps of one tile from `step` on. Returns the next step of more, or the end of the tape. */
function nextShared(step: usize, thread: i32): usize {
  const end = load<usize>(END)
  for (; step < end && load<i32>(step, 8) <= 1; step += STEP_BYTES) {
    if (load<i32>(step, 8) == 1) dispatch(load<i32>(step), load<usize>(step, 4), 0, thread)
    store<i32>(PROGRESS, load<i32>(PROGRESS) + 1)
  }
  return step
}

/** Lets all threads take tiles of `step`, or ends the run with the tape. Only one thread may be here: the one that did the last tile. */
function publish(step: usize): void {
  if (atomic.load<i32>(FAILED) != 0) unreachable()
  const claims = step == load<usize>(END) ? OVER : LIMIT - load<u32>(step, 8)
  store<i32>(PROGRESS, load<i32>(PROGRESS) + 1)
  store<usize>(STEP, step)
  atomic.store<i32>(DONE, 0)
  const number = atomic.load<i32>(NUMBER) + 1
  atomic.store<i64>(CLAIMS, (<i64>number << 32) | <i64>claims)
  if (atomic.load<i32>(SLEEPERS) != 0) wake(NUMBER)
}

/**
 * Does tiles of the shared steps for as long as there are some to take. Returns CLAIMS as it was then. While a thread has a tile
 * the step stays what it is; who does the last one brings the next step.
 */
function takeTiles(thread: i32): i64 {
  let claims = atomic.load<i64>(CLAIMS)
  while (<u32>claims < LIMIT) {
    claims = atomic.add<i64>(CLAIMS, 1)
    if (<u32>claims >= LIMIT) break
    if (thread != 0) extend()
    const step = load<usize>(STEP)
    const kernel = load<i32>(step)
    const params = load<usize>(step, 4)
    const tiles = load<i32>(step, 8)
    let count = 0
    do {
      dispatch(kernel, params, <i32>(<u32>claims - LIMIT) + tiles, thread)
      count++
      claims = atomic.add<i64>(CLAIMS, 1)
    } while (<u32>claims < LIMIT)
    if (atomic.add<i32>(DONE, count) + count == tiles) publish(nextShared(step + STEP_BYTES, thread))
    claims = atomic.load<i64>(CLAIMS)
  }
  return claims
}

/**
 * Returns once the number of the shared step differs from `number`: spins, then sleeps, in stretches of `timeout`
 * milliseconds. If that is not FOREVER, traps if another thread failed, or is lost: stretches are counted, not time, as the
 * whole process may be held up. With negative `spins` it never sleeps, as a browser's main thread must not.
 */
function waitWhile(number: i32, spins: i32, timeout: f64): void {
  for (let spin = 0; spins < 0 || spin < spins; spin++) {
    if (atomic.load<i32>(NUMBER) != number) return
    if ((spin & 0xffff) == 0xffff && atomic.load<i32>(FAILED) != 0) unreachable()
  }
  atomic.add<i32>(SLEEPERS, 1)
  let progress = load<i32>(PROGRESS)
  let patience = load<i32>(PATIENCE)
  while (atomic.load<i32>(NUMBER) == number) {
    if (timeout != FOREVER && atomic.load<i32>(FAILED) != 0) unreachable()
    sleep(NUMBER, number, timeout)
    if (timeout == FOREVER) continue
    const now = load<i32>(PROGRESS)
    if (now != progress) {
      progress = now
      patience = load<i32>(PATIENCE)
    } else if (--patience < 0 && atomic.load<i32>(NUMBER) == number) {
      atomic.cmpxchg<i32>(FAILED, 0, LOST)
      wake(NUMBER)
      unreachable()
    }
  }
  atomic.sub<i32>(SLEEPERS, 1)
}

/** The number of workers that have joined so far: they are threads 1 to that number. */
export function workers(): i32 {
  return ASC_FEATURE_THREADS ? atomic.load<i32>(UP) : 0
}

/** Makes the calling worker the next thread, whose number it returns; runs may count on it from here on. */
export function join(): i32 {
  return ASC_FEATURE_THREADS ? atomic.add<i32>(UP, 1) + 1 : 0
}

/** The life of worker `thread`, once it has joined: takes part in every run, until `stop`. */
export function worker(thread: i32): void {
  if (ASC_FEATURE_THREADS) {
    const spins = load<i32>(SPINS)
    for (;;) {
      const claims = takeTiles(thread)
      if (atomic.load<i32>(STOP) != 0) return
      const isIdle = <u32>claims >= OVER
      waitWhile(<i32>(claims >> 32), isIdle ? spins * IDLE : spins, isIdle ? FOREVER : FAILURE_CHECK)
    }
  }
}

/** Ends the workers, once they are out of a run. */
export function stop(): void {
  if (ASC_FEATURE_THREADS) {
    atomic.store<i32>(STOP, 1)
    atomic.add<i32>(NUMBER, 1)
    wake(NUMBER)
  }
}

/** Marks the pool as broken after a trap: every thread that waits in the midst of a run traps, too, instead of waiting for ever. */
export function fail(): void {
  if (ASC_FEATURE_THREADS) {
    atomic.cmpxchg<i32>(FAILED, 0, TRAPPED)
    wake(NUMBER)
  }
}

/** Whether a run ended because a thread stopped answering. */
export function lost(): bool {
  return ASC_FEATURE_THREADS ? atomic.load<i32>(FAILED) == LOST : false
}

/** Makes the pool as new after a run that was broken off, once all workers have ended; `configure` holds. */
export function reset(): void {
  if (ASC_FEATURE_THREADS) {
    atomic.store<i64>(CLAIMS, OVER)
    atomic.store<i32>(SLEEPERS, 0)
    atomic.store<i32>(STOP, 0)
    atomic.store<i32>(FAILED, 0)
    atomic.store<i32>(UP, 0)
  }
}
