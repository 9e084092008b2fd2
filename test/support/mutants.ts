import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { completeKernels } from '../../src/backend/reference/complete.js'
import { evaluate } from '../../src/backend/reference/evaluate.js'
import { createWasmBackend } from '../../src/backend/wasm/index.js'
import { compile } from '../../src/compile.js'
import { allocate, type TypedArray } from '../../src/core/dtype.js'
import { LanewiseError } from '../../src/core/errors.js'
import { RandomGenerator } from '../../src/core/random.js'
import { isConcrete, sizeOf } from '../../src/core/shape.js'
import { specialize } from '../../src/graph/specialize.js'
import { importModel } from '../../src/onnx/import.js'
import { costOf } from '../../src/ops/cost.js'
import { isProgramOp } from '../../src/ops/index.js'
import { dataRoot } from './conformance.js'

completeKernels()

/** Models that mutants are made of: small ones, so that many run in a minute. */
export function seedModels(largest: number): { readonly name: string; readonly bytes: Uint8Array }[] {
  const folders = ['keras-onnx', 'models', 'onnx-backend/node', 'onnx-backend/simple', 'onnx-backend/pytorch-converted']
  return folders.flatMap((folder) => {
    const root = join(dataRoot, folder)
    if (!existsSync(root)) return []
    return readdirSync(root)
      .sort()
      .map((name) => ({ name, path: join(root, name, 'model.onnx') }))
      .filter(({ path }) => existsSync(path) && statSync(path).size <= largest)
      .map(({ name, path }) => ({ name, bytes: readFileSync(path) }))
  })
}

/** Processor time of this process in milliseconds: other processes do not count. */
const processorTime = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What a mutant may take at most, in milliseconds. */
const longest = 1000
/** Mutants whose arena or work is larger are planned, not run. */
const runnable = { arenaBytes: 2 ** 20, flops: 1e7 }

/** Takes models through import, specialisation, plan and, where they are small, a run. */
export class Gauntlet {
  readonly #backend: Awaited<ReturnType<typeof createWasmBackend>>
  readonly outcomes = new Map<string, number>()

  private constructor(backend: Awaited<ReturnType<typeof createWasmBackend>>) {
    this.#backend = backend
  }

  static async create(): Promise<Gauntlet> {
    return new Gauntlet(await createWasmBackend({ threads: 1 }))
  }

  /** What is wrong with how lanewise took `bytes`; undefined if it ran it or refused it as it should. */
  async failureOf(bytes: Uint8Array): Promise<string | undefined> {
    const started = processorTime()
    let outcome = 'ran'
    try {
      outcome = await this.#take(bytes)
    } catch (error) {
      if (!(error instanceof LanewiseError)) return `${(error as Error).stack ?? error}`
      outcome = error.code
    }
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    const spent = processorTime() - started
    return spent > longest ? `took ${Math.round(spent)} ms of processor time (${outcome})` : undefined
  }

  async #take(bytes: Uint8Array): Promise<string> {
    const graph = importModel(bytes)
    const shapes = Object.fromEntries(
      graph.inputs
        .filter(({ shape }) => !isConcrete(shape))
        .map(({ name, shape }) => [name, shape.map((dim) => (typeof dim === 'number' ? dim : 2))]),
    )
    const bound = specialize(graph, shapes, evaluate)
    if (bound.nodes.some((node) => isProgramOp(node.op) || node.outputs.some(({ shape }) => !isConcrete(shape))))
      return 'bound'
    const values = [...bound.inputs, ...bound.nodes.flatMap((node) => node.outputs)]
    const size = values.reduce((sum, { shape }) => sum + sizeOf(shape as readonly number[]) * 8, 0)
    const flops = bound.nodes.reduce((sum, node) => sum + costOf(node).flops, 0)
    if (values.some(({ container }) => container)) return 'bound'
    if (size > runnable.arenaBytes || flops > runnable.flops) return 'bound, large'
    const executable = compile(bound, this.#backend)
    try {
      for (const { name, dtype, shape } of bound.inputs)
        executable.write(name, allocate(dtype, sizeOf(shape as readonly number[])) as TypedArray)
      await executable.run()
      for (const { name } of bound.outputs) await executable.read(name)
    } finally {
      executable.dispose()
    }
    return 'ran'
  }
}

/** Bytes flipped, set to extremes, cut out, doubled, or cut off at the end. */
export function damage(bytes: Uint8Array, random: RandomGenerator): Uint8Array {
  let damaged = Uint8Array.from(bytes)
  for (let rounds = 1 + random.integer(2); rounds > 0; rounds--) {
    const at = random.integer(damaged.length)
    const length = 1 + random.integer(8)
    const kind = random.integer(12)
    if (kind < 5) damaged[at] ^= 1 << random.integer(8)
    else if (kind < 7) damaged[at] = random.integer(256)
    else if (kind < 9) damaged.fill([0, 1, 127, 255][random.integer(4)], at, at + length)
    else if (kind === 9) damaged = Uint8Array.from([...damaged.subarray(0, at), ...damaged.subarray(at + length)])
    else if (kind === 10) damaged = Uint8Array.from([...damaged.subarray(0, at + length), ...damaged.subarray(at)])
    else damaged = damaged.slice(0, Math.max(1, at))
    if (damaged.length === 0) return damaged
  }
  return damaged
}

/** A whole number from the environment. */
export const setting = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)

/**
 * Puts `count` mutants of `seeds` through the gauntlet; answers what went wrong, with the seed that repeats it.
 * The random numbers of mutant i depend on `seed` and i alone.
 */
export async function runMutants(
  count: number,
  seed: number,
  seeds: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  mutate: (bytes: Uint8Array, random: RandomGenerator) => Uint8Array,
): Promise<{ readonly failures: string[]; readonly outcomes: ReadonlyMap<string, number> }> {
  const gauntlet = await Gauntlet.create()
  const failures: string[] = []
  for (let index = 0; index < count && failures.length < 20; index++) {
    const random = new RandomGenerator(seed * 1_000_003 + index)
    const { name, bytes } = seeds[index % seeds.length]
    const failure = await gauntlet.failureOf(mutate(bytes, random))
    if (failure) failures.push(`mutant ${index} of seed ${seed}, from ${name}: ${failure}`)
  }
  return { failures, outcomes: gauntlet.outcomes }
}
