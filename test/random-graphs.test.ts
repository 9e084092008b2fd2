import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import type { Backend } from '../src/backend/backend.js'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import type { TypedArray } from '../src/core/dtype.js'
import type { Graph, Value } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { concrete, sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { verify } from '../src/graph/verify.js'
import { exportModel } from '../src/onnx/export.js'
import { passes } from '../src/optimise/index.js'
import { applied } from '../src/optimise/pass.js'
import { setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'
import { randomGraph } from './support/random/graphs.js'

await loadEverything()
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'fatal'

const first = setting('LANEWISE_RANDOM_SEED', 1)
const count = setting('LANEWISE_RANDOM_GRAPHS', 60)

type Results = Readonly<Record<string, Tensor>>

function feedsOf(graph: Graph, seed: number): Results {
  const random = new RandomGenerator(seed, 1)
  return Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => {
      const dims = concrete(shape)
      const elements = Array.from({ length: sizeOf(dims) }, () => random.uniform(-1, 1))
      return [name, new Tensor(dtype, elements, dims)]
    }),
  )
}

function interpreted(graph: Graph, feeds: Results): Results {
  const tensors = interpret(graph, new Map<Value, Tensor>(graph.inputs.map((input) => [input, feeds[input.name]])))
  return Object.fromEntries(graph.outputs.map((output) => [output.name, tensors.get(output)!]))
}

async function compiled(graph: Graph, feeds: Results, backend: Backend): Promise<Results> {
  const executable = compile(graph, backend)
  try {
    for (const { name } of graph.inputs) executable.write(name, feeds[name].data as TypedArray)
    await executable.run()
    const results: Record<string, Tensor> = {}
    for (const { name, dtype, shape } of graph.outputs)
      results[name] = new Tensor(dtype, await executable.read(name), concrete(shape))
    return results
  } finally {
    executable.dispose()
  }
}

async function inOnnxruntime(graph: Graph, feeds: Results): Promise<Results> {
  const session = await ort.InferenceSession.create(exportModel(graph), { graphOptimizationLevel: 'disabled' })
  try {
    const given = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new ort.Tensor(data as Float32Array, dims),
    ])
    const results = await session.run(Object.fromEntries(given))
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        new Tensor('float32', data as Float32Array, dims),
      ]),
    )
  } finally {
    await session.release()
  }
}

/** The first difference; quantized values may be a step apart, which `allowed` says. */
function difference(actual: Results, expected: Results, allowed: number): string | undefined {
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name]
    if (got?.dims.join() !== wanted.dims.join()) return `${name} is [${got?.dims}], not [${wanted.dims}]`
    const [a, b] = [got.toNumbers(), wanted.toNumbers()]
    const size = Math.max(1, ...b.map(Math.abs))
    const at = b.findIndex((number, i) => !(Math.abs(a[i] - number) <= allowed * size) && !Object.is(a[i], number))
    if (at >= 0) return `${name}[${at}] of ${b.length} is ${a[at]}, not ${b[at]}`
  }
  return undefined
}

const isQuantized = (graph: Graph) => graph.nodes.some(({ op }) => op === 'QuantizeLinear')

const seeds = Array.from({ length: count }, (_, index) => first + index)

/** Runs `check` on the graph of every seed; fails with what it found, and the graphs. */
async function forGraphs(check: (seed: number) => Promise<string | undefined> | string | undefined): Promise<void> {
  const failures: string[] = []
  for (const seed of seeds) {
    let found: string | undefined
    try {
      found = await check(seed)
    } catch (error) {
      found = (error as Error).stack
    }
    if (found)
      failures.push(
        `seed ${seed}: ${found}\n  ${randomGraph(seed)
          .nodes.map(({ op }) => op)
          .join(' ')}`,
      )
  }
  for (const failure of failures) console.log(failure)
  assert.is(failures.length, 0)
}

test('each pass keeps the results of random networks', () =>
  forGraphs((seed) => {
    let graph = randomGraph(seed)
    const feeds = feedsOf(graph, seed)
    const expected = interpreted(graph, feeds)
    const allowed = isQuantized(graph) ? 0.2 : 1e-5
    for (const pass of passes({ evaluate })) {
      const before = graph
      graph = applied(pass, before)
      if (graph === before) continue
      verify(graph)
      const wrong = difference(interpreted(graph, feeds), expected, allowed)
      if (wrong) return `after '${pass.name}' ${wrong}`
    }
    return undefined
  }))

test('random networks give on one and two threads what the reference and onnxruntime-web give', async () => {
  const one = await createWasmBackend({ threads: 1 })
  const two = await createWasmBackend({ threads: 2 })
  await forGraphs(async (seed) => {
    const graph = randomGraph(seed)
    const feeds = feedsOf(graph, seed)
    const allowed = isQuantized(graph) ? 0.2 : 2e-5
    const single = await compiled(graph, feeds, one)
    const wrong = difference(single, interpreted(graph, feeds), allowed)
    if (wrong) return `wasm: ${wrong}`
    const threads = difference(await compiled(graph, feeds, two), single, 0)
    if (threads) return `two threads: ${threads}`
    const theirs = difference(single, await inOnnxruntime(graph, feeds), allowed)
    return theirs && `onnxruntime-web: ${theirs}`
  })
  one.dispose()
  two.dispose()
})

test('gradients of random networks along a line are their differences', () =>
  forGraphs((seed) => {
    const graph = randomGraph(seed, 'float64')
    const random = new RandomGenerator(seed, 2)
    const builder = GraphBuilder.from(graph)
    const loss = graph.outputs
      .map((output) => builder.sum(builder.mul(output, builder.constant(drawn(random, output)))))
      .reduce((a, b) => builder.add(a, b))
    const gradients = differentiate(builder, loss, graph.inputs)
    const feeds = feedsOf(graph, seed)
    const directions = graph.inputs.map((input) => drawn(random, input))
    const whole = builder.build()
    verify(whole)
    const tensorsAt = (shift: number) =>
      interpret(
        whole,
        new Map(
          graph.inputs.map((input, index) => {
            const along = directions[index].toNumbers()
            const moved = feeds[input.name].toNumbers().map((x, i) => x + shift * along[i])
            return [input, new Tensor('float64', moved, feeds[input.name].dims)]
          }),
        ),
      )
    const step = 1e-6
    const [before, after] = [-step, step].map((shift) => tensorsAt(shift).get(loss)!.toNumbers()[0])
    const here = tensorsAt(0)
    const slope = gradients.reduce((sum, gradient, index) => {
      const numbers = gradient ? here.get(gradient)!.toNumbers() : []
      return sum + numbers.reduce((part, value, i) => part + value * directions[index].toNumbers()[i], 0)
    }, 0)
    const wanted = (after - before) / (2 * step)
    const error = Math.abs(slope - wanted)
    return error > 1e-4 * (1 + Math.abs(wanted)) ? `the gradient says ${slope}, the difference ${wanted}` : undefined
  }))

function drawn(random: RandomGenerator, { shape }: Value): Tensor {
  const dims = concrete(shape)
  return new Tensor(
    'float64',
    Array.from({ length: sizeOf(dims) }, () => random.uniform(-1, 1)),
    dims,
  )
}

test.run()
