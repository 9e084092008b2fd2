import * as assert from 'uvu/assert'
import { completeKernels } from '../../src/backend/reference/complete.js'
import { evaluate, interpret } from '../../src/backend/reference/evaluate.js'
import type { NumericDType } from '../../src/core/dtype.js'
import type { Graph, Value } from '../../src/core/ir.js'
import { concrete, sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { verify } from '../../src/graph/verify.js'
import { optimise, passes } from '../../src/optimise/index.js'
import { applied } from '../../src/optimise/pass.js'
import { uniform } from '../cases/case.js'

completeKernels()

/** Content for every input and variable, by name: the same for graphs that name them alike. */
export function feedsFor(graph: Graph, seed = 1): ReadonlyMap<string, Tensor> {
  const random = uniform(seed)
  const feeds = new Map<string, Tensor>()
  const values = [...graph.inputs, ...graph.variables.keys()].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, dtype, shape } of values) {
    const dims = concrete(shape, name)
    const data = Array.from({ length: sizeOf(dims) }, () => random() * 2 - 1)
    feeds.set(name, new Tensor(dtype as NumericDType, data, dims))
  }
  return feeds
}

/** Every output and every variable's new content, by name. */
export function results(graph: Graph, feeds: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const values = [...graph.inputs, ...graph.variables.keys()]
  const tensors = interpret(graph, new Map(values.map((value) => [value, feeds.get(value.name)!])))
  return new Map([
    ...graph.outputs.map((output): [string, Tensor] => [output.name, tensors.get(output)!]),
    ...graph.updates.map(({ variable, value }): [string, Tensor] => [`new ${variable.name}`, tensors.get(value)!]),
  ])
}

export function assertSame(actual: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): void {
  assert.equal([...actual.keys()], [...expected.keys()])
  for (const [name, tensor] of expected) {
    const other = actual.get(name)!
    assert.equal([name, other.type, other.dims], [name, tensor.type, tensor.dims])
    const numbers = other.toNumbers()
    tensor.toNumbers().forEach((want, index) => {
      const error = Math.abs(numbers[index] - want)
      assert.ok(error <= 1e-5 + 1e-5 * Math.abs(want), `${name}[${index}] is ${numbers[index]}, not ${want}`)
    })
  }
}

/** Optimises `graph`, verifying it after every pass and holding its results to the original's. */
export function optimiseChecked(graph: Graph): Graph {
  verify(graph)
  const feeds = feedsFor(graph)
  const expected = results(graph, feeds)
  let current = graph
  for (const pass of passes({ evaluate })) {
    current = applied(pass, current)
    try {
      verify(current)
      assertSame(results(current, feeds), expected)
    } catch (error) {
      throw new Error(`after '${pass.name}': ${(error as Error).message}`, { cause: error })
    }
  }
  assert.equal(optimise(graph, { evaluate }).nodes.length, current.nodes.length)
  return current
}

export const opsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.op)

export const countOf = (graph: Graph, op: string): number => opsOf(graph).filter((other) => other === op).length

export const producerOf = (graph: Graph, value: Value) => graph.nodes.find((node) => node.outputs.includes(value))
