import { dispatch } from './gen/dispatch'

/** Words of a step: kernel id, parameter block, number of tiles, tile counter (0 between runs). */
const STEP_BYTES: usize = 16

/**
 * The synchronisation block at the start of memory, in bytes. One cache line a field: they are written by different threads.
 * generation: bumped to start a run. arrived, phase: the barrier. tape, steps, threads: the run's arguments. stop: 1 ends the workers.
 */
const GENERATION: usize = 0
const ARRIVED: usize = 64
const PHASE: usize = 128
const TAPE: usize = 192
const STEPS: usize = 196
const THREADS: usize = 200
const STOP: usize = 204

/** Spins before a thread sleeps. */
const SPINS: i32 = 20000

/** Runs the steps of the tape on this thread alone. */
function runAlone(tape: usize, steps: i32): void {
  for (let step = 0; step < steps; step++, tape += STEP_BYTES) {
    const tiles = load<i32>(tape, 8)
    for (let tile = 0; tile < tiles; tile++) dispatch(load<i32>(tape), load<usize>(tape, 4), tile, 0)
  }
}

/**
 * Runs a tape of `steps` steps with `threads` threads: the calling one, and `threads - 1` that sit in \`worker\`.
 * Returns when every step is done.
 */
export function run(tape: usize, steps: i32, threads: i32): void {
  if (!ASC_FEATURE_THREADS || threads == 1) {
    runAlone(tape, steps)
    return
  }
  store<usize>(TAPE, tape)
  store<i32>(STEPS, steps)
  store<i32>(THREADS, threads)
  atomic.add<i32>(GENERATION, 1)
  atomic.notify(GENERATION, -1)
  runShared(tape, steps, threads, 0)
}

function runShared(tape: usize, steps: i32, threads: i32, thread: i32): void {
  for (let step = 0; step < steps; step++, tape += STEP_BYTES) {
    const kernel = load<i32>(tape)
    const params = load<usize>(tape, 4)
    const tiles = load<i32>(tape, 8)
    for (let tile = atomic.add<i32>(tape + 12, 1); tile < tiles; tile = atomic.add<i32>(tape + 12, 1))
      dispatch(kernel, params, tile, thread)
    barrier(threads, tape + 12)
  }
}

/** Waits until all threads are here; the last one resets the tile counter of the step just done. */
function barrier(threads: i32, counter: usize): void {
  const phase = atomic.load<i32>(PHASE)
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(counter, 0)
    atomic.store<i32>(ARRIVED, 0)
    atomic.store<i32>(PHASE, phase + 1)
    atomic.notify(PHASE, -1)
  } else waitWhile(PHASE, phase)
}

/** Returns once the word at `address` differs from `value`: spins, then sleeps. */
function waitWhile(address: usize, value: i32): void {
  for (let spin = 0; spin < SPINS; spin++) if (atomic.load<i32>(address) != value) return
  while (atomic.load<i32>(address) == value) atomic.wait<i32>(address, value, -1)
}

/** The life of worker `thread` (1 or more): takes part in every run that has a place for it, until stopped. `seen` is the generation it starts from. */
export function worker(thread: i32, seen: i32): void {
  if (!ASC_FEATURE_THREADS) return
  for (;;) {
    waitWhile(GENERATION, seen)
    seen = atomic.load<i32>(GENERATION)
    if (load<i32>(STOP)) return
    const threads = load<i32>(THREADS)
    if (thread < threads) runShared(load<usize>(TAPE), load<i32>(STEPS), threads, thread)
  }
}
