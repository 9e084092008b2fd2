import { dispatch } from './gen/core'

/** Words of a step: kernel id, parameter block, number of tiles, tile counter (0 between runs). */
const STEP_BYTES: usize = 16

/**
 * The synchronisation block at the start of memory, in bytes; words that different threads write lie on lines of their own.
 * A signal is two words: its value, and the number of threads that sleep on it or are about to.
 * ARRIVED and PHASE (a signal): the barrier. TAPE, STEPS, THREADS: the arguments of the run, written before it starts.
 * SPINS: looks at a word before a thread sleeps; CALLER_SPINS: the same for the calling thread, negative where it must never sleep.
 * PATIENCE: how often a thread that sleeps at the barrier looks before it takes another one for lost.
 * PROGRESS: grows with the steps that one thread runs for all. STOP: 1 ends the workers.
 * FAILED: 1 after a trap in any thread, 2 when one was lost. UP: the workers that have joined. START: one signal a worker, 64 bytes apart, bumped to start a run.
 * The word at 228 and the pages after this one are those of src/backend/wasm/instance.ts.
 * From 32768 on lie the constants of constants.ts.
 */
const ARRIVED: usize = 0
const PHASE: usize = 64
const TAPE: usize = 192
const STEPS: usize = 196
const THREADS: usize = 200
const SPINS: usize = 204
const CALLER_SPINS: usize = 208
const STOP: usize = 212
const FAILED: usize = 216
const UP: usize = 220
const PATIENCE: usize = 224
const PROGRESS: usize = 256
const START: usize = 1024

const MOST_THREADS: usize = 256

const TRAPPED: i32 = 1
const LOST: i32 = 2

/** Milliseconds after which a thread that sleeps at the barrier looks whether another one failed. */
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
 * Sets how long threads spin before they sleep: the workers, and the calling thread (negative: it never sleeps). `patience`:
 * the milliseconds without any progress after which a thread takes another one for lost.
 */
export function configure(spins: i32, callerSpins: i32, patience: f64): void {
  store<i32>(SPINS, spins)
  store<i32>(CALLER_SPINS, callerSpins)
  store<i32>(PATIENCE, <i32>(patience / FAILURE_CHECK))
}

/** Runs the steps of the tape on this thread alone. */
function runAlone(tape: usize, steps: i32): void {
  for (let step = 0; step < steps; step++, tape += STEP_BYTES) {
    const kernel = load<i32>(tape)
    const params = load<usize>(tape, 4)
    const tiles = load<i32>(tape, 8)
    for (let tile = 0; tile < tiles; tile++) dispatch(kernel, params, tile, 0)
    store<i32>(PROGRESS, step)
  }
}

/**
 * Runs a tape of `steps` steps with `threads` threads: the calling one, and the workers 1 to `threads - 1`, which sit
 * in `worker`: no more than `workers()` says. Returns when every step is done. Runs must not overlap; each may have another number of threads.
 */
export function run(tape: usize, steps: i32, threads: i32): void {
  if (!ASC_FEATURE_THREADS || threads == 1) {
    runAlone(tape, steps)
    return
  }
  if (ASC_FEATURE_THREADS) {
    if (steps == 0) return
    store<usize>(TAPE, tape)
    store<i32>(STEPS, steps)
    store<i32>(THREADS, threads)
    for (let thread = 1; thread < threads; thread++) {
      const start = START + (<usize>thread << 6)
      signal(start, atomic.load<i32>(start) + 1)
    }
    runShared(tape, steps, threads, 0, load<i32>(CALLER_SPINS))
  }
}

/**
 * One thread's part in a run. A worker reads the run's arguments after its own start signal, and the run cannot end
 * before that worker has been at every barrier: no thread can miss a run or see the arguments of another one.
 */
function runShared(tape: usize, steps: i32, threads: i32, thread: i32, spins: i32): void {
  const end = tape + <usize>steps * STEP_BYTES
  while (tape < end) {
    const counter = tape + 12
    let tiles = load<i32>(tape, 8)
    if (tiles <= 1) {
      // Steps of one tile in a row are the work of one thread: one barrier serves them all.
      let last = tape
      do last += STEP_BYTES
      while (last < end && load<i32>(last, 8) <= 1)
      if (atomic.add<i32>(counter, 1) == 0) runAlone(tape, <i32>((last - tape) / STEP_BYTES))
      tape = last
    } else {
      const kernel = load<i32>(tape)
      const params = load<usize>(tape, 4)
      for (let tile = atomic.add<i32>(counter, 1); tile < tiles; tile = atomic.add<i32>(counter, 1))
        dispatch(kernel, params, tile, thread)
      tape += STEP_BYTES
    }
    barrier(threads, counter, spins)
  }
}

/**
 * Waits until all threads are here. The last one resets `counter`, the tile counter of the step just done: every thread
 * has taken its last tile before it arrives.
 */
function barrier(threads: i32, counter: usize, spins: i32): void {
  const phase = atomic.load<i32>(PHASE)
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(counter, 0)
    atomic.store<i32>(ARRIVED, 0)
    signal(PHASE, phase + 1)
  } else waitWhile(PHASE, phase, spins, FAILURE_CHECK)
}

/** Sets a signal and wakes the threads that sleep on it. */
function signal(address: usize, value: i32): void {
  atomic.store<i32>(address, value)
  if (atomic.load<i32>(address, 4) != 0) wake(address)
}

/**
 * Returns once the signal at `address` differs from `value`: spins, then sleeps, in stretches of `timeout` milliseconds.
 * Traps if another thread failed, or is lost: stretches are counted, not time, as the whole process may be held up. With negative `spins` it never sleeps, as a browser's main thread must not.
 */
function waitWhile(address: usize, value: i32, spins: i32, timeout: f64): void {
  for (let spin = 0; spins < 0 || spin < spins; spin++) {
    if (atomic.load<i32>(address) != value) return
    if ((spin & 0xffff) == 0xffff && atomic.load<i32>(FAILED) != 0) unreachable()
  }
  atomic.add<i32>(address, 1, 4)
  let progress = load<i32>(PROGRESS)
  let patience = load<i32>(PATIENCE)
  while (atomic.load<i32>(address) == value) {
    if (atomic.load<i32>(FAILED) != 0) unreachable()
    sleep(address, value, timeout)
    if (timeout == FOREVER) continue
    const now = load<i32>(PROGRESS)
    if (now != progress) {
      progress = now
      patience = load<i32>(PATIENCE)
    } else if (--patience < 0 && atomic.load<i32>(address) == value) {
      atomic.cmpxchg<i32>(FAILED, 0, LOST)
      wake(PHASE)
      unreachable()
    }
  }
  atomic.sub<i32>(address, 1, 4)
}

/** The number of workers that have joined so far: they are threads 1 to that number. */
export function workers(): i32 {
  return ASC_FEATURE_THREADS ? atomic.load<i32>(UP) : 0
}

/** Makes the calling worker the next thread, whose number it returns; runs count on it from here on. */
export function join(): i32 {
  return ASC_FEATURE_THREADS ? atomic.add<i32>(UP, 1) + 1 : 0
}

/** The life of worker `thread`, once it has joined: takes part in every run that has a place for it, until `stop`. */
export function worker(thread: i32): void {
  if (ASC_FEATURE_THREADS) {
    const start = START + (<usize>thread << 6)
    const spins = load<i32>(SPINS)
    let seen = 0
    for (;;) {
      waitWhile(start, seen, spins, FOREVER)
      if (atomic.load<i32>(STOP) != 0) return
      seen++
      extend()
      runShared(load<usize>(TAPE), load<i32>(STEPS), load<i32>(THREADS), thread, spins)
    }
  }
}

/** Ends the workers 1 to `threads - 1`, once they are out of a run. */
export function stop(threads: i32): void {
  if (ASC_FEATURE_THREADS) {
    atomic.store<i32>(STOP, 1)
    for (let thread = 1; thread < threads; thread++) {
      const start = START + (<usize>thread << 6)
      signal(start, atomic.load<i32>(start) + 1)
    }
  }
}

/** Marks the pool as broken after a trap: every thread that waits at a barrier traps, too, instead of waiting for ever. */
export function fail(): void {
  if (ASC_FEATURE_THREADS) {
    atomic.store<i32>(FAILED, TRAPPED)
    wake(PHASE)
  }
}

/** Whether a run ended because a thread stopped answering. */
export function lost(): bool {
  return ASC_FEATURE_THREADS ? atomic.load<i32>(FAILED) == LOST : false
}

/** Makes the pool as new, and the tape of `steps` steps that was broken off, once all workers have ended; `configure` holds. */
export function reset(tape: usize, steps: i32): void {
  if (ASC_FEATURE_THREADS) {
    for (let step = 0; step < steps; step++) store<i32>(tape + <usize>step * STEP_BYTES, 0, 12)
    atomic.store<i32>(ARRIVED, 0)
    atomic.store<i64>(PHASE, 0)
    atomic.store<i32>(STOP, 0)
    atomic.store<i32>(FAILED, 0)
    atomic.store<i32>(UP, 0)
    for (let thread: usize = 0; thread < MOST_THREADS; thread++) atomic.store<i64>(START + (thread << 6), 0)
  }
}
