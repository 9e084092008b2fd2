import { differentiate } from '../../src/autodiff/differentiate.js'
import type { Backend, Executable } from '../../src/backend/backend.js'
import { VariableStore } from '../../src/backend/store.js'
import { compile } from '../../src/compile.js'
import type { TypedArray } from '../../src/core/dtype.js'
import type { Graph, Value, Variable } from '../../src/core/ir.js'
import { sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { GraphBuilder } from '../../src/graph/builder.js'
import { uniform } from '../cases/case.js'
import { loadEverything } from './operators.js'

await loadEverything()

/** Float32 numbers in [-1, 1), the same for the same seed. */
export const random = (size: number, seed: number): Float32Array => {
  const next = uniform(seed)
  return Float32Array.from({ length: size }, () => 2 * next() - 1)
}

/** A training step as one graph: inputs x and target, output loss, every weight updated by SGD. */
export interface Step {
  readonly graph: Graph
  readonly weights: readonly Variable[]
  readonly x: Value
  readonly target: Value
}

function step(
  inputShape: readonly number[],
  outputs: number,
  forward: (builder: GraphBuilder, x: Value, weight: (shape: readonly number[]) => Value) => Value,
): Step {
  const builder = new GraphBuilder('step')
  const x = builder.input('x', 'float32', inputShape)
  const target = builder.input('target', 'float32', [inputShape[0], outputs])
  const weights: Variable[] = []
  const weight = (shape: readonly number[]) => {
    const variable: Variable = { name: `w${weights.length}`, dtype: 'float32', shape, trainable: true }
    weights.push(variable)
    return builder.variable(variable)
  }
  const y = forward(builder, x, weight)
  const loss = builder.mean(builder.square(builder.sub(y, target)))
  const values = weights.map((variable) => builder.variable(variable))
  const rate = builder.scalar(0.1)
  differentiate(builder, loss, values).forEach((gradient, index) => {
    builder.update(weights[index], builder.op('lanewise.SgdUpdate', [values[index], gradient, rate]))
  })
  builder.output(loss, 'loss')
  return { graph: builder.build(), weights, x, target }
}

/** A dense network of the given widths with tanh between its layers. */
export const denseStep = (batch: number, widths: readonly number[]): Step =>
  step([batch, widths[0]], widths[widths.length - 1], (builder, x, weight) => {
    let value = x
    for (let layer = 1; layer < widths.length; layer++) {
      const product = builder.matMul(value, weight([widths[layer - 1], widths[layer]]))
      value = builder.tanh(builder.add(product, weight([widths[layer]])))
    }
    return value
  })

/** Convolution, relu, max-pooling, dense. */
export const convolutionStep = (batch: number, size: number): Step =>
  step([batch, 1, size, size], 10, (builder, x, weight) => {
    const convolved = builder.op('Conv', [x, weight([20, 1, 5, 5]), weight([20])], { kernel_shape: [5, 5] })
    const pooled = builder.op('MaxPool', [builder.relu(convolved)], { kernel_shape: [2, 2], strides: [2, 2] })
    const side = (size - 4) >> 1
    const flat = builder.reshape(pooled, [batch, 20 * side * side])
    return builder.sigmoid(builder.add(builder.matMul(flat, weight([20 * side * side, 10])), weight([10])))
  })

/** A training step loaded into a backend, with its inputs written. */
export interface Trainer {
  readonly executable: Executable
  weights(): Promise<TypedArray[]>
  dispose(): void
}

export function load({ graph, weights, x, target }: Step, backend: Backend): Trainer {
  const store = new VariableStore(backend, (variable) => {
    const size = sizeOf(variable.shape)
    const content = random(size, size).map((value) => value / 8)
    return new Tensor('float32', content, variable.shape)
  })
  const executable = compile(graph, backend, { storageOf: store.storageOf })
  executable.write('x', random(sizeOf(x.shape as number[]), 1))
  executable.write('target', random(sizeOf(target.shape as number[]), 2))
  return {
    executable,
    weights: () => Promise.all(weights.map(async (variable) => (await store.read(variable)).data as TypedArray)),
    dispose() {
      executable.dispose()
      store.dispose()
    },
  }
}
