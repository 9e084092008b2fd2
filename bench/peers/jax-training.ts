import { Tensor } from '../../src/core/tensor.js'
import { type LayerConfig, layersOf, type Samples, type Trained } from '../training.js'
import type { Training } from '../workloads.js'

/** An array of jax-js. Every use takes one reference; `ref` is one more. */
export interface JaxArray {
  readonly ref: JaxArray
  readonly shape: number[]
  add(other: JaxArray | number): JaxArray
  sub(other: JaxArray): JaxArray
  mul(other: JaxArray | number): JaxArray
  div(other: JaxArray): JaxArray
  sum(): JaxArray
  reshape(shape: readonly number[]): JaxArray
  transpose(axes: readonly number[]): JaxArray
  data(): Promise<Float32Array>
}

/** The part of jax-js that the benchmark uses. */
export interface Jax {
  init(device: string): Promise<unknown>
  defaultDevice(device: string): unknown
  jit<A extends readonly unknown[], R>(work: (...operands: A) => R): (...operands: A) => R
  valueAndGrad<A extends readonly unknown[]>(
    loss: (weights: JaxArray[], ...rest: A) => JaxArray,
  ): (weights: JaxArray[], ...rest: A) => [JaxArray, JaxArray[]]
  readonly numpy: {
    array(data: Float32Array, options: { shape: readonly number[] }): JaxArray
    matmul(a: JaxArray, b: JaxArray): JaxArray
    log(x: JaxArray): JaxArray
    sqrt(x: JaxArray): JaxArray
    tanh(x: JaxArray): JaxArray
    readonly max: (x: JaxArray) => JaxArray
  }
  readonly nn: Readonly<Record<'relu' | 'sigmoid' | 'softmax', (x: JaxArray) => JaxArray>>
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: string): JaxArray
    reduceWindow(
      x: JaxArray,
      by: (x: JaxArray) => JaxArray,
      window: readonly number[],
      strides: readonly number[],
    ): JaxArray
  }
}

/** The networks of the course: images channels-first inside, weights in Keras's order of axes. */
function forward(jax: Jax, configs: readonly LayerConfig[], weights: readonly JaxArray[], x: JaxArray): JaxArray {
  const { numpy: np, nn, lax } = jax
  const activate = (name: unknown, y: JaxArray): JaxArray => {
    if (name === 'tanh') return np.tanh(y)
    if (name === 'relu' || name === 'sigmoid' || name === 'softmax') return nn[name](y)
    throw new Error(`there is no rule for the activation ${name}`)
  }
  let next = 0
  let y = x.shape.length === 4 ? x.transpose([0, 3, 1, 2]) : x
  for (const { class_name, config } of configs) {
    const [batch] = y.shape
    if (class_name === 'Dense') y = activate(config['activation'], np.matmul(y, weights[next++]).add(weights[next++]))
    else if (class_name === 'Conv2D') {
      const product = lax.convGeneralDilated(y, weights[next++].transpose([3, 2, 0, 1]), [1, 1], 'VALID')
      y = activate(config['activation'], product.add(weights[next++].reshape([1, -1, 1, 1])))
    } else if (class_name === 'MaxPooling2D') {
      const window = [1, 1, ...(config['pool_size'] as readonly number[])]
      y = lax.reduceWindow(y, np.max, window, window)
    } else if (class_name === 'Flatten') y = y.transpose([0, 2, 3, 1]).reshape([batch, -1])
    else throw new Error(`there is no rule for the layer ${class_name}`)
  }
  return y
}

/** A network of the course in jax-js, its whole step compiled by `jit`. `state` holds the weights and Adam's moments. */
export function jaxNetwork(jax: Jax, { recipe, weights }: Training): Trained {
  const { numpy: np } = jax
  const own = ({ data, dims }: Tensor) => np.array(data as Float32Array, { shape: dims })
  const configs = layersOf(recipe.model())
  const { optimizer, loss: lossName } = recipe.compile()
  const adam = optimizer === 'adam'
  const rate = (optimizer as { learningRate?: number }).learningRate ?? (adam ? 0.001 : 0.01)
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-7]

  const loss = (own: JaxArray[], x: JaxArray, y: JaxArray): JaxArray => {
    const [batch, classes] = y.shape
    const predicted = forward(jax, configs, own, x)
    if (lossName === 'categoricalCrossentropy')
      return np
        .log(predicted)
        .mul(y)
        .sum()
        .mul(-1 / batch)
    const error = predicted.sub(y)
    return error.ref
      .mul(error)
      .sum()
      .mul(1 / (batch * classes))
  }
  const update = jax.jit((state: JaxArray[][], alpha: JaxArray, x: JaxArray, y: JaxArray): [JaxArray, JaxArray[][]] => {
    const [own, first, second] = state
    const [value, gradients] = jax.valueAndGrad(loss)(
      own.map(({ ref }) => ref),
      x,
      y,
    )
    if (!adam) return [value, [own.map((w, i) => w.sub(gradients[i].mul(alpha.ref))), first, second]]
    const m = first.map((old, i) => old.mul(beta1).add(gradients[i].ref.mul(1 - beta1)))
    const v = second.map((old, i) => old.mul(beta2).add(gradients[i].ref.mul(gradients[i]).mul(1 - beta2)))
    const moved = own.map((w, i) => w.sub(alpha.ref.mul(m[i].ref).div(np.sqrt(v[i].ref).add(epsilon))))
    return [value, [moved, m, v]]
  })
  const zeros = () => (adam ? weights.map(({ dims, size }) => np.array(new Float32Array(size), { shape: dims })) : [])
  let state = [weights.map(own), zeros(), zeros()]
  let steps = 0

  const step = async ({ x, y }: Samples): Promise<number> => {
    steps++
    const alpha = adam ? (rate * Math.sqrt(1 - beta2 ** steps)) / (1 - beta1 ** steps) : rate
    const [value, next] = update(state, np.array(Float32Array.of(alpha), { shape: [] }), own(x), own(y))
    state = next
    return (await value.data())[0]
  }
  return {
    step,
    async predict(x) {
      const y = forward(
        jax,
        configs,
        state[0].map(({ ref }) => ref),
        own(x),
      )
      const { shape } = y
      return new Tensor('float32', await y.data(), shape)
    },
  }
}
